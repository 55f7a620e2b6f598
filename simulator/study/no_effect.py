"""No effect: what of a what-if changes nothing in a job, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from nworkers.models.base.errors import InputError
from nworkers.models.costs.step import step_costs
from nworkers.models.records.prediction import Prediction
from nworkers.models.records.profile import Profile, parameters
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.setting import Changed, Setting
from nworkers.simulator.step.plan import StepPlan
from nworkers.simulator.step.run_spec import run_spec
from nworkers.simulator.step.topology import ResourceKey, host_of, on_host
from nworkers.simulator.step.variates import DrawnVariates
from nworkers.simulator.study.settings import with_settings
from nworkers.simulator.study.setup import setup


def no_effects(profile: Profile, rows: Iterable[Prediction]) -> Iterator[str]:
    """A line for each change that makes no difference to any row, with the reason for the last."""
    last_first = sorted(rows, key=lambda row: row.scenario.workers, reverse=True)
    change = last_first[0].scenario.what_if
    for field, words in change.worded.items():
        reasons = []
        for row in last_first:
            reason = _reason(profile, row, field)
            if reason is None:
                break
            reasons.append(reason)
        else:
            yield f"{words} changes nothing here: {reasons[0]}"
    for words in change.usual:
        yield f"{words} changes nothing here: it is so without a word"


def idle_settings(
    profile: Profile, changed: Iterable[Changed], rows: Sequence[Prediction]
) -> Iterator[str]:
    """A line for each parameter that was set and of which no row's costs depend."""
    found = dict(parameters(profile))
    for change in changed:
        if change.path not in found or not change.is_other:
            continue
        try:
            before, _ = with_settings(profile, [Setting(change.path, value=change.was)])
        except InputError:
            # Beside what else was set, it can no longer be as it was.
            continue
        if all(
            step_costs(before, row.scenario) == step_costs(profile, row.scenario) for row in rows
        ):
            yield f"{change.path} changes nothing here: no step of this job depends on it"


def _reason(profile: Profile, row: Prediction, field: str) -> str | None:
    """Why a field changes nothing; None where it may change something."""
    scenario = row.scenario
    change = scenario.what_if
    if field == "input_samples_per_s":
        return _of_input(profile, row)
    if field == "staleness" and scenario.workers == 1:
        return "one worker has nobody to be ahead of"
    if field in ("stragglers", "worker_failures", "ps_failures"):
        even = field == "stragglers" and change.stragglers and change.stragglers.factor == 1.0
        return "who is 1 times slower is not slower" if even else None
    if change.racks is not None and field == "racks" and change.racks.oversubscription == 1.0:
        return _racks(profile, scenario)
    plain = replace(scenario, what_if=change.without(field))
    if plain.counted_workers != scenario.counted_workers:
        return None
    if _likeness(profile, plain) != _likeness(profile, scenario):
        return None
    why = _WHY.get(field)
    return why(profile, scenario) if why else "the job is the same without it"


def _of_input(profile: Profile, row: Prediction) -> str | None:
    scenario = row.scenario
    plain = replace(scenario, what_if=scenario.what_if.without("input_samples_per_s"))
    alone_s, plain_s = (
        step_costs(profile, job).single_process.step_s(1.0) for job in (scenario, plain)
    )
    waits = row.breakdown["input"] > 0.0 or alone_s > plain_s or profile.host.input is not None
    return None if waits else "neither a worker nor one process ever waits for its next batch"


def _likeness(profile: Profile, scenario: Scenario) -> object:
    """All that decides how long a run takes; equal where two jobs are alike."""
    costs, of = step_costs(profile, scenario), setup(profile, scenario)
    spec = run_spec(costs, of.layout, DrawnVariates(of.noise, 1, 0))
    one_host = scenario.hosts == 1
    kept = {plan: _content(plan, one_host=one_host) for plan in spec.plans}
    resources = {
        (tuple(_placed(key, None, one_host=one_host) for key in shared.keys), shared.capacities)
        for shared in spec.resources
    }
    return (
        costs.single_process,
        costs.log_spread,
        spec.input_s,
        [kept[spec.plans[k]] for k in spec.plan_of],
        resources,
        spec.gates,
        spec.by_round,
    )


def _content(plan: StepPlan, *, one_host: bool) -> object:
    """A plan by its times and what it asks for; its own host without its number."""

    def keys(of: Iterable[ResourceKey]) -> object:
        return tuple(_placed(key, plan.host, one_host=one_host) for key in of)

    return [
        (
            [(part.operation, part.cause, part.wall_s) for part in activity.parts],
            [(keys(d.keys), d.rate, d.size_bytes, d.weight) for d in activity.demands],
            activity.gate,
            activity.input,
            activity.needs,
            activity.then,
        )
        for activity in plan.activities
    ]


def _placed(key: ResourceKey, own: int | None, *, one_host: bool) -> tuple[str, int]:
    kind, place = key
    if kind == "machine" and one_host:
        return _placed(("cores", 0), own, one_host=True)
    return on_host(key, own, -1) if own is not None and host_of(key) == own else (kind, place)


def _overlap(_: Profile, of: Scenario) -> str:
    if of.strategy == "allreduce":
        return "one all-reduce takes all gradients, and waits for the last; buckets make several"
    return "the model has one layer"


def _all_reduce(profile: Profile, of: Scenario) -> str:
    if of.what_if.all_reduce == "hierarchical":
        return "with one worker on each host it is the ring that was measured"
    return f"it is a {profile.collective.algorithm} without it"


def _shard_by(_: Profile, of: Scenario) -> str:
    return "there is one ps" if of.ps == 1 else "in turn, variables come to the same ps"


def _partition(_: Profile, of: Scenario) -> str:
    return "there is one ps" if of.ps == 1 else "no variable has two such parts"


def _racks(profile: Profile, of: Scenario) -> str:
    racks = of.what_if.racks
    if racks is not None and of.hosts <= racks.hosts:
        return "all hosts are in one rack"
    if profile.link.shared_bandwidth_bytes_per_s is None:
        return "no limit of the link is known"
    return "uplinks carry all that their hosts ask for"


def _inner_link(_: Profile, of: Scenario) -> str:
    if of.workers_on_a_host > 1 and of.strategy == "allreduce":
        return "every hop waits for the slowest link, which is the one between hosts"
    return "no two tasks on one host exchange tensors"


def _compute(_: Profile, of: Scenario) -> str:
    even = of.what_if.compute_factor == 1.0
    return "what is 1 times as fast is not faster" if even else "a step computes nothing"


def _one_machine(_: Profile, of: Scenario) -> str:
    return "all tasks are on one host" if of.hosts == 1 else "its cores suffice for all hosts"


#: Why each field may change nothing.
_WHY: dict[str, Callable[[Profile, Scenario], str]] = {
    "overlap": _overlap,
    "all_reduce": _all_reduce,
    "bucket_bytes": lambda *_: "all gradients fit into one bucket",
    "shard_by": _shard_by,
    "partition_bytes": _partition,
    "compression": lambda *_: "gradients keep all their bytes",
    "half_precision": lambda *_: "no variable has numbers of more than 16 bits",
    "racks": _racks,
    "inner_link": _inner_link,
    "compute_factor": _compute,
    "slow_workers": lambda *_: "who is 1 times slower is not slower",
    "slow_links": lambda *_: "what is 1 times slower is not slower",
    "one_machine": _one_machine,
}
