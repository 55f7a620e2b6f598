"""Options: ways to do one job, each beside the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import interval90
from nworkers.models.records.aim import PLAIN_AIM, Aim, check_aim
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import BreakEven, Interval, Prediction
from nworkers.simulator.study.ask import curve, predictions
from nworkers.simulator.study.resolve import ResolvedJob, resolve

#: More than these are a sweep.
MOST_OPTIONS = 20
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class JobOption:
    """A way to do the job, under its name; with ``workers``, or as many as are best."""

    name: str
    request: JobRequest
    workers: int | None = None


@dataclass(frozen=True)
class OptionFound:
    """What an option gives: its row, and the curve where the number of workers was open.

    ``ratio`` is its samples per second over the first option's. Its 90 % interval is of the ratio
    in each replication: all options meet the same chances, so what moves both cancels.
    """

    name: str
    job: ResolvedJob
    row: Prediction
    curve: BreakEven | None
    ratio: float
    ratio_interval: Interval


def compare(
    options: Sequence[JobOption],
    max_workers: int,
    progress: Progress | None = None,
    *,
    aim: Aim = PLAIN_AIM,
) -> tuple[OptionFound, ...]:
    """Every option in the order given, beside the first.

    Args:
        max_workers: the largest number to look at where an option leaves it open.
        progress: called with options done and their number.
        aim: what each option has to reach, and what of its samples counts as progress.

    Raises:
        InputError: an option cannot be; their seeds differ; there are too many.
    """
    if not 1 <= len(options) <= MOST_OPTIONS:
        raise InputError("vs", len(options), f"1 to {MOST_OPTIONS} options; more are a sweep")
    jobs = [_job(option, max_workers) for option in options]
    if len({job.seed for job in jobs}) > 1:
        raise InputError("seed", "several", "one for all options: they meet the same chances")
    found: list[OptionFound] = []
    for option, job in zip(options, jobs, strict=True):
        if progress is not None:
            progress(len(found), len(options))
        row, over_workers = _answer(job, option, max_workers, check_aim(aim))
        first = found[0].row if found else row
        found.append(OptionFound(option.name, job, row, over_workers, *_ratio(row, first)))
    return tuple(found)


def _job(option: JobOption, max_workers: int) -> ResolvedJob:
    if option.workers is None:
        return resolve(option.request, [max_workers], curve=True)
    return resolve(option.request, [option.workers])


def _answer(
    job: ResolvedJob, option: JobOption, max_workers: int, aim: Aim
) -> tuple[Prediction, BreakEven | None]:
    """The row that an option is compared by, and its curve."""
    if option.workers is not None:
        return predictions(job, aim=aim)[0], None
    over_workers = curve(job, max_workers, aim=aim)
    return max(over_workers.rows, key=lambda row: row.progress_per_s), over_workers


def _ratio(row: Prediction, first: Prediction) -> tuple[float, Interval]:
    counted = row.progress_per_sample / first.progress_per_sample
    draws = counted * np.array(row.throughput_draws) / np.array(first.throughput_draws)
    ratio = row.progress_per_s / first.progress_per_s
    return ratio, interval90(draws)
