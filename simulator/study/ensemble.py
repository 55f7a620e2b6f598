"""Ensemble: one scenario trained many times, as often as the measurements leave room for doubt."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nworkers.models.base.draws import Disagreement, taken
from nworkers.models.base.statistics import Floats, central
from nworkers.models.costs.cost_change import CostChange, changed
from nworkers.models.costs.phase import OPERATIONS, Operation, Phase
from nworkers.models.costs.step import StepCosts, step_costs
from nworkers.models.records.prediction import CAUSES, OUTAGE, Cause, ResourceUse
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario
from nworkers.simulator.engine.base import Engine, Run, by_kind, mean_of, steps_in_a_mean_step
from nworkers.simulator.engine.engines import DEFAULT, IS_COMPILED
from nworkers.simulator.engine.uncollected import uncollected
from nworkers.simulator.step.labels import label
from nworkers.simulator.step.noise import mean_factors
from nworkers.simulator.step.run_spec import RunSpec, run_spec
from nworkers.simulator.step.topology import ResourceKey
from nworkers.simulator.step.uses import (
    alone_s,
    busiest_s,
    on_every_host,
    residences_s,
    service_demands_s,
)
from nworkers.simulator.step.variates import DrawnVariates
from nworkers.simulator.study.faults import kept_share, split
from nworkers.simulator.study.replications import Replications, replications, starting_phases
from nworkers.simulator.study.setup import faults, setup
from nworkers.simulator.study.side_by_side import run_all
from nworkers.simulator.study.steady import steady_step_s
from nworkers.simulator.study.warmup import warmup_steps

Indices = npt.NDArray[np.intp]
#: What chance may leave open of a central step time, as its standard error; where nothing is
#: compiled, each draw takes too long for more than need be.
MOST_ERROR = 0.01 if IS_COMPILED else 0.02
#: More draws are run until this is left, of which seeds then show up to a fifth more: those draws
#: are enough first that happen to scatter little. So many are run at once.
_ENOUGH, RUNS_AT_ONCE = 0.8 * MOST_ERROR, 50 if IS_COMPILED else 16
#: More steps of all workers in all runs are not taken for it.
_MOST_WORKER_STEPS = 2_000_000
#: Length of the run whose mean an interval is for.
RUN_S = 30.0
#: Steps that count, of all workers together in one replication; each takes 4 to 16 of them.
_WORKER_STEPS = 32
_MIN_STEPS, _MAX_STEPS = 4, 16
#: The same of a run with faults so short that they are simulated (`faults`), which is to see some.
_FAULTY_WORKER_STEPS, _MIN_FAULTY_STEPS = 1_000, 100


@dataclass(frozen=True)
class Ensemble:
    """Step times of each replication, spread as the means of 30 s runs are, and their causes.

    ``short_step_s`` are those that were simulated, with all the chance of few steps.
    ``single_step_s`` is the single process's mean step in the same replications, ``alone_s`` that
    of a worker whom nobody else slows.
    ``monte_carlo_error`` is what chance leaves open of the central step time's logarithm.
    ``breakdown`` adds up to the central ``step_time_s``. ``warmup`` is how many steps of each
    worker were cut, of ``steps`` that were simulated.
    """

    step_time_s: Floats
    short_step_s: Floats
    single_step_s: Floats
    alone_s: Floats
    monte_carlo_error: float
    breakdown: dict[str, float]
    resources: tuple[ResourceUse, ...]
    warmup: int
    steps: int


@dataclass(frozen=True)
class _Part:
    """Some runs: mean steps of each kind of workers, [run, kind, step], and their causes."""

    places: Indices
    steps_s: Floats
    breakdown: dict[Cause, float]


def _part(places: Indices, run: Run) -> _Part:
    whole_s = np.concatenate([run.warmup_s, run.steps_s], axis=-1)
    return _Part(places, by_kind(whole_s, run.kinds), run.breakdown)


class _Group:
    """Draws whose runs have one structure, by their ``places`` among all."""

    def __init__(self, places: Indices, spec: RunSpec) -> None:
        self.places, self.spec = places, spec
        self._ended = np.ones(spec.workers)

    def ended(self, runs: int) -> Floats:
        """How many steps each worker ends in a mean step's time, in each of so many runs."""
        return np.broadcast_to(self._ended, (runs, self._ended.size))

    def runs(
        self, engine: Engine, block: range, starts: Floats
    ) -> Iterator[tuple[Indices, RunSpec, Run]]:
        """Runs of the draws within a block, with their places; ``starts`` are of the block."""
        which = np.flatnonzero((self.places >= block.start) & (self.places < block.stop))
        if not which.size:
            return
        places = self.places[which]
        of = self.spec.of_runs(which)
        begun = replace(of, variates=of.variates.starting(starts[places - block.start]))
        done = 0
        for part, run in run_all(engine, begun):
            of_part = places[done : done + len(run.steps_s)]
            done += of_part.size
            self._ended = steps_in_a_mean_step(run).mean(axis=0)
            yield of_part, part, run


class _CentralSeconds:
    """Of each resource the geometric mean over the replications that ask for it."""

    def __init__(self) -> None:
        self._logs: dict[ResourceKey, float] = defaultdict(float)
        self._counts: dict[ResourceKey, int] = defaultdict(int)

    def add(self, seconds: Mapping[ResourceKey, float]) -> None:
        """Of several replications, which each has some or none."""
        if not seconds:
            return
        values = np.array(list(seconds.values()))
        asked = values > 0.0
        logs = np.log(np.where(asked, values, 1.0)).sum(axis=1)
        for key, log, count in zip(seconds, logs, asked.sum(axis=1), strict=True):
            self._logs[key] += log
            self._counts[key] += count

    def all(self) -> dict[ResourceKey, float]:
        """Those that were asked for."""
        return {
            key: math.exp(self._logs[key] / count) for key, count in self._counts.items() if count
        }


def run_length(scenario: Scenario) -> tuple[int, int]:
    """Steps of each worker in a replication: those of the warm-up, and those that count."""
    steps = min(_MAX_STEPS, max(_MIN_STEPS, _WORKER_STEPS // scenario.workers))
    return max(2, steps // 3), steps


@uncollected()
def simulate(
    profile: Profile,
    scenario: Scenario,
    seed: int,
    count: int,
    progress: Callable[[int, int], None] | None = None,
    engine: Engine = DEFAULT,
    change: CostChange | None = None,
) -> Ensemble:
    """Train the scenario by ``count`` draws of parameters, each with its own chance.

    So many draws are run as leave the central step time a standard error of `MOST_ERROR`; of the
    others `_as_long_runs` tells. The single process meets the same draws and the same chance
    between runs; within a run, its step varies as a worker's compute does.

    Args:
        change: of what the workers' steps cost; the single process has them as they are.
    """
    of = setup(profile, scenario)
    where = replace(of.layout, without=None if change is None else change.free)
    warmup, steps = run_length(scenario)
    short, kept = scenario.what_if, 1.0
    if scenario.what_if.faults:
        short, long = split(scenario, steady_step_s(profile, scenario))
        kept = kept_share(profile, scenario, long) if long.faults else 1.0
    if short.faults:
        steps = max(_MIN_FAULTY_STEPS, _FAULTY_WORKER_STEPS // scenario.workers)
    drawn = replications(of.noise, seed, count)
    costs = changed(step_costs(profile, scenario, range(count)), change)
    costs = _unsure(costs, drawn)
    slowdown = _slowdown(drawn, costs.log_spread)
    means = mean_factors(of.noise)
    alone = _slowdown(drawn, {"compute": costs.single_process.log_spread})
    single_s = costs.single_process.step_s(means["compute"] * alone["compute"])
    factors = {name: means[name] * slowdown[name] for name in OPERATIONS}
    every: Any = np.arange(count)
    variates = DrawnVariates(of.noise, seed, every, slowdown)

    def spec(which: Any) -> RunSpec:
        whole = which.size == count
        return run_spec(
            costs if whole else taken(costs, which),
            where,
            variates if whole else variates.of_runs(which),
            warmup=warmup,
            steps=steps,
            faults=faults(short, scenario, seed, which),
        )

    groups = [_Group(which, of_which) for which, of_which in _alike(spec, count)]
    traits = _traits(costs, slowdown)
    least_s = np.empty(count)
    for group in groups:
        least_s[group.places] = alone_s(group.spec, taken(factors, group.places))
    parts: list[_Part] = []
    demands, residences = _CentralSeconds(), _CentralSeconds()
    most = _MOST_WORKER_STEPS // (of.layout.workers * (warmup + steps))
    done, error = 0, math.inf
    while done < min(count, max(1, most)) and error > _ENOUGH:
        block = range(done, min(count, done + RUNS_AT_ONCE))
        starts = starting_phases(seed, of.layout.workers, block)
        for group in groups:
            for places, of_part, run in group.runs(engine, block, starts):
                ended = group.ended(places.size)
                demands.add(service_demands_s(of_part, ended, taken(factors, places)))
                residences.add(residences_s(of_part, ended, run.lasted_s))
                parts.append(_part(places, run))
                if progress is not None:
                    progress(sum(part.places.size for part in parts), block.stop)
        done = block.stop
        back = np.concatenate([part.places for part in parts]).argsort()
        all_s = np.concatenate([part.steps_s for part in parts])[back]
        # Two steps at least: in the first, nobody has met anybody.
        cut = max(2, warmup_steps(all_s, np.bincount(run.kinds)))
        means_s = np.asarray(mean_of(all_s[..., cut:], run.kinds))
        step_time_s, error = _as_long_runs(means_s, traits, least_s, all_s.shape[2] - cut)
    busy_s = np.empty(count)
    for group in groups:
        of_group = taken(factors, group.places)
        demands_s = service_demands_s(group.spec, group.ended(group.places.size), of_group)
        busy_s[group.places] = busiest_s(group.spec, demands_s)
    # No resource is faster than it can be, whatever few steps say.
    step_time_s = np.maximum(step_time_s, busy_s)
    whole_s = central(step_time_s)
    breakdown = _breakdown(parts, whole_s)
    if kept < 1.0:
        breakdown[OUTAGE] = breakdown.get(OUTAGE, 0.0) + whole_s * (1.0 / kept - 1.0)
    return Ensemble(
        step_time_s / kept,
        means_s / kept,
        np.asarray(single_s),
        least_s,
        error,
        breakdown,
        _resources(groups[0].spec, demands, residences, scenario, whole_s / kept),
        cut,
        all_s.shape[2],
    )


def _resources(
    spec: RunSpec,
    demands: _CentralSeconds,
    residences: _CentralSeconds,
    scenario: Scenario,
    step_time_s: float,
) -> tuple[ResourceUse, ...]:
    """The busiest first."""
    stay_s = on_every_host(spec, residences.all())
    use_s = on_every_host(spec, demands.all())
    # Demand is measured where tasks compete, and may be more than a task alone finds time for.
    found = [
        ResourceUse(
            label(key, scenario), min(1.0, of_s / step_time_s), stay_s.get(key, 0.0) / step_time_s
        )
        for key, of_s in sorted(use_s.items())
    ]
    return tuple(sorted(found, key=lambda use: -use.utilisation))


def _alike(spec: Callable[[Indices], RunSpec], count: int) -> Iterator[tuple[Indices, RunSpec]]:
    """The replications, those together whose runs have one structure."""
    left = [np.arange(count)]
    while left:
        which = left.pop()
        try:
            made = spec(which)
        except Disagreement as apart:
            left += [which[~apart.truth], which[apart.truth]]
        else:
            yield which, made


def _slowdown(of: Replications, log_spread: Mapping[Operation, float]) -> dict[Operation, float]:
    """What multiplies each operation throughout each run."""
    slowdown: dict[Operation, Any] = dict(of.between)
    for operation, spread in log_spread.items():
        # numpy's exponential is another on other processors, and long runs make rounding grow.
        slower = [math.exp(spread * deviate) for deviate in of.deviates[operation].tolist()]
        slowdown[operation] = slowdown[operation] * np.array(slower)
    return slowdown


def _unsure(costs: StepCosts, of: Replications) -> StepCosts:
    """The costs; the compute of added workers as much more or less sure as it is known."""
    if costs.added is None:
        return costs
    name: Operation = "compute"
    more = {name: costs.added.log_spread[name] - costs.log_spread[name]}
    slower: Any = _slowdown(replace(of, between={name: np.ones(1)}), more)[name]
    compute = costs.added.compute
    compute = replace(compute, wall_s=compute.wall_s * slower, worker_s=compute.worker_s * slower)
    return replace(costs, added=replace(costs.added, compute=compute))


def _traits(costs: StepCosts, slowdown: Mapping[Operation, float]) -> Floats:
    """What a replication's long-run step time depends on, as logarithms; [run, trait].

    Seconds of wall and of processor that a step takes alone, and what the link carries.
    """
    shared = costs.shared_bandwidth_bytes_per_s
    each = [*_alone_s(costs, slowdown), 1.0 if shared is None else shared]
    if costs.added is not None:
        each += _alone_s(costs.added, slowdown)
    values = np.array(np.broadcast_arrays(*each))
    return np.asarray(np.log(np.where(values > 0.0, values, 1.0)).T)


def _alone_s(costs: StepCosts, slowdown: Mapping[Operation, float]) -> list[float]:
    """Seconds of wall and of processor."""
    phases: list[Phase] = [costs.dispatch, costs.compute, *costs.collective]
    phases += [phase for chain in costs.fetch + costs.push for phase in chain]
    wall_s = sum(p.wall_s * slowdown[p.operation] for p in phases)
    processor_s = sum((p.worker_s + p.ps_s) * slowdown[p.operation] for p in phases)
    return [wall_s, processor_s]


def _as_long_runs(
    step_time_s: Floats, traits: Floats, least_s: Floats, steps: int
) -> tuple[Floats, float]:
    """Step times with as much chance left in them as runs of 30 s would have; and what chance
    leaves open of their mean logarithm, as its standard error.

    A replication is short, and how its workers happen to be in phase lasts for tens of steps, so
    that most of its chance averages out in 30 s. Log step times are fitted by least squares to the
    replication's traits: what the fit explains is uncertainty of the parameters and variation
    between runs, and stays. The residuals are the chance of a short run, whose variance falls with
    its length: they shrink by √(steps simulated / steps in 30 s). Draws that were not run have the
    fit's step time, and the residuals of those that were in turn (a regression metamodel: Kleijnen,
    *Design and Analysis of Simulation Experiments*, 2015). In the middle they are no shorter
    than steps of workers alone, so that few lucky steps are no speed-up of N times and more.

    Args:
        step_time_s: of the first draws.
        traits: of all draws.
        least_s: the mean step of a worker alone, of all draws.
        steps: that each of them is the mean of.
    """
    design = np.column_stack([np.ones(len(traits)), traits])
    design[:, 1:] -= design[:, 1:].mean(axis=0)
    logs = np.log(step_time_s)
    fitted = design @ np.linalg.lstsq(design[: logs.size], logs, rcond=None)[0]
    left = logs - fitted[: logs.size]
    long_run_steps = max(1.0, RUN_S / central(step_time_s))
    fitted += max(0.0, float(np.mean(np.log(np.maximum(least_s, 1e-300)) - fitted)))
    shrunk = fitted + np.resize(left, fitted.size) * math.sqrt(steps / long_run_steps)
    freedom = max(1, logs.size - design.shape[1])
    error = math.sqrt(float(np.sum(left**2)) / freedom / logs.size)
    return np.asarray(np.exp(shrunk), dtype=np.float64), error


def _breakdown(parts: Sequence[_Part], step_time_s: float) -> dict[str, float]:
    """Mean seconds per cause, scaled to add up to the central step time."""
    seconds: dict[Cause, float] = dict.fromkeys(CAUSES, 0.0)
    for part in parts:
        for cause, each_s in part.breakdown.items():
            seconds[cause] = seconds.get(cause, 0.0) + float(np.sum(each_s))
    scale = step_time_s / sum(seconds.values())
    return {cause: value * scale for cause, value in seconds.items()}
