"""Ensemble: one scenario trained many times, as often as the measurements leave room for doubt."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from nworkers.models.base.statistics import Floats, central
from nworkers.models.costs.phase import OPERATIONS, Operation, Phase
from nworkers.models.costs.step import StepCosts, step_costs
from nworkers.models.records.prediction import CAUSES, OUTAGE, Cause, ResourceUse
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario
from nworkers.simulator.engine.base import Engine, Run, mean_step_s, steps_in_a_mean_step
from nworkers.simulator.engine.engines import DEFAULT
from nworkers.simulator.engine.uncollected import uncollected
from nworkers.simulator.step.labels import label
from nworkers.simulator.step.noise import mean_factors
from nworkers.simulator.step.run_spec import RunSpec, run_spec
from nworkers.simulator.step.topology import ResourceKey
from nworkers.simulator.step.uses import (
    alone_s,
    busiest_s,
    residences_s,
    service_demands_s,
)
from nworkers.simulator.step.variates import DrawnVariates
from nworkers.simulator.study.faults import kept_share, split
from nworkers.simulator.study.replications import Replication, replications, starting_phases
from nworkers.simulator.study.setup import faults, setup
from nworkers.simulator.study.side_by_side import run_all
from nworkers.simulator.study.steady import steady_step_s
from nworkers.simulator.study.warmup import warmup_steps

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

    ``short_step_s`` are the same as they were simulated, with all the chance of few steps.
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


class _CentralSeconds:
    """Of each resource the geometric mean over the replications that ask for it."""

    def __init__(self) -> None:
        self._keys: tuple[ResourceKey, ...] = ()
        self._logs = self._counts = np.zeros(0)

    def add(self, seconds: Mapping[ResourceKey, float]) -> None:
        keys = tuple(seconds)
        if keys != self._keys:
            # Another draw may ask for others.
            known = dict.fromkeys((*self._keys, *keys))
            more = np.zeros(len(known) - len(self._keys))
            self._keys = tuple(known)
            self._logs, self._counts = (np.append(of, more) for of in (self._logs, self._counts))
            seconds = dict.fromkeys(self._keys, 0.0) | dict(seconds)
        values = np.array(list(seconds.values()))
        asked = values > 0.0
        self._logs[asked] += np.log(values[asked])
        self._counts[asked] += 1

    def all(self) -> dict[ResourceKey, float]:
        """Those that were asked for."""
        asked = self._counts > 0
        means = np.exp(self._logs[asked] / self._counts[asked]).tolist()
        keys = [key for key, of in zip(self._keys, asked.tolist(), strict=True) if of]
        return dict(zip(keys, means, strict=True))


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
) -> Ensemble:
    """Train the scenario ``count`` times, each with its own draw of parameters and noise.

    The single process meets the same draw and the same chance between runs; within a run, its step
    varies as a worker's compute does.
    """
    of = setup(profile, scenario)
    warmup, steps = run_length(scenario)
    short, kept = scenario.what_if, 1.0
    if scenario.what_if.faults:
        short, long = split(scenario, steady_step_s(profile, scenario))
        kept = kept_share(profile, scenario, long) if long.faults else 1.0
    if short.faults:
        steps = max(_MIN_FAULTY_STEPS, _FAULTY_WORKER_STEPS // scenario.workers)
    starts = starting_phases(seed, of.layout.workers, count)
    means = mean_factors(of.noise)
    single_s: list[float] = []
    traits: list[list[float]] = []
    factors: deque[dict[Operation, float]] = deque()

    def specs() -> Iterator[RunSpec]:
        for replication in replications(of.noise, seed, count):
            index = replication.index
            costs = step_costs(profile, scenario, draw=index)
            slowdown = _slowdown(replication, costs.log_spread)
            traits.append(_traits(costs, slowdown))
            alone = _slowdown(replication, {"compute": costs.single_process.log_spread})
            single_s.append(costs.single_process.step_s(means["compute"] * alone["compute"]))
            factors.append({name: means[name] * slowdown[name] for name in OPERATIONS})
            variates = DrawnVariates(of.noise, seed, index, slowdown, starts[index].tolist())
            fates = faults(short, scenario, seed, index)
            yield run_spec(costs, of.layout, variates, warmup=warmup, steps=steps, faults=fates)

    runs: list[Run] = []
    busy_s: list[float] = []
    least_s: list[float] = []
    demands, residences = _CentralSeconds(), _CentralSeconds()
    for spec, run in run_all(engine, specs()):
        ended, of_run = steps_in_a_mean_step(run), factors.popleft()
        demands_s = service_demands_s(spec, ended, of_run)
        busy_s.append(busiest_s(spec, demands_s))
        least_s.append(alone_s(spec, of_run))
        demands.add(demands_s)
        residences.add(residences_s(spec, ended, run.lasted_s))
        runs.append(run)
        if progress is not None:
            progress(len(runs), count)
    all_s = np.stack([np.hstack([run.warmup_s, run.steps_s]) for run in runs])
    # Two steps at least: in the first, nobody has met anybody.
    cut = max(2, warmup_steps(all_s))
    means_s = np.array([mean_step_s(run_s[:, cut:], runs[0].kinds) for run_s in all_s])
    step_time_s, error = _as_long_runs(means_s, traits, all_s.shape[2] - cut)
    # No resource is faster than it can be, whatever few steps say.
    step_time_s = np.maximum(step_time_s, busy_s)
    whole_s = central(step_time_s)
    breakdown = _breakdown(runs, whole_s)
    if kept < 1.0:
        breakdown[OUTAGE] = breakdown.get(OUTAGE, 0.0) + whole_s * (1.0 / kept - 1.0)
    return Ensemble(
        step_time_s / kept,
        means_s / kept,
        np.array(single_s),
        np.array(least_s),
        error,
        breakdown,
        _resources(demands, residences, scenario, whole_s / kept),
        cut,
        all_s.shape[2],
    )


def _resources(
    demands: _CentralSeconds, residences: _CentralSeconds, scenario: Scenario, step_time_s: float
) -> tuple[ResourceUse, ...]:
    """The busiest first."""
    stay_s = residences.all()
    # Demand is measured where tasks compete, and may be more than a task alone finds time for.
    found = [
        ResourceUse(
            label(key, scenario), min(1.0, use_s / step_time_s), stay_s.get(key, 0.0) / step_time_s
        )
        for key, use_s in sorted(demands.all().items())
    ]
    return tuple(sorted(found, key=lambda use: -use.utilisation))


def _slowdown(run: Replication, log_spread: Mapping[Operation, float]) -> dict[Operation, float]:
    """What multiplies each operation throughout a run."""
    slowdown = dict(run.between)
    for operation, spread in log_spread.items():
        slowdown[operation] *= math.exp(spread * run.deviates[operation])
    return slowdown


def _traits(costs: StepCosts, slowdown: dict[Operation, float]) -> list[float]:
    """What a replication's long-run step time depends on, as logarithms.

    Seconds of wall and of processor that a step takes alone, and what the link carries.
    """
    phases: list[Phase] = [costs.dispatch, costs.compute, *costs.collective]
    phases += [phase for chain in costs.fetch + costs.push for phase in chain]
    wall_s = sum(p.wall_s * slowdown[p.operation] for p in phases)
    processor_s = sum((p.worker_s + p.ps_s) * slowdown[p.operation] for p in phases)
    shared = costs.shared_bandwidth_bytes_per_s
    return [math.log(value) for value in (wall_s, processor_s or 1.0, shared or 1.0)]


def _as_long_runs(
    step_time_s: Floats, traits: list[list[float]], steps: int
) -> tuple[Floats, float]:
    """Step times with as much chance left in them as runs of 30 s would have; and what chance
    leaves open of their mean logarithm, as its standard error.

    A replication is short, and how its workers happen to be in phase lasts for tens of steps, so
    that most of its chance averages out in 30 s. Log step times are fitted by least squares to the
    replication's traits: what the fit explains is uncertainty of the parameters and variation
    between runs, and stays. The residuals are the chance of a short run, whose variance falls with
    its length: they shrink by √(steps simulated / steps in 30 s).
    """
    design = np.column_stack([np.ones(len(traits)), np.array(traits)])
    design[:, 1:] -= design[:, 1:].mean(axis=0)
    logs = np.log(step_time_s)
    fitted = design @ np.linalg.lstsq(design, logs, rcond=None)[0]
    long_run_steps = max(1.0, RUN_S / central(step_time_s))
    shrunk = fitted + (logs - fitted) * math.sqrt(steps / long_run_steps)
    freedom = max(1, logs.size - design.shape[1])
    error = math.sqrt(float(np.sum((logs - fitted) ** 2)) / freedom / logs.size)
    return np.asarray(np.exp(shrunk), dtype=np.float64), error


def _breakdown(runs: list[Run], step_time_s: float) -> dict[str, float]:
    """Mean seconds per cause, scaled to add up to the central step time."""
    causes: dict[Cause, None] = dict.fromkeys(
        (*CAUSES, *(cause for run in runs for cause in run.breakdown))
    )
    seconds = {
        cause: float(np.mean([run.breakdown.get(cause, 0.0) for run in runs])) for cause in causes
    }
    scale = step_time_s / sum(seconds.values())
    return {cause: value * scale for cause, value in seconds.items()}
