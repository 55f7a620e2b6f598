"""Explain: where a step's time goes, what each cause costs, and which quantities move it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import central, interval90
from nworkers.models.costs.cost_change import CostChange
from nworkers.models.costs.step import step_costs
from nworkers.models.records.explained import Elasticity, Explained, Freed
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import OUTAGE, Cause, Prediction
from nworkers.models.records.profile import SPREAD, Profile
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.setting import Settable, Setting
from nworkers.simulator.engine.engines import IS_COMPILED
from nworkers.simulator.step.run_spec import run_spec
from nworkers.simulator.step.topology import ResourceKey
from nworkers.simulator.step.uses import alone_s, service_demands_s
from nworkers.simulator.step.variates import deterministic
from nworkers.simulator.study.ensemble import Ensemble, simulate
from nworkers.simulator.study.predict import REPLICATIONS, baseline_of, beside
from nworkers.simulator.study.resolve import ResolvedJob, resolve
from nworkers.simulator.study.settings import settables, with_settings
from nworkers.simulator.study.setup import setup

Progress = Callable[[int, int], None]
Known = Callable[[Prediction], None]
#: Of a step; what takes less buys little.
LEAST_SHARE = 0.005
MOST_ELASTICITIES = 10
#: Percent of a step for 1 %; less is no lever.
LEAST_PERCENT = 0.01
#: How far a quantity is moved either way, as a factor, and by how many draws. So far that chance,
#: which is another where workers meet otherwise, leaves less than a tenth open.
_MOVED, _DRAWS = 1.2, 24 if IS_COMPILED else 12
_DEVIATES_90 = 1.645


def explain(request: JobRequest, workers: int, *, progress: Progress | None = None) -> Explained:
    """Where a step of so many workers goes, and what would change it.

    Raises:
        InputError: the request cannot be met; it carries the field.
    """
    return explained(resolve(request, [workers]), progress)


def explained(
    job: ResolvedJob, progress: Progress | None = None, known: Known | None = None
) -> Explained:
    """Of a job with one number of workers; ``known`` is called with its row first."""
    (scenario,) = job.scenarios
    base = baseline_of(job.profile, scenario, job.baseline, job.seed, REPLICATIONS)

    def row(of: Scenario, free: Cause | None = None) -> Prediction:
        return beside(
            job.profile,
            of,
            base,
            baseline=job.baseline,
            seed=job.seed,
            replications=REPLICATIONS,
            change=None if free is None else CostChange(frozenset([free])),
        )

    as_it_is = row(scenario)
    if known is not None:
        known(as_it_is)
    causes = [
        cause
        for cause, spent_s in as_it_is.breakdown.items()
        if spent_s > LEAST_SHARE * as_it_is.step_time_s
    ]
    todo = len(causes) + MOST_ELASTICITIES

    def done(count: int) -> None:
        if progress is not None:
            progress(count, todo)

    freed = []
    for number, cause in enumerate(causes):
        done(number)
        without = row(_faultless(scenario)) if cause == OUTAGE else row(scenario, _as_cause(cause))
        freed.append(_freed(as_it_is, without, cause))
    freed.sort(key=lambda of: -of.ratio)
    moving: list[Elasticity] = []
    for settable in _movers(job.profile, scenario, as_it_is.step_time_s):
        done(len(causes) + len(moving))
        moving.append(_elasticity(job.profile, scenario, job.seed, settable))
    done(todo)
    # What chance alone may have moved is no lever.
    found = [
        of
        for of in moving
        if abs(of.percent) >= LEAST_PERCENT and not of.interval[0] <= 0.0 <= of.interval[1]
    ]
    found.sort(key=lambda of: -abs(of.percent))
    return Explained(as_it_is, tuple(freed), tuple(found))


def _faultless(scenario: Scenario) -> Scenario:
    what_if = replace(scenario.what_if, stragglers=None, worker_failures=None, ps_failures=None)
    return replace(scenario, what_if=what_if)


def _as_cause(name: str) -> Cause:
    cause: Cause = name  # type: ignore[assignment]  # a breakdown's keys are causes
    return cause


def _freed(row: Prediction, without: Prediction, cause: str) -> Freed:
    """The ratio's interval is of the ratio in each draw: what moves both cancels."""
    draws = np.array(without.throughput_draws) / np.array(row.throughput_draws)
    ratio = without.throughput_samples_per_s / row.throughput_samples_per_s
    return Freed(
        cause,
        row.breakdown[cause],
        without.step_time_s,
        ratio,
        interval90(draws, ratio),
        without.speedup,
        without.speedup_interval,
        without.bottleneck,
        without.breakdown[without.bottleneck] / without.step_time_s,
    )


@dataclass(frozen=True)
class _Bounds:
    """What no mean step is shorter than: a worker alone, and what each resource works for it."""

    alone_s: float
    works_s: Mapping[ResourceKey, float]

    def moved(self, other: _Bounds) -> float:
        """By how many seconds the bound that moves most does."""
        keys = self.works_s.keys() | other.works_s.keys()
        works = (abs(self.works_s.get(k, 0.0) - other.works_s.get(k, 0.0)) for k in keys)
        return max(abs(self.alone_s - other.alone_s), *works, 0.0)


def _bounds(profile: Profile, scenario: Scenario) -> _Bounds:
    """By the estimates, without chance."""
    variates = deterministic()
    spec = run_spec(step_costs(profile, scenario), setup(profile, scenario).layout, variates)
    ended = np.ones(spec.workers)
    return _Bounds(alone_s(spec, {}), service_demands_s(spec, ended, {}))


def _movers(profile: Profile, scenario: Scenario, step_time_s: float) -> list[Settable]:
    """The quantities that may move a step most: by how far they move what no step is shorter than.

    A step that waits for one resource alone follows its work in proportion, any other by less
    (asymptotic bounds, Denning and Buzen, *ACM Computing Surveys* 10, 1978). What varies a step is
    in no bound, and always among them.
    """
    bounds = _bounds(profile, scenario)
    moved = []
    for settable in settables(profile):
        if settable.value is None or settable.value <= 0.0:
            continue
        if settable.path == SPREAD:
            moved.append((math.inf, settable))
            continue
        ends = (_with(profile, settable, factor) for factor in (_MOVED, 1.0 / _MOVED))
        other = next((end for end in ends if end is not None), None)
        if other is not None:
            by_s = bounds.moved(_bounds(other, scenario)) / math.log(_MOVED)
            moved.append((by_s / step_time_s, settable))
    moved.sort(key=lambda of: -of[0])
    return [settable for by, settable in moved[:MOST_ELASTICITIES] if by >= LEAST_PERCENT]


def _elasticity(profile: Profile, scenario: Scenario, seed: int, of: Settable) -> Elasticity:
    """Of step time over the quantity, between logarithms, from a little less to a little more."""
    ends = [(f, _with(profile, of, f)) for f in (1.0 / _MOVED, _MOVED)]
    (low, less), (high, more) = ((f, p) if p is not None else (1.0, profile) for f, p in ends)
    before, after = (simulate(p, scenario, seed, _DRAWS) for p in (less, more))
    way = math.log(high / low)
    percent = math.log(central(after.step_time_s) / central(before.step_time_s)) / way
    error = _DEVIATES_90 * _left_open(before, after) / way
    assert of.value is not None
    return Elasticity(of.path, of.unit, of.value, percent, (percent - error, percent + error))


def _left_open(before: Ensemble, after: Ensemble) -> float:
    """The standard error of the ratio's logarithm, from the ratio in each run."""
    each = np.log(after.short_step_s / before.short_step_s)
    return float(each.std(ddof=1) / math.sqrt(each.size))


def _with(profile: Profile, of: Settable, factor: float) -> Profile | None:
    """The profile with a quantity so many times as large; None where it cannot be."""
    try:
        return with_settings(profile, [Setting(of.path, factor=factor)])[0]
    except InputError:
        return None
