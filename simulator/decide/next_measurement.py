"""Next measurement: what would most narrow an answer, and to what width.

The variance of the speed-up's logarithm is split by its sources. All joint draws are predicted
again with one source held at its estimate, by common random numbers. The variance of what that
changes, draw by draw, is the source's part: its total effect, interactions included, as in Saltelli
et al., *Global Sensitivity Analysis* (2008), but by the pairs, which chance correlations of 200
draws do not reach. For sources that act independently and multiply, the parts add up. What the
draws hold beside parameters is known by its scores, and is found by least squares once all
parameters are held.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from nworkers.models.base.leaves import leaves, mapped
from nworkers.models.base.statistics import Floats
from nworkers.models.costs.compute import compute_time
from nworkers.models.costs.extrapolation import log_spread
from nworkers.models.costs.stand_ins import STAND_INS, resting
from nworkers.models.costs.step import step_costs
from nworkers.models.findings.measuring_time import (
    CALIBRATION_S,
    FULL_CALIBRATION_S,
    IPERF3_S,
    NCCL_TESTS_S,
    STARTS,
    STEP_S,
    all_rounds_s,
    rounds_s,
    validation_s,
)
from nworkers.models.findings.rounds_apart import rounds_apart
from nworkers.models.findings.weak_parameters import sections_by_quantity
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import Interval, Prediction
from nworkers.models.records.profile import (
    NOMINAL,
    PARAMETERS,
    Parameter,
    Profile,
    parameters,
    value_at,
)
from nworkers.models.records.scenario import Scenario
from nworkers.simulator.study.ask import curve
from nworkers.simulator.study.predict import REPLICATIONS, predict
from nworkers.simulator.study.replications import model_scores, replications
from nworkers.simulator.study.resolve import ResolvedJob, resolve

#: What is measured: more rounds of all or of some quantities; a workload's step, by a calibration
#: or by hand; the answer itself, by training; larger sizes and more workers at once; a wire or
#: all-reduces, by a tool of others; the user's machine.
How = Literal[
    "rounds", "refine", "resume", "workload", "step_time", "train", "sizes", "iperf3", "nccl", "own"
]
#: What no measurement of parameters takes away.
Remains = Literal["runs", "model", "chance"]
Progress = Callable[[int, int], None]
#: Parts of the variance, or of a step that rests on another machine, below this get no line.
TELLING = 0.01
#: So many times the rounds there are halve a standard error; at most so many are added.
_TIMES, _MOST_ROUNDS = 4, 30
#: Up to here every number of workers is looked at one by one, so that a longer curve tells no more.
_FEW = 8
#: Cells that tell what flows share, and a push within a step.
_SHARED = ("fetch", "push", "exchange")
_WITHIN: Mapping[str, tuple[str, ...]] = {"push": ("fetch_push",)}


@dataclass(frozen=True)
class Suggested:
    """A measurement, what it would do to the answer, and how long it takes.

    ``share`` is its part of the variance of the speed-up's logarithm. Where the parameters are
    another machine's, or a name's, it is ``of`` the step that rests on them; ``interval`` is None
    then, since nobody knows how far off they are. ``quantities`` are those to measure, in so many
    ``rounds`` more; without any, all are measured, up to so many rounds.
    """

    how: How
    share: float
    of: Literal["variance", "step"]
    interval: Interval | None
    seconds: float
    quantities: tuple[str, ...] = ()
    rounds: int = 0


@dataclass(frozen=True)
class NextMeasurement:
    """What would narrow a prediction, the first to be done first.

    ``floor`` is what no measurement of parameters narrows, by its shares of the variance;
    ``floor_interval`` is the interval that this alone leaves.
    """

    job: ResolvedJob
    row: Prediction
    suggested: tuple[Suggested, ...]
    floor: dict[Remains, float]
    floor_interval: Interval


@dataclass(frozen=True)
class Parts:
    """Of the variance of the speed-up's logarithm: of quantities' parameters, and of the rest.

    ``compute`` and ``sizes`` are what extrapolation adds to computing and to what moves bytes.
    """

    whole: float
    quantities: dict[tuple[str, ...], float]
    runs: float
    model: float
    compute: float
    sizes: float
    chance: float


def next_measurement(
    request: JobRequest, workers: int | None = None, *, progress: Progress | None = None
) -> NextMeasurement:
    """Which measurement would most narrow the speed-up of so many workers.

    Args:
        workers: by default the fewest that beat the baseline, or of those up to 64 the best.
        progress: called with predictions done and their number.

    Raises:
        InputError: the request cannot be met; it carries the field.
    """
    at = _decisive(request, progress) if workers is None else workers
    job = resolve(request, [at])
    (scenario,) = job.scenarios
    row, parts = variance_parts(job, progress)
    floor = parts.runs + parts.model + parts.chance

    def narrowed(to: float) -> Interval:
        return _narrowed(row, max(floor, to) / parts.whole if parts.whole else 1.0)

    steps = [
        *_first(job, row),
        *_by_variance(job, scenario, parts, narrowed),
        *_trained(row, parts),
    ]
    shares: dict[Remains, float] = {
        "runs": parts.runs,
        "model": parts.model,
        "chance": parts.chance,
    }
    return NextMeasurement(
        job=job,
        row=row,
        suggested=tuple(sorted((s for s in steps if _tells(s)), key=_order)),
        floor={name: part / parts.whole if parts.whole else 0.0 for name, part in shares.items()},
        floor_interval=narrowed(floor),
    )


def _tells(of: Suggested) -> bool:
    """Rounds that differ may hide what they differ by, however little of it an interval shows."""
    return of.share >= TELLING or of.how == "rounds"


def _order(of: Suggested) -> tuple[int, float]:
    """What was never measured first, then rounds that differ, then the narrowest interval."""
    if of.interval is None:
        return 0, -of.share
    low, high = of.interval
    return (1 if of.how == "rounds" else 2), high / low


def _decisive(request: JobRequest, progress: Progress | None) -> int:
    for most in (_FEW, 64):
        found = curve(resolve(request, [most], curve=True), most, progress)
        if found.breakeven_workers is not None:
            return found.breakeven_workers
    return max(found.rows, key=lambda row: row.speedup).scenario.workers


def variance_parts(job: ResolvedJob, progress: Progress | None = None) -> tuple[Prediction, Parts]:
    """The prediction of a job with one scenario, and what makes its draws differ."""
    (scenario,) = job.scenarios
    profile = job.profile
    groups = _groups(profile)
    done = 0

    def predicted(of: Profile) -> Prediction:
        nonlocal done
        if progress is not None:
            progress(done, len(groups) + 3)
        done += 1
        return predict(of, scenario, baseline=job.baseline, seed=job.seed)

    row = predicted(profile)
    whole = np.log(row.draws)

    def part(held: Profile) -> float:
        return float(np.var(whole - np.log(predicted(held).draws)))

    costs = _numbers(profile, scenario)
    quantities: dict[tuple[str, ...], float] = {}
    for names, which in groups.items():
        held = _held(profile, which)
        # A baseline of workers is another scenario, with costs of its own.
        if job.baseline == "device" and _alike(costs, _numbers(held, scenario)):
            continue
        quantities[names] = part(held)
    runs = part(_alike_runs(profile))
    every = {key for which in groups.values() for key in which}
    logs = np.log(predicted(_alike_runs(_held(profile, every))).draws)
    return row, Parts(float(np.var(whole)), quantities, runs, *_by_scores(job, logs))


def _by_scores(job: ResolvedJob, logs: Floats) -> tuple[float, float, float, float]:
    """Of draws that differ by no parameter: the parts of the model, of both extrapolations, and of
    chance, which is what least squares leave.
    """
    (scenario,) = job.scenarios
    count = logs.size
    off = replications(job.profile.noise, job.seed, count).deviates
    known = compute_time(job.profile.drawn(None), scenario.workload, scenario.per_worker_batch)
    spread = log_spread(job.profile, scenario, known.log_spread)
    none = np.zeros(count)
    moved = any(spread[name] for name in spread if name != "compute")
    columns = [
        model_scores(job.seed, count),
        off["compute"] if spread.get("compute") else none,
        off["fetch"] if moved else none,
    ]
    design = np.column_stack([column**power for column in columns for power in (1, 2)])
    design = design - design.mean(axis=0)
    around = logs - logs.mean()
    fitted = np.linalg.lstsq(design, around, rcond=None)[0]
    found = [
        max(0.0, float(np.mean(around * (design[:, k : k + 2] @ fitted[k : k + 2]))))
        for k in (0, 2, 4)
    ]
    return found[0], found[1], found[2], max(0.0, float(np.var(logs)) - sum(found))


def _groups(profile: Profile) -> dict[tuple[str, ...], set[int]]:
    """Which parameters the cells of the same quantities tell of, by their identity."""
    found: dict[tuple[str, ...], set[int]] = {}
    for quantities, sections in sections_by_quantity(profile):
        names = (*quantities, *(more for name in quantities for more in _WITHIN.get(name, ())))
        found[names] = {id(of) for section in sections.values() for _, of in parameters(section)}
    told = {key for which in found.values() for key in which}
    found[_SHARED] = {id(of) for _, of in parameters(profile.link)} - told
    return {names: which for names, which in found.items() if which}


def _held(profile: Profile, which: Container[int]) -> Profile:
    """The profile with some parameters, by their identity, at their estimates in every draw."""

    def still(of: Parameter) -> Parameter:
        if id(of) not in which:
            return of
        return replace(of, draws=(value_at(of, None),) * len(of.draws))

    return replace(
        profile,
        device=mapped(profile.device, PARAMETERS, still),
        host=mapped(profile.host, PARAMETERS, still),
        link=mapped(profile.link, PARAMETERS, still),
        collective=mapped(profile.collective, PARAMETERS, still),
    )


def _alike_runs(profile: Profile) -> Profile:
    """The profile of which all runs are alike, as far as its parameters are."""
    between: tuple[dict[str, float], ...] = ({},) * len(profile.noise.between)
    return replace(profile, noise=replace(profile.noise, between=between))


def _numbers(profile: Profile, scenario: Scenario) -> list[Floats]:
    """Every number of a step's costs, in each draw."""
    return list(leaves(step_costs(profile, scenario, range(REPLICATIONS)), np.ndarray))


def _alike(some: list[Floats], others: list[Floats]) -> bool:
    return len(some) == len(others) and all(map(np.array_equal, some, others))


def _narrowed(row: Prediction, share: float) -> Interval:
    """The interval with a share of its variance: its ends nearer to the speed-up, in logarithms."""
    low, high = (math.log(end / row.speedup) for end in row.speedup_interval)
    less = math.sqrt(share)
    return row.speedup * math.exp(less * low), row.speedup * math.exp(less * high)


def _first(job: ResolvedJob, row: Prediction) -> Iterator[Suggested]:
    """What was never measured on the user's hardware."""
    profile, (scenario,) = job.profile, job.scenarios
    if job.shipped is not None:
        yield Suggested("own", 1.0, "step", None, CALIBRATION_S)
        return
    step_s = sum(row.breakdown.values())
    shares: dict[How, float] = {}
    for rested in resting(profile, scenario, row.breakdown).values():
        for share, part in rested:
            how: How = "own"
            if part.section in ("link", "bandwidth"):
                how = "iperf3"
            elif part.section == "collective":
                how = "nccl"
            shares[how] = shares.get(how, 0.0) + share
    reduced = scenario.strategy == "allreduce"
    sections = ("collective",) if reduced else ("link", "bandwidth")
    causes = [cause for part in STAND_INS if part.section in sections for cause in part.causes]
    on_wires = sum(row.breakdown.get(cause, 0.0) for cause in causes) / step_s
    known = profile.collective
    if profile.link.evidence == NOMINAL and not (reduced and known.imported):
        shares["nccl" if reduced and scenario.device == "gpu" else "iperf3"] = on_wires
    elif reduced and not known.measured and not known.imported and "nccl" not in shares:
        cells = ("noop", "allreduce")
        seconds = rounds_s(cells, profile.rounds)
        yield Suggested("resume", on_wires, "step", None, seconds, cells, profile.rounds)
    seconds_of: dict[How, float] = {
        "own": CALIBRATION_S, "iperf3": IPERF3_S, "nccl": NCCL_TESTS_S,
    }  # fmt: skip
    for how, share in shares.items():
        yield Suggested(how, share, "step", None, seconds_of[how])


def _by_variance(
    job: ResolvedJob, scenario: Scenario, parts: Parts, narrowed: Callable[[float], Interval]
) -> Iterator[Suggested]:
    """What is measured, or guessed from what is: the standard error falls with 1/√rounds."""
    if not parts.whole:
        return
    profile, share = job.profile, parts.compute / parts.whole
    interval = narrowed(parts.whole - parts.compute)
    # What is stated takes the place of what a calibration would measure.
    if scenario.workload.widths and not scenario.workload.stated_step:
        yield Suggested("workload", share, "variance", interval, CALIBRATION_S)
    else:
        yield Suggested("step_time", share, "variance", interval, STEP_S)
    beyond: How = "sizes"
    if scenario.strategy == "allreduce" and profile.collective.imported:
        beyond = "nccl"
    share, interval = parts.sizes / parts.whole, narrowed(parts.whole - parts.sizes)
    seconds = NCCL_TESTS_S if beyond == "nccl" else FULL_CALIBRATION_S
    yield Suggested(beyond, share, "variance", interval, seconds)
    rounds = profile.rounds
    more = min(_MOST_ROUNDS, max(2, (_TIMES - 1) * rounds))
    left = rounds / (rounds + more)
    if job.shipped is None and rounds_apart(profile.round_levels):
        part = sum(parts.quantities.values())
        share, interval = part / parts.whole, narrowed(parts.whole - part * (1.0 - left))
        yield Suggested(
            "rounds", share, "variance", interval, all_rounds_s(more), rounds=rounds + more
        )
    for quantities, part in parts.quantities.items():
        how = _how(profile, quantities)
        yield Suggested(
            how,
            part / parts.whole,
            "variance",
            narrowed(parts.whole - part * (1.0 - left)),
            {"nccl": NCCL_TESTS_S, "iperf3": IPERF3_S}.get(how, rounds_s(quantities, more)),
            quantities,
            more if how == "refine" else 0,
        )


def _how(profile: Profile, quantities: tuple[str, ...]) -> How:
    """By a calibration, or by the tool that measured it before."""
    if quantities == ("allreduce",) and profile.collective.imported:
        return "nccl"
    if quantities == _SHARED and profile.link.evidence in (NOMINAL, "imported"):
        return "iperf3"
    return "refine"


def _trained(row: Prediction, parts: Parts) -> Iterator[Suggested]:
    """A validation at the number asked: what the model is off by there is then known, but for what
    the mean of its starts is off by. The parameters stay as they are.
    """
    if not parts.whole:
        return
    left = parts.whole - parts.model + parts.runs / STARTS
    if left < parts.whole:
        interval = _narrowed(row, left / parts.whole)
        share = parts.model / parts.whole
        yield Suggested("train", share, "variance", interval, validation_s(1))
