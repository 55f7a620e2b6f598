"""Job mix: several jobs that share the workers in turn, and when they beat one process together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import Floats, interval90
from nworkers.models.records.aim import PLAIN_AIM, Aim, check_aim
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import Interval, Prediction
from nworkers.simulator.study.ask import predictions
from nworkers.simulator.study.resolve import resolve
from nworkers.simulator.study.worker_grid import ends, worker_grid

#: More are a sweep.
MOST_JOBS = 20
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class WeightedJob:
    """A job, and its share of all samples; shares are relative to each other's."""

    name: str
    request: JobRequest
    weight: float


@dataclass(frozen=True)
class MixRow:
    """What so many workers make of the mix, and of each of its jobs by its name."""

    workers: int
    samples_per_s: float
    speedup: float
    speedup_interval: Interval
    probability_exceeds_target: float
    speedups: dict[str, float]


@dataclass(frozen=True)
class JobMix:
    """The curve of a mix: the first number of workers that wins, the best, and each row."""

    rows: tuple[MixRow, ...]
    max_workers: int
    target_speedup: float
    breakeven_workers: int | None
    best_workers: int


def job_mix(
    jobs: Sequence[WeightedJob],
    max_workers: int = 64,
    *,
    aim: Aim = PLAIN_AIM,
    progress: Progress | None = None,
) -> JobMix:
    """The curve of jobs that take turns, each with all the workers.

    A sample of the mix takes the mean of its jobs' seconds a sample, by their weights: samples per
    second are the weighted harmonic mean. So are the baseline's, and the draws: all jobs meet the
    same chances. Between neighbours that disagree the crossing is found by bisection.

    Raises:
        InputError: no jobs, a weight that is none, or a job that cannot be trained.
    """
    target = check_aim(aim).target_speedup
    if not 1 <= len(jobs) <= MOST_JOBS:
        raise InputError("mix", len(jobs), f"1 to {MOST_JOBS} jobs")
    names = [job.name for job in jobs]
    for job in jobs:
        if names.count(job.name) > 1:
            raise InputError("mix", f"two jobs named {job.name!r}", "a name of its own for each")
        if not 0.0 < job.weight <= 1e15:
            raise InputError("mix", f"a weight of {job.weight:g}", "a number above 0")
    if len({job.request.seed for job in jobs}) > 1:
        raise InputError("seed", "several", "one for all jobs: they meet the same chances")
    each = [
        ends(resolve(job.request, [max_workers], curve=True).scenarios[0], max_workers)
        for job in jobs
    ]
    first, limit = max(low for low, _ in each), min(high for _, high in each)
    if limit < first:
        raise InputError("max_workers", limit, f"at least {first} with these jobs")
    curve: dict[int, MixRow] = {}
    missing = worker_grid(first, limit)
    while missing:
        for workers in missing:
            if progress is not None:
                progress(len(curve), len(curve) + len(missing))
            found = [predictions(resolve(job.request, [workers]), aim=aim)[0] for job in jobs]
            curve[workers] = _together(workers, jobs, found, target)
        missing = [
            (low + high) // 2
            for low, high in pairwise(sorted(curve))
            if high > low + 1 and (curve[low].speedup > target) != (curve[high].speedup > target)
        ]
    rows = tuple(curve[n] for n in sorted(curve))
    return JobMix(
        rows=rows,
        max_workers=limit,
        target_speedup=target,
        breakeven_workers=next((row.workers for row in rows if row.speedup > target), None),
        best_workers=max(rows, key=lambda row: row.samples_per_s).workers,
    )


def _together(
    workers: int, jobs: Sequence[WeightedJob], rows: Sequence[Prediction], target: float
) -> MixRow:
    weights = np.array([job.weight for job in jobs]) / sum(job.weight for job in jobs)
    rate = _harmonic(weights, np.array([row.progress_per_s for row in rows]))
    base = _harmonic(weights, np.array([row.baseline_samples_per_s for row in rows]))
    alone = np.array([row.baseline_draws for row in rows])
    # A row's own draws leave out what a short run gains by chance.
    draws = _harmonic(weights, np.array([row.draws for row in rows]) * alone)
    speedups = draws / _harmonic(weights, alone)
    return MixRow(
        workers=workers,
        samples_per_s=float(rate),
        speedup=float(rate / base),
        speedup_interval=interval90(speedups),
        probability_exceeds_target=float(np.mean(speedups > target)),
        speedups={job.name: row.speedup for job, row in zip(jobs, rows, strict=True)},
    )


def _harmonic(weights: Floats, rates: Floats) -> Floats:
    """Of each column where there are several."""
    found: Floats = 1.0 / (weights @ (1.0 / rates))
    return found
