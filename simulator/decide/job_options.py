"""Options: ways to do one job, each beside the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import Floats, interval90
from nworkers.models.records.aim import PLAIN_AIM, Aim, check_aim
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import BreakEven, Interval, Prediction
from nworkers.simulator.decide.money import (
    Assignment,
    CostCurve,
    Prices,
    WorkersCost,
    best_of,
    checked,
    cost_of,
    costs_of,
    owned_hosts,
    undecided,
)
from nworkers.simulator.study.ask import curve, predictions
from nworkers.simulator.study.resolve import ResolvedJob, resolve

#: More than these are a sweep.
MOST_OPTIONS = 20
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class JobOption:
    """A way to do the job, under its name; with ``workers``, or as many as are best.

    Hosts or cards of another kind cost something else, so that ``prices`` may replace the common.
    """

    name: str
    request: JobRequest
    workers: int | None = None
    prices: Prices | None = None


@dataclass(frozen=True)
class OptionCost:
    """What an option costs at its best number of workers, and at all where that was open.

    The best is the cheapest number that keeps the deadline and the budget, else what comes nearest
    to them; without prices, that with the fewest hosts in time, or the fastest. ``ratio`` is the
    cost of a sample over the first option's, in each replication; None without prices, or where the
    first costs nothing more.
    """

    at: WorkersCost
    curve: CostCurve | None
    ratio: float | None
    ratio_interval: Interval | None


@dataclass(frozen=True)
class OptionFound:
    """What an option gives: its row, and the curve where the number of workers was open.

    The row is the fastest; of the best cost, where prices or samples are given. ``ratio`` is its
    samples per second over the first option's. Its 90 % interval is of the ratio in each
    replication: all options meet the same chances, so what moves both cancels.
    """

    name: str
    job: ResolvedJob
    row: Prediction
    curve: BreakEven | None
    ratio: float
    ratio_interval: Interval
    spent: OptionCost | None = None

    def first_to_reach(self, speedup: float) -> int | None:
        """The first number of workers that does; the only one where that was not open."""
        if self.curve is not None:
            return self.curve.breakeven_workers
        return self.row.scenario.workers if self.row.speedup > speedup else None


def compare(
    options: Sequence[JobOption],
    max_workers: int,
    progress: Progress | None = None,
    *,
    aim: Aim = PLAIN_AIM,
    prices: Prices | None = None,
    assignment: Assignment | None = None,
) -> tuple[OptionFound, ...]:
    """Every option in the order given, beside the first.

    Args:
        max_workers: the largest number to look at where an option leaves it open.
        progress: called with options done and their number.
        aim: what each option has to reach, and what of its samples counts as progress.
        prices: what hosts cost, where an option has no prices of its own; each option is then
            compared at its best number for the money.
        assignment: what is to be trained, and its limits; as for prices.

    Raises:
        InputError: an option cannot be; their seeds differ; there are too many; the prices or the
            assignment make no sense.
    """
    if not 1 <= len(options) <= MOST_OPTIONS:
        raise InputError("vs", len(options), f"1 to {MOST_OPTIONS} options; more are a sweep")
    worths = _worths(options, prices, assignment)
    jobs = [_job(option, max_workers) for option in options]
    if len({job.seed for job in jobs}) > 1:
        raise InputError("seed", "several", "one for all options: they meet the same chances")
    found: list[OptionFound] = []
    for option, job, worth in zip(options, jobs, worths, strict=True):
        if progress is not None:
            progress(len(found), len(options))
        row, over_workers, costs = _answer(job, option, max_workers, check_aim(aim), worth)
        first = found[0].row if found else row
        spent = None
        if worth is not None and worths[0] is not None:
            spent = _spent(row, costs, *worth, first, worths[0][0])
        found.append(OptionFound(option.name, job, row, over_workers, *_ratio(row, first), spent))
    return tuple(found)


def _worths(
    options: Sequence[JobOption], prices: Prices | None, assignment: Assignment | None
) -> list[tuple[Prices, Assignment] | None]:
    """Prices and work of each option: all have prices, or none has.

    Raises:
        InputError
    """
    link = options[0].request.link
    own = [option.prices or prices or Prices() for option in options]
    # Another link is one of other cards, in the hosts that are owned too.
    own = [
        replace(of, new_cards=True) if of.capex_per_port and option.request.link != link else of
        for of, option in zip(own, options, strict=True)
    ]
    if len({each.known for each in own}) > 1:
        raise InputError("vs", "a price for some options", "one above 0 for each, or for none")
    if prices is None and assignment is None and not own[0].known:
        return [None] * len(options)
    return [checked(each, assignment or Assignment()) for each in own]


def _job(option: JobOption, max_workers: int) -> ResolvedJob:
    if option.workers is None:
        return resolve(option.request, [max_workers], curve=True)
    return resolve(option.request, [option.workers])


def _answer(
    job: ResolvedJob,
    option: JobOption,
    max_workers: int,
    aim: Aim,
    worth: tuple[Prices, Assignment] | None,
) -> tuple[Prediction, BreakEven | None, CostCurve | None]:
    """The row that an option is compared by, its curve and what that costs."""
    if option.workers is not None:
        return predictions(job, aim=aim)[0], None, None
    refine = None if worth is None else undecided(*worth)
    over_workers = curve(job, max_workers, aim=aim, refine=refine)
    if worth is None:
        fastest = max(over_workers.rows, key=lambda row: row.progress_per_s)
        return fastest, over_workers, None
    costs = costs_of(over_workers, *worth)
    best = costs.rows.index(best_of(costs.rows, *worth))
    return over_workers.rows[best], over_workers, costs


def _spent(
    row: Prediction,
    over_workers: CostCurve | None,
    prices: Prices,
    assignment: Assignment,
    first: Prediction,
    first_prices: Prices,
) -> OptionCost:
    """What an option costs, beside the first."""
    at = cost_of(row, prices, assignment)
    if not prices.known:
        return OptionCost(at, over_workers, None, None)
    an_hour = first_prices.of_an_hour(first.scenario.hosts, owned_hosts(first))
    if an_hour == 0.0 or at.cost_per_hour is None:
        # What is there already costs nothing more, and nothing is so many times that.
        return OptionCost(at, over_workers, None, None)
    dearer = at.cost_per_hour / an_hour
    faster, draws = _over(row, first)
    ratio = dearer / faster
    return OptionCost(at, over_workers, ratio, interval90(dearer / draws, ratio))


def _ratio(row: Prediction, first: Prediction) -> tuple[float, Interval]:
    ratio, draws = _over(row, first)
    return ratio, interval90(draws, ratio)


def _over(row: Prediction, first: Prediction) -> tuple[float, Floats]:
    """Progress over the first option's, and in each replication."""
    counted = row.progress_per_sample / first.progress_per_sample
    draws = counted * np.array(row.throughput_draws) / np.array(first.throughput_draws)
    return row.progress_per_s / first.progress_per_s, draws
