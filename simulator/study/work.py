"""Work: how long the runs of a question take, and how much memory, before they begin."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from nworkers.models.costs.step import step_costs
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario
from nworkers.simulator.engine.engines import IS_COMPILED
from nworkers.simulator.step.demand import layout
from nworkers.simulator.step.run_spec import RunSpec, run_spec
from nworkers.simulator.step.variates import deterministic
from nworkers.simulator.study.ensemble import RUNS_AT_ONCE, run_length
from nworkers.simulator.study.setup import setup
from nworkers.simulator.study.side_by_side import cores

#: Beyond these, a question says so before it is worked on.
LONG_S, LARGE_BYTES = 60.0, 4e9
#: Fewer workers never take so long.
_FEW = 500
#: Seconds of an activity among a thousand workers by the kernel; so many times as long where their
#: flows share the links of several ps; and simpy takes so many times as long (docs/performance.md).
_ACTIVITY_S, _OF_SEVERAL, _BY_EVENTS = 5.5e-7, 4.0, 50.0
#: One ps has a link in, a link out and what both share.
_LINKS_OF_ONE = 3
#: What a worker takes that starts at another time in each replication, and what one of a run does.
_START_BYTES, _WORKER_BYTES = 24, 2500


@dataclass(frozen=True)
class Work:
    """Seconds on this machine's cores, and bytes."""

    seconds: float
    bytes: float

    @property
    def is_much(self) -> bool:
        return self.seconds > LONG_S or self.bytes > LARGE_BYTES


def work_of(profile: Profile, scenario: Scenario) -> Work:
    """A rough estimate for all replications of a scenario."""
    of = setup(profile, scenario).layout
    warmup, steps = run_length(scenario)
    # Few of its workers tell what a step is made of.
    few = layout(scenario, discipline=of.discipline, loopback=of.loopback, most=2)
    spec = run_spec(step_costs(profile, scenario), few, deterministic())
    taken = of.workers * (warmup + steps)
    seconds = taken * _step_s(spec, of.workers) * RUNS_AT_ONCE
    at_once = cores() if IS_COMPILED else 1
    kept = of.workers * (RUNS_AT_ONCE * _START_BYTES + at_once * _WORKER_BYTES)
    return Work(seconds / at_once * (1.0 if IS_COMPILED else _BY_EVENTS), kept)


def _step_s(spec: RunSpec, workers: int) -> float:
    """Of one worker's step among so many; the logarithm is a heap's depth."""
    (plan, *_) = spec.plans
    several = any(len(of.keys) > _LINKS_OF_ONE for of in spec.resources)
    each_s = _ACTIVITY_S * math.log(workers + 1000.0) / math.log(2000.0)
    return len(plan.activities) * each_s * (_OF_SEVERAL if several else 1.0)


def expected_work(profile: Profile, scenarios: tuple[Scenario, ...], times: float) -> Iterator[str]:
    """A line for the largest scenario, if that is much; and what would fit.

    Args:
        times: as often as this, where a curve asks for its like.
    """
    scenario = max(scenarios, key=lambda each: each.workers)
    if scenario.workers <= _FEW:
        return
    work = _times(work_of(profile, scenario), times)
    if not work.is_much:
        return
    fits, least = scenario.workers, max(2, scenario.what_if.least_workers)
    fewer = work
    while fewer.is_much and fits > least:
        fits = max(least, _rounded(int(0.8 * fits)))
        fewer = _times(work_of(profile, replace(scenario, workers=fits)), times)
    takes = f"{work.seconds / 60.0:.1f} min" if work.seconds > LONG_S else f"{work.seconds:.0f} s"
    line = (
        f"an answer for {scenario.workers} workers takes about {takes} and {work.bytes / 1e9:.2g} "
        "GB here"
    )
    if not fewer.is_much:
        line += f"; for {fits} it would take less than a minute and {LARGE_BYTES / 1e9:g} GB"
    yield line


def _times(work: Work, times: float) -> Work:
    return Work(work.seconds * times, work.bytes)


def _rounded(workers: int) -> int:
    """Down to one digit."""
    size = 10 ** (len(str(workers)) - 1)
    return int(workers // size * size)
