"""Run specification: everything that an engine needs to know of a run, as plain values."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce

from nworkers.models.base.draws import Places, agreed, larger, taken
from nworkers.models.base.errors import InputError
from nworkers.models.costs.phase import Operation
from nworkers.models.costs.step import StepCosts
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.what_if import Failures, Stragglers
from nworkers.simulator.step.demand import Layout, Member, Weight, grouped
from nworkers.simulator.step.graph import GateKey
from nworkers.simulator.step.plan import SharedResource, StepPlan, asked, resources, step_plan
from nworkers.simulator.step.topology import ResourceKey, Topology, host_of, topology
from nworkers.simulator.step.variates import Variates

#: Steps 2 to 6 of 8 to 64 workers on a saturated fair link then come out within 3 % of long runs;
#: without room up to 5 % too long, and up to 20 % if all start within a step alone. With more
#: room, the phases of two or three workers, which last, would no longer be spread evenly.
_ROOM = 1.3
#: No run has more steps.
_ENDLESS = 2**30


@dataclass(frozen=True)
class Gate:
    """Where ``parties`` wait for each other, all but ``spare`` of them.

    With ``staleness``, a worker waits only if it is further ahead of the slowest than that.
    """

    parties: int
    spare: int = 0
    staleness: int | None = None


@dataclass(frozen=True)
class Faults:
    """What befalls tasks in a run, and the key of its random numbers.

    ``starts_over`` says whether a step that its worker's death interrupts is begun anew.
    """

    seed: int
    replication: int
    stragglers: Stragglers | None
    worker_failures: Failures | None
    ps_failures: Failures | None
    ps: int
    starts_over: bool


@dataclass(frozen=True, eq=False)
class RunSpec:
    """A run: the steps of all workers, what they share, how long it is, and its chance.

    Or several ``runs`` of one structure, whose numbers are arrays (`nworkers.models.base.draws`).
    ``plan_of`` and ``hosts`` have a place for every worker: that of its plan in ``plans``, and its
    host. Workers of one of ``kinds`` take equally long but for chance. ``operations`` are those
    that the plans name, and ``transfers`` those that have weights. ``asked`` has what demands name
    of ``resources``, each once, and whether a flow takes it. ``gates`` of one host alone are
    written with it. A host's input pipeline makes a batch in ``input_s``. Workers start over a time
    of ``start_over_s``. Of every worker ``warmup`` steps do not count, and ``steps`` after them do;
    ``by_round``, rounds do instead. ``topology`` has the capacity of every resource, contended or
    not. ``record`` asks for spans. Each worker ``stands_for`` so many, and what they share has that
    much less capacity in ``resources``. Once ``cancelled`` is not zero, an engine may give up.
    """

    plans: tuple[StepPlan, ...]
    plan_of: tuple[int, ...]
    hosts: tuple[int, ...]
    kinds: tuple[int, ...]
    operations: tuple[Operation, ...]
    transfers: tuple[int, ...]
    asked: Mapping[tuple[ResourceKey, ...], bool]
    resources: tuple[SharedResource, ...]
    topology: Topology
    gates: Mapping[tuple[GateKey, int | None], Gate]
    input_s: float
    start_over_s: float
    by_round: bool
    warmup: int
    steps: int
    variates: Variates
    faults: Faults | None = None
    record: bool = False
    stands_for: float = 1.0
    cancelled: bytearray = field(default_factory=lambda: bytearray(1))

    @property
    def workers(self) -> int:
        return len(self.plan_of)

    @property
    def runs(self) -> int | None:
        """How many there are; None if it is one, of plain numbers."""
        return self.variates.runs

    def of_runs(self, which: Places) -> RunSpec:
        """Some of the runs, or the one at a place."""
        return replace(
            self,
            plans=taken(self.plans, which),
            resources=taken(self.resources, which),
            topology=taken(self.topology, which),
            input_s=taken(self.input_s, which),
            start_over_s=taken(self.start_over_s, which),
            variates=self.variates.of_runs(which),
            faults=taken(self.faults, which),
        )

    @cached_property
    def hosts_of_plans(self) -> list[list[int]]:
        """Of each plan the hosts of its workers."""
        return _hosts_of(self.plan_of, self.hosts, len(self.plans))


def run_spec(
    costs: StepCosts,
    of: Layout,
    variates: Variates,
    *,
    warmup: int = 2,
    steps: int = 6,
    faults: Faults | None = None,
    record: bool = False,
) -> RunSpec:
    """Runs of every worker on its own, or of all in rounds if the strategy is synchronous.

    ps-sync: a round ends when every worker's push has arrived, or all but the backup workers'.
    allreduce: a collective begins when every worker has its gradients. ps-async: nobody waits for
    anybody, unless staleness is bounded.

    Args:
        warmup: steps of each worker before those that count.
        steps: steps of each worker that count.
        faults: what befalls the tasks.
        record: keep spans.

    Raises:
        InputError: the run would not end.
        Disagreement: draws differ in the structure of their runs.
    """
    scenario = of.scenario
    hosts = topology(costs, scenario, loopback=of.loopback, without=of.without)
    groups, contended = grouped(costs, of, hosts, variates.means)
    place: dict[Member, int] = {}
    plans: list[StepPlan] = []
    plan_of: list[int] = []
    kinds: list[int] = []
    number: dict[tuple[object, ...], int] = {}
    by_round = scenario.what_if.backup_workers > 0 and of.without != "barrier_wait"
    for group in groups:
        if group.member not in place:
            place[group.member] = len(plans)
            plans.append(step_plan(group, contended, of.discipline))
        plan_of += [place[group.member]] * group.count
        kind = () if by_round else _kind(group.member, hosts, scenario)
        kinds += [number.setdefault(kind, len(number))] * group.count
    alone_s = reduce(larger, (plan.alone_s({}) for plan in plans))
    if not agreed(alone_s > 0.0):
        raise InputError("workload", "a step of no time", "something that takes time in a step")
    parts = [part for plan in plans for activity in plan.activities for part in activity.parts]
    together = scenario.strategy != "ps-async" or scenario.what_if.hybrid
    where = of.hosts
    hosts_of = _hosts_of(plan_of, where, len(plans))
    named = asked(plans, hosts_of)
    shared = resources(named, hosts, of.discipline)
    return RunSpec(
        tuple(plans),
        tuple(plan_of),
        where,
        tuple(kinds),
        tuple(dict.fromkeys(part.operation for part in parts)),
        tuple(dict.fromkeys(weight.transfer for weight in _weights(plans))),
        named,
        shared if of.stands_for == 1.0 else _thinned(shared, of.stands_for, frozenset(where)),
        hosts,
        _gates(plans, plan_of, where, of),
        costs.input_s,
        0.0 if together else _start_over_s(plans, hosts_of, hosts, alone_s, of.stands_for),
        by_round,
        warmup,
        steps,
        variates,
        faults,
        record,
        of.stands_for,
    )


def _hosts_of(plan_of: Sequence[int], hosts: Sequence[int], plans: int) -> list[list[int]]:
    if plans == 1:
        return [list(hosts)]
    found: list[list[int]] = [[] for _ in range(plans)]
    for plan, host in zip(plan_of, hosts, strict=True):
        found[plan].append(host)
    return found


def _weights(plans: Sequence[StepPlan]) -> Iterator[Weight]:
    for plan in plans:
        for activity in plan.activities:
            for demand in activity.demands:
                if demand.weight is not None:
                    yield demand.weight


def _kind(member: Member, hosts: Topology, scenario: Scenario) -> tuple[object, ...]:
    """What tells workers apart whose steps differ by more than chance."""
    near = hosts.rack(member.host) in map(hosts.rack, scenario.ps_hosts)
    link = hosts.slower.get(member.host, 1.0)
    return member.slower, link, member.workers, member.ps, near, member.is_added


def _gates(
    plans: Sequence[StepPlan], plan_of: Sequence[int], hosts: Sequence[int], of: Layout
) -> dict[tuple[GateKey, int | None], Gate]:
    """Gates of all workers, and of those of each host.

    Without waiting for the slowest, every gate lets everybody through who comes.

    Args:
        plan_of: place of each worker's plan.
        hosts: of every worker.
    """
    change, workers = of.scenario.what_if, len(plan_of)
    named = {a.gate for plan in plans for a in plan.activities if a.gate is not None}
    found: dict[tuple[GateKey, int | None], Gate] = {}
    for gate in named:
        if gate[0] == "round":
            counts = Counter(plan_of)
            leaders = sum(counts[place] for place, plan in enumerate(plans) if plan.is_leader)
            spare = max(0, change.backup_workers - change.dead_workers)
            found[gate, None] = Gate(leaders, spare)
        elif gate[0] == "bound":
            found[gate, None] = Gate(workers, staleness=change.staleness or 0)
        elif gate[0] == "gradients":
            found[gate, None] = Gate(workers)
        else:
            found |= {(gate, host): Gate(count) for host, count in Counter(hosts).items()}
    if of.without == "barrier_wait":
        return {key: Gate(gate.parties, staleness=_ENDLESS) for key, gate in found.items()}
    return found


def _thinned(
    shared: Iterable[SharedResource], stands_for: float, own: Container[int]
) -> tuple[SharedResource, ...]:
    """Resources with as much less capacity as each worker stands for; but not its own."""

    def left(of: SharedResource) -> tuple[float, ...]:
        return tuple(
            capacity if host_of(key) in own else capacity / stands_for
            for key, capacity in zip(of.keys, of.capacities, strict=True)
        )

    return tuple(replace(of, capacities=left(of)) for of in shared)


def _start_over_s(
    plans: Sequence[StepPlan],
    hosts_of: Sequence[Sequence[int]],
    hosts: Topology,
    alone_s: float,
    stands_for: float,
) -> float:
    """Over how long asynchronous workers start, so that few steps lead to the steady state.

    Over a step alone, or over what the busiest resource needs for a step of every worker, with
    some room: no steady step is shorter than either (the asymptotic bounds of a closed network,
    Denning and Buzen, *ACM Computing Surveys* 10, 1978). Workers that start closer together than
    they can go on stay in a bunch for tens of steps under fair sharing.
    """
    busy_s: dict[ResourceKey, float] = defaultdict(float)
    for plan, of in zip(plans, hosts_of, strict=True):
        for activity in plan.activities:
            for demand in activity.demands:
                work_s = demand.work(activity.parts[0].wall_s)
                for key in demand.keys:
                    own = host_of(key) == plan.host
                    count = of.count(plan.host) if own else len(of) * stands_for
                    busy_s[key] = busy_s[key] + count * work_s / hosts.capacity(key)
    return larger(alone_s, _ROOM * reduce(larger, busy_s.values(), 0.0))
