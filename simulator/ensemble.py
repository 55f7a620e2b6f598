"""Ensemble: one scenario trained many times, as often as the measurements leave room for doubt."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scale.models.costs import step_costs
from scale.models.prediction import CAUSES
from scale.models.profile import Profile
from scale.models.scenario import Scenario
from scale.models.statistics import Floats
from scale.simulator.noise import (
    OPERATIONS,
    Replication,
    luck,
    mean_factor,
    replications,
    starting_phases,
)
from scale.simulator.training import Training, train

#: Length of the run whose mean an interval is for.
RUN_S = 30.0
#: Steps that count, of all workers together in one replication; each takes 6 to 48 of them.
_WORKER_STEPS = 64
_MIN_STEPS, _MAX_STEPS = 6, 48
#: Random numbers are drawn for as many steps at every number of workers, to keep them common.
_DRAWN_STEPS = 64


@dataclass(frozen=True)
class Ensemble:
    """Step time of each replication, spread as the means of 30 s runs are, and its causes.

    ``breakdown`` adds up to the median step time.
    """

    step_time_s: Floats
    breakdown: dict[str, float]


def simulate(profile: Profile, scenario: Scenario, seed: int, count: int) -> Ensemble:
    """Train the scenario ``count`` times, each with its own draw of parameters and noise."""
    steps = min(_MAX_STEPS, max(_MIN_STEPS, _WORKER_STEPS // scenario.workers))
    warmup = max(2, steps // 3)
    starts = starting_phases(seed, scenario.workers, count)
    trainings: list[Training] = []
    for run in replications(profile.noise, seed, count):
        costs = step_costs(profile, scenario, draw=run.index)
        trainings.append(
            train(
                costs,
                scenario,
                luck(
                    profile.noise,
                    seed,
                    run.index,
                    slowdown=_slowdown(run, costs.compute_log_spread),
                    starts=starts[run.index],
                    steps=_DRAWN_STEPS,
                ),
                discipline=scenario.discipline or profile.link.discipline,
                loopback=profile.link.kind == "loopback",
                warmup=warmup,
                steps=steps,
            )
        )
    step_time_s = _as_long_runs(trainings)
    return Ensemble(step_time_s, _breakdown(trainings, float(np.median(step_time_s))))


def single_process_s(profile: Profile, scenario: Scenario, seed: int, count: int) -> Floats:
    """The baseline's mean step in the same replications: same draw, same luck between runs.

    Within a run its step varies as a worker's compute does. Any number of workers gives the same.
    """
    mean = mean_factor(profile.noise, "compute")
    step_s: list[float] = []
    for run in replications(profile.noise, seed, count):
        costs = step_costs(profile, scenario, draw=run.index)
        slowdown = _slowdown(run, costs.compute_log_spread)["compute"]
        step_s.append(costs.single_process_s * mean * slowdown)
    return np.array(step_s)


def _slowdown(run: Replication, compute_log_spread: float) -> dict[str, float]:
    """What multiplies each operation throughout a run."""
    slowdown: dict[str, float] = {name: run.between[name] for name in OPERATIONS}
    slowdown["compute"] *= math.exp(compute_log_spread * run.compute_deviate)
    return slowdown


def _as_long_runs(trainings: list[Training]) -> Floats:
    """Step times, drawn in towards their median as far as runs of 30 s would be.

    A replication has few steps, so that its mean varies more than that of a 30 s run. Of the
    variance between replications, the part that is due to their length is estimated from the
    steps within them (variance of the workers' mean step over the number of steps, taking steps
    as independent) and scaled by steps simulated over steps in 30 s; the rest stays. Deviations
    shrink by the root of the ratio of the variances, in the logarithm, about the median.
    """
    means_s = np.array([t.step_time_s for t in trainings])
    median_s = float(np.median(means_s))
    total = float(means_s.var())
    if total == 0.0:
        return means_s
    steps = trainings[0].steps_s.shape[1]
    within = np.mean([t.steps_s.mean(axis=0).var(ddof=1) for t in trainings])
    finite = min(total, float(within) / steps)
    long_run_steps = max(1.0, RUN_S / median_s)
    ratio = math.sqrt((total - finite + finite * steps / long_run_steps) / total)
    return np.asarray(median_s * (means_s / median_s) ** ratio, dtype=np.float64)


def _breakdown(trainings: list[Training], step_time_s: float) -> dict[str, float]:
    """Mean seconds per cause, scaled to add up to the median step time."""
    seconds = {cause: float(np.mean([t.breakdown[cause] for t in trainings])) for cause in CAUSES}
    scale = step_time_s / sum(seconds.values())
    return {cause: value * scale for cause, value in seconds.items()}
