"""Reaching: how near a job comes to a goal, roughly in a millisecond and fully in a hundred."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import Floats, interval90
from nworkers.models.costs.step import step_costs
from nworkers.models.records.aim import check_target
from nworkers.models.records.prediction import Interval, Prediction
from nworkers.models.records.solved import Goal
from nworkers.models.records.what_if import PLAIN
from nworkers.simulator.study.predict import REPLICATIONS, predict
from nworkers.simulator.study.resolve import ResolvedJob
from nworkers.simulator.study.steady import steady_step_s


@dataclass(frozen=True)
class Reached:
    """A prediction as parts of a goal: from 1 on the goal is reached.

    ``score`` is that of the estimates, ``scores`` are those of each replication. ``value`` is the
    speed-up or the overhead itself.
    """

    row: Prediction
    score: float
    scores: Floats
    value: float
    interval: Interval


def check_goal(goal: Goal) -> Goal:
    """Raises: InputError, for what no job is or all are."""
    if goal.measure == "overhead" and not 0.0 < goal.target < 1.0:
        raise InputError("overhead", goal.target, "a share of a step above 0 and below 1")
    if goal.measure == "speedup":
        check_target(goal.target)
    return goal


def fully(goal: Goal, job: ResolvedJob, replications: int = REPLICATIONS) -> Reached:
    """By all replications, as `predict` does; the same seed meets the same chance everywhere.

    An overhead varies, to first order, as the speed-up over one process: what a worker computes is
    off as that process's step is.
    """
    if goal.measure == "speedup":
        row = _row(job, replications, goal)
        draws = np.array(row.draws)
        return Reached(
            row,
            row.speedup / goal.target,
            draws / goal.target,
            row.speedup,
            row.speedup_interval,
        )
    row = _row(replace(job, baseline="device"), replications, goal)
    computing = row.breakdown["compute"] / row.step_time_s
    shares = np.minimum(1.0, computing * np.array(row.draws) / row.speedup)
    low, high = interval90(shares, computing)
    allowed = 1.0 - goal.target
    return Reached(
        row, computing / allowed, shares / allowed, 1.0 - computing, (1.0 - high, 1.0 - low)
    )


def _row(job: ResolvedJob, replications: int, goal: Goal) -> Prediction:
    (scenario,) = job.scenarios
    return predict(
        job.profile,
        scenario,
        baseline=job.baseline,
        seed=job.seed,
        replications=replications,
        aim=goal.aim,
    )


def roughly(goal: Goal, job: ResolvedJob) -> float:
    """The score by one run without chance, within some 15 % of `fully`; 0 for what cannot be."""
    if goal.measure == "overhead":
        (scenario,) = job.scenarios
        costs = step_costs(job.profile, scenario)
        step_s = steady_step_s(job.profile, scenario, costs=costs)
        return costs.compute.wall_s / step_s / (1.0 - goal.target)
    progress_per_s, base_per_s = rough_rates(goal, job)
    return progress_per_s / base_per_s / goal.target


def rough_rates(goal: Goal, job: ResolvedJob) -> tuple[float, float]:
    """Progress a second of the workers, and samples of the baseline, by one run without chance."""
    (scenario,) = job.scenarios
    costs = step_costs(job.profile, scenario)
    step_s = steady_step_s(job.profile, scenario, costs=costs)
    samples = scenario.counted_workers * scenario.per_worker_batch
    base_batch = scenario.batch
    base_per_s = base_batch / costs.single_process.step_s(1.0)
    if job.baseline.isdecimal():
        owned = replace(scenario, workers=int(job.baseline), what_if=PLAIN)
        base_batch = owned.counted_workers * owned.per_worker_batch
        base_per_s = base_batch / steady_step_s(job.profile, owned)
    progress = goal.aim.progress_per_sample(samples, base_batch)
    return progress * samples / step_s, base_per_s


def held_by(goal: Goal, row: Prediction) -> str:
    """The cause that stands in the way: computing where it alone takes too long, else the largest.

    Computing alone is a step without any other cause.
    """
    computing_s = row.breakdown["compute"]
    alone = row.speedup * row.step_time_s / computing_s if computing_s > 0.0 else np.inf
    if goal.measure == "speedup" and alone < goal.target:
        return "compute"
    others = {cause: spent_s for cause, spent_s in row.breakdown.items() if cause != "compute"}
    return max(others, key=others.__getitem__)
