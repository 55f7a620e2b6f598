"""Job mix: several jobs that share the workers in turn, and when they beat one process together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import Floats, interval90
from nworkers.models.records.aim import PLAIN_AIM, Aim, check_aim
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import Interval, Prediction
from nworkers.simulator.study.ask import predictions
from nworkers.simulator.study.crossing import first_wins, undecided, winning_ranges
from nworkers.simulator.study.resolve import ResolvedJob, resolve
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
    """What so many workers make of the mix, and of each of its jobs.

    ``draws`` holds the speed-up of the mix in every replication; ``of`` each job's own prediction,
    by its name.
    """

    workers: int
    samples_per_s: float
    speedup: float
    speedup_interval: Interval
    draws: tuple[float, ...] = field(repr=False)
    of: dict[str, Prediction] = field(repr=False)

    def probability_exceeds(self, speedup: float) -> float:
        """The share of replications that are faster than so many baselines."""
        return sum(draw > speedup for draw in self.draws) / len(self.draws)


@dataclass(frozen=True)
class JobMix:
    """The curve of a mix, and on it the first number of workers that wins, and the best.

    ``jobs`` are resolved, in the order in which they were given; ``weights`` add up to 1.
    """

    jobs: dict[str, ResolvedJob]
    weights: dict[str, float]
    rows: tuple[MixRow, ...]
    max_workers: int
    breakeven_workers: int | None
    breakeven_workers_interval: tuple[int | None, int | None]
    beats_single: tuple[tuple[int, int], ...]
    best_workers: int
    aim: Aim = PLAIN_AIM

    @property
    def target_speedup(self) -> float:
        """What a speed-up has to exceed."""
        return self.aim.target_speedup

    @property
    def best(self) -> MixRow:
        """The row of the most samples per second."""
        return self.at(self.best_workers)

    @property
    def decisive(self) -> MixRow:
        """The first row that wins, or the nearest to it."""
        return self.at(self.breakeven_workers or self.best_workers)

    def at(self, workers: int) -> MixRow:
        """The row of so many workers, which are on the curve."""
        return next(row for row in self.rows if row.workers == workers)


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
    same chances. The curve is that of `breakeven`: the same grid, with the same bisection.

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
    whole = {job.name: resolve(job.request, [max_workers], curve=True) for job in jobs}
    each = [ends(job.scenarios[0], max_workers) for job in whole.values()]
    first, limit = max(low for low, _ in each), min(high for _, high in each)
    if limit < first:
        raise InputError("max_workers", limit, f"at least {first} with these jobs")
    weights = shares_of(jobs)
    curve: dict[int, MixRow] = {}
    missing = worker_grid(first, limit)
    while missing:
        for workers in missing:
            if progress is not None:
                progress(len(curve), len(curve) + len(missing))
            found = {name: _row(job, workers, aim) for name, job in whole.items()}
            curve[workers] = together(workers, weights, found)
        missing = undecided(curve, target)
    ranges = winning_ranges(curve, target)
    return JobMix(
        jobs=whole,
        weights=weights,
        rows=tuple(curve[n] for n in sorted(curve)),
        max_workers=limit,
        breakeven_workers=ranges[0][0] if ranges else None,
        breakeven_workers_interval=first_wins(curve, target),
        beats_single=ranges,
        best_workers=max(curve, key=lambda n: curve[n].samples_per_s),
        aim=aim,
    )


def _row(job: ResolvedJob, workers: int, aim: Aim) -> Prediction:
    at = replace(job.scenarios[0], workers=workers)
    return predictions(replace(job, scenarios=(at,)), aim=aim)[0]


def shares_of(jobs: Sequence[WeightedJob]) -> dict[str, float]:
    """Each job's share of all samples."""
    total = sum(job.weight for job in jobs)
    return {job.name: job.weight / total for job in jobs}


def together(workers: int, shares: Mapping[str, float], of: dict[str, Prediction]) -> MixRow:
    """What jobs that have these shares do together, from the prediction of each."""
    rate = harmonic(shares, [row.progress_per_s for row in of.values()])
    base = harmonic(shares, [row.baseline_samples_per_s for row in of.values()])
    alone = np.array([row.baseline_draws for row in of.values()])
    each = np.array([shares[name] for name in of])
    # A row's own draws leave out what a short run gains by chance.
    draws = _harmonic(each, np.array([row.draws for row in of.values()]) * alone)
    speedups = draws / _harmonic(each, alone)
    speedup = rate / base
    return MixRow(
        workers=workers,
        samples_per_s=rate,
        speedup=speedup,
        speedup_interval=interval90(speedups, speedup),
        draws=tuple(speedups.tolist()),
        of=of,
    )


def harmonic(shares: Mapping[str, float], rates: Sequence[float]) -> float:
    """The rate at which jobs of these shares are done, in their order."""
    return float(_harmonic(np.array([*shares.values()]), np.array(rates)))


def _harmonic(weights: Floats, rates: Floats) -> Floats:
    """Of each column where there are several."""
    found: Floats = 1.0 / (weights @ (1.0 / rates))
    return found
