"""Money: what each number of workers costs, and which does a given work in time and in budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import Floats, interval90
from nworkers.models.records.aim import PLAIN_AIM, Aim
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import BreakEven, Interval, Prediction
from nworkers.simulator.study.ask import curve
from nworkers.simulator.study.breakeven import Refine
from nworkers.simulator.study.resolve import resolve

HOURS_A_YEAR = 365 * 24
#: No price, budget or number of samples is larger, and nothing is written off over so long.
MOST, MOST_YEARS = 1e15, 100.0
#: A neighbour of the cheapest that costs so much more leaves room for a cheaper one between them.
_FLAT = 0.005
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Prices:
    """What hosts cost, in any currency: rented by the hour, bought, or both.

    What is bought is written off evenly over ``years`` of 365 days, in use day and night. A port is
    one of a switch, with its cable and the host's card; a host alone needs none. Owned hosts are
    bought no more, nor their ports unless they get ``new_cards``; by the hour they cost as others.
    """

    price_per_host_hour: float = 0.0
    capex_per_host: float = 0.0
    capex_per_port: float = 0.0
    years: float | None = None
    new_cards: bool = False

    @property
    def known(self) -> bool:
        return max(self.price_per_host_hour, self.capex_per_host, self.capex_per_port) > 0.0

    def of_an_hour(self, hosts: int, owned: int = 0) -> float:
        """What so many hosts cost in an hour, of which some are owned."""
        ports = _ports(hosts) - (0 if self.new_cards else _ports(min(owned, hosts)))
        bought = max(0, hosts - owned) * self.capex_per_host + ports * self.capex_per_port
        written_off = bought / (self.years * HOURS_A_YEAR) if self.years else 0.0
        return hosts * self.price_per_host_hour + written_off


def _ports(hosts: int) -> int:
    return hosts if hosts > 1 else 0


@dataclass(frozen=True)
class Assignment:
    """What is to be trained: samples, and by when or for how much at most."""

    samples: float | None = None
    deadline_s: float | None = None
    budget: float | None = None


@dataclass(frozen=True)
class WorkersCost:
    """What a number of workers costs, or the baseline where ``workers`` is None.

    Costs are None without prices, hours without samples; ``cost`` is that of all samples. The
    probabilities are shares of the draws. Samples are the baseline's: where a worker's bring less,
    more are trained.
    """

    workers: int | None
    hosts: int
    samples_per_s: float
    samples_per_s_interval: Interval
    cost_per_hour: float | None
    cost_per_million: float | None
    cost_per_million_interval: Interval | None
    hours: float | None
    hours_interval: Interval | None
    cost: float | None
    cost_interval: Interval | None
    is_in_time: bool
    probability_in_time: float | None
    is_in_budget: bool
    probability_in_budget: float | None

    @property
    def meets(self) -> bool:
        return self.is_in_time and self.is_in_budget


@dataclass(frozen=True)
class CostCurve:
    """The curve with its money: the best numbers, and those that do the work.

    ``cheapest`` and ``fastest`` keep the deadline and the budget, as far as they are given; None
    where nothing does. The cheapest without prices has the fewest hosts. The baseline is among
    them: one process may do.
    """

    result: BreakEven
    prices: Prices
    assignment: Assignment
    baseline: WorkersCost
    rows: tuple[WorkersCost, ...]
    best_workers: int
    best_cost_workers: int | None
    cheapest: WorkersCost | None
    fastest: WorkersCost | None

    @property
    def all(self) -> tuple[WorkersCost, ...]:
        return (self.baseline, *self.rows)


def soonest(rows: Sequence[WorkersCost]) -> WorkersCost:
    """What comes nearest to a deadline: the fastest within the budget, or of all if none is."""
    within = [row for row in rows if row.is_in_budget]
    return max(within or rows, key=lambda row: row.samples_per_s)


def least_costly(rows: Sequence[WorkersCost]) -> WorkersCost:
    """What comes nearest to a budget: the cheapest in time, or of all if none is."""
    within = [row for row in rows if row.is_in_time]
    return min(within or rows, key=price_of)


def best_of(rows: Sequence[WorkersCost], prices: Prices, assignment: Assignment) -> WorkersCost:
    """The cheapest that keeps the limits, else what comes nearest to them.

    The fastest where there are neither prices nor a limit.
    """
    if not prices.known and assignment.deadline_s is None:
        return max(rows, key=lambda row: row.samples_per_s)
    if kept := [row for row in rows if row.meets]:
        return min(kept, key=price_of)
    return least_costly(rows) if any(row.is_in_time for row in rows) else soonest(rows)


def cost_curve(
    request: JobRequest,
    max_workers: int = 64,
    *,
    prices: Prices | None = None,
    assignment: Assignment | None = None,
    aim: Aim = PLAIN_AIM,
    progress: Progress | None = None,
) -> CostCurve:
    """What each number of workers costs, and which does the assignment.

    Raises:
        InputError: the request, the prices or the assignment make no sense.
    """
    asked = checked(prices or Prices(), assignment or Assignment())
    job = resolve(request, [max_workers], curve=True)
    return costs_of(curve(job, max_workers, progress, aim=aim, refine=undecided(*asked)), *asked)


def checked(prices: Prices, assignment: Assignment) -> tuple[Prices, Assignment]:
    """Raises: InputError, of what is no price, nothing to do, or lacks what it needs."""
    for name, value, most in (
        ("price_per_host_hour", prices.price_per_host_hour or None, MOST),
        ("capex_per_host", prices.capex_per_host or None, MOST),
        ("capex_per_port", prices.capex_per_port or None, MOST),
        ("years", prices.years, MOST_YEARS),
        ("samples", assignment.samples, MOST),
        ("deadline", assignment.deadline_s, MOST),
        ("budget", assignment.budget, MOST),
    ):
        # Not a number is in no range.
        if value is not None and not 0.0 < value <= most:
            raise InputError(name, _said(name, value), f"a number above 0, up to {most:g}")
    bought = prices.capex_per_host or prices.capex_per_port
    if bought and prices.years is None:
        name = "capex_per_host" if prices.capex_per_host else "capex_per_port"
        raise InputError(name, bought, "with <years>, over which it is written off")
    if prices.years is not None and not bought:
        raise InputError("years", prices.years, "with <capex_per_host> or <capex_per_port>")
    for name, value in (("deadline", assignment.deadline_s), ("budget", assignment.budget)):
        if value is not None and assignment.samples is None:
            raise InputError(name, _said(name, value), "with <samples>, which are to be trained")
    if assignment.budget is not None and not prices.known:
        raise InputError("budget", assignment.budget, "with <price_per_host_hour> or another price")
    return prices, assignment


def _said(name: str, value: float) -> str:
    """A number as somebody says it; a time was turned into seconds."""
    return f"{value:.12g} s" if name == "deadline" else f"{value:.12g}"


def costs_of(result: BreakEven, prices: Prices, assignment: Assignment) -> CostCurve:
    """The money of a curve, none of it simulated again."""
    rows = tuple(cost_of(row, prices, assignment) for row in result.rows)
    baseline = _of_baseline(result.rows, prices, assignment)
    fit = [found for found in (baseline, *rows) if found.meets] if assignment.samples else []
    return CostCurve(
        result=result,
        prices=prices,
        assignment=assignment,
        baseline=baseline,
        rows=rows,
        best_workers=max(result.rows, key=lambda row: row.progress_per_s).scenario.workers,
        best_cost_workers=min(rows, key=price_of).workers if prices.known else None,
        cheapest=min(fit, key=price_of, default=None),
        fastest=max(fit, key=lambda found: found.samples_per_s, default=None),
    )


def price_of(found: WorkersCost) -> tuple[float, float, int]:
    """What is cheaper is less, of those that cost nothing the fastest; without prices, what has
    fewer hosts.
    """
    price = found.cost_per_million
    if price == 0.0:
        return price, -found.samples_per_s, found.hosts
    return price or 0.0, found.hosts, found.workers or 0


def undecided(prices: Prices, assignment: Assignment) -> Refine:
    """Midpoints of gaps beside the cheapest number, and of those where a limit is first kept.

    Costs fall by a whole host at a time, so that a number that fills its hosts is preferred.
    """

    def ask(known: Mapping[int, Prediction]) -> list[int]:
        costs = {n: cost_of(known[n], prices, assignment) for n in sorted(known)}
        best = min(costs.values(), key=price_of)

        def dear(one: WorkersCost, other: WorkersCost) -> bool:
            dearest = max(one.cost_per_million or 0.0, other.cost_per_million or 0.0)
            return best in (one, other) and dearest > (1.0 + _FLAT) * (best.cost_per_million or 0.0)

        return [
            _between(low, high, known[high].scenario.workers_per_host)
            for low, high in pairwise(costs)
            if high > low + 1
            and (
                (prices.known and dear(costs[low], costs[high]))
                or costs[low].is_in_time != costs[high].is_in_time
                or costs[low].is_in_budget != costs[high].is_in_budget
            )
        ]

    return ask


def _between(low: int, high: int, each: int) -> int:
    """The middle, or the nearest number below that fills its hosts where that is in the gap."""
    middle = (low + high) // 2
    filled = middle // each * each
    return filled if low < filled < high else middle


def cost_of(row: Prediction, prices: Prices, assignment: Assignment) -> WorkersCost:
    """The money of one number of workers."""
    draws = row.progress_per_sample * np.array(row.throughput_draws)
    workers, hosts = row.scenario.workers, row.scenario.hosts
    an_hour = prices.of_an_hour(hosts, owned_hosts(row)) if prices.known else None
    return _cost(workers, hosts, an_hour, row.progress_per_s, draws, assignment)


def owned_hosts(row: Prediction) -> int:
    """Hosts that are there already: of the workers that are the baseline, if such are."""
    owned = row.owned_workers
    return 0 if owned is None else replace(row.scenario, workers=owned).hosts


def _of_baseline(rows: Sequence[Prediction], prices: Prices, assignment: Assignment) -> WorkersCost:
    """One process or one host, on one; of workers that are owned, the hosts that they take."""
    row = rows[-1]
    owned = owned_hosts(row)
    hosts = owned or 1
    an_hour = prices.of_an_hour(hosts, owned) if prices.known else None
    draws = np.array(row.baseline_draws)
    return _cost(None, hosts, an_hour, row.baseline_samples_per_s, draws, assignment)


def _cost(
    workers: int | None,
    hosts: int,
    an_hour: float | None,
    samples_per_s: float,
    draws: Floats,
    assignment: Assignment,
) -> WorkersCost:
    def over_rate(amount: float | None) -> tuple[float, Interval, Floats] | tuple[None, None, None]:
        """So much over the samples per second: estimate, interval and draws."""
        if amount is None:
            return None, None, None
        estimate, drawn = amount / samples_per_s, amount / draws
        return estimate, interval90(drawn, estimate), drawn

    work_h = None if assignment.samples is None else assignment.samples / 3600.0
    hours, hours_interval, drawn_hours = over_rate(work_h)
    work = None if an_hour is None or work_h is None else an_hour * work_h
    cost, cost_interval, drawn_costs = over_rate(work)
    millions = None if an_hour is None else an_hour * 1e6 / 3600.0
    per_million, per_million_interval, _ = over_rate(millions)
    deadline_h = (assignment.deadline_s or math.inf) / 3600.0
    budget = assignment.budget or math.inf
    return WorkersCost(
        workers=workers,
        hosts=hosts,
        samples_per_s=samples_per_s,
        samples_per_s_interval=interval90(draws, samples_per_s),
        cost_per_hour=an_hour,
        cost_per_million=per_million,
        cost_per_million_interval=per_million_interval,
        hours=hours,
        hours_interval=hours_interval,
        cost=cost,
        cost_interval=cost_interval,
        is_in_time=hours is None or hours <= deadline_h,
        probability_in_time=None
        if drawn_hours is None or assignment.deadline_s is None
        else float(np.mean(drawn_hours <= deadline_h)),
        is_in_budget=cost is None or cost <= budget,
        probability_in_budget=None
        if drawn_costs is None or assignment.budget is None
        else float(np.mean(drawn_costs <= budget)),
    )
