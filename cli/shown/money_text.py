"""Money text: what workers cost, in sentences and in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.cli.shown.table import TextTable

if TYPE_CHECKING:
    from nworkers.models.records.prediction import Interval
    from nworkers.simulator.decide.money import CostCurve, WorkersCost


def in_words(found: CostCurve) -> list[str]:
    """The numbers of best throughput and best cost, and which of them does the work."""
    return [*_best(found), *_done(found)]


def _best(found: CostCurve) -> list[str]:
    if found.best_cost_workers is None:
        return []
    fastest = next(row for row in found.rows if row.workers == found.best_workers)
    cheapest = next(row for row in found.rows if row.workers == found.best_cost_workers)
    also = " too" if fastest is cheapest else ""
    sentence = (
        f"{_who(found, fastest)} {_are(fastest)} fastest; {_who(found, cheapest)} "
        f"{_are(cheapest)} cheapest{also}, at {_money(cheapest)} for a million samples."
    )
    one = found.baseline
    if (one.cost_per_million or 0.0) <= (cheapest.cost_per_million or 0.0):
        sentence += f" {_capital(_who(found, one))} costs less: {_money(one)}."
    else:
        sentence += f" {_capital(_who(found, one))} costs {_money(one)}."
    return [sentence]


def _done(found: CostCurve) -> list[str]:
    """Who does the work within the limits; where nobody does, who comes nearest."""
    work = found.assignment
    if work.samples is None or (work.deadline_s is None and work.budget is None):
        return []
    samples = f"{work.samples:,.0f} samples{_limits(found)}"
    cheapest, fastest = found.cheapest, found.fastest
    if cheapest is None or fastest is None:
        return [f"Not possible: {samples}. {_nearest(found)}"]
    lines = []
    if work.deadline_s is not None:
        least = "cheapest" if found.prices.known else "fewest"
        lines.append(f"The {least} for {samples}: {_told(found, cheapest)}.")
    if work.budget is not None:
        lines.append(f"The fastest for {samples}: {_told(found, fastest)}.")
    return lines


def _limits(found: CostCurve) -> str:
    work = found.assignment
    limits = []
    if work.deadline_s is not None:
        limits.append(f"in {fmt.digits(work.deadline_s / 3600)} h")
    if work.budget is not None:
        limits.append(f"for at most {fmt.digits(work.budget)}")
    return " " + " and ".join(limits) if limits else ""


def _nearest(found: CostCurve) -> str:
    """The fastest where time is short, the cheapest where money is."""
    work, sentences = found.assignment, []
    if work.deadline_s is not None:
        row = found.soonest
        within = " within the budget" if work.budget is not None and row.is_in_budget else ""
        sentences.append(f"The fastest{within}: {_told(found, row)}.")
    if work.budget is not None:
        row = found.least_costly
        within = " in time" if work.deadline_s is not None and row.is_in_time else ""
        sentences.append(f"The cheapest{within}: {_told(found, row)}.")
    return " ".join(sentences)


def _told(found: CostCurve, row: WorkersCost) -> str:
    """A number of workers with its hours, its money and how sure it is to keep the limits."""
    assert row.hours is not None
    text = f"{_who(found, row)}, {_with(row.hours, row.hours_interval)} h"
    if row.cost is not None:
        text += f", {_with(row.cost, row.cost_interval)}"
    chances = []
    if row.probability_in_time is not None:
        chances.append(f"in time in {fmt.percent(row.probability_in_time)} of the draws")
    if row.probability_in_budget is not None:
        chances.append(f"within the budget in {fmt.percent(row.probability_in_budget)}")
    return ", ".join([text, *chances])


def _who(found: CostCurve, row: WorkersCost) -> str:
    if row.workers is None:
        return headline.baseline(found.result.rows[0])
    on = f" on {row.hosts} hosts" if row.hosts > 1 else ""
    return f"{fmt.count(row.workers, 'worker')}{on}"


def _are(row: WorkersCost) -> str:
    return "is" if row.workers == 1 else "are"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _money(row: WorkersCost) -> str:
    assert row.cost_per_million is not None
    return _with(row.cost_per_million, row.cost_per_million_interval)


def _with(value: float, interval: Interval | None) -> str:
    return fmt.digits(value) + ("" if interval is None else f" ({fmt.span(interval)})")


def table(found: CostCurve) -> str:
    """A line for the baseline and for each number of workers."""
    work, is_priced = found.assignment, found.prices.known
    header = ["workers", "hosts"]
    if is_priced:
        header += ["an hour", "a million samples"]
    if work.samples is not None:
        header += ["hours", *(["all samples"] if is_priced else [])]
        header += ["in time"] if work.deadline_s is not None else []
        header += ["in budget"] if work.budget is not None else []
    made = TextTable(*header)
    for row in found.all:
        name = _who(found, row) if row.workers is None else str(row.workers)
        cells = [name, str(row.hosts)]
        if row.cost_per_hour is not None:
            cells += [fmt.digits(row.cost_per_hour), _money(row)]
        if row.hours is not None:
            cells.append(_with(row.hours, row.hours_interval))
            cells += [] if row.cost is None else [_with(row.cost, row.cost_interval)]
        for chance in (row.probability_in_time, row.probability_in_budget):
            cells += [] if chance is None else [fmt.percent(chance)]
        made.add_row(*cells)
    return str(made)


def document(found: CostCurve) -> dict[str, object]:
    """The same for machines."""
    from dataclasses import asdict

    return {
        **asdict(found.prices),
        **asdict(found.assignment),
        "best_workers": found.best_workers,
        "best_cost_workers": found.best_cost_workers,
        "is_possible": found.cheapest is not None if found.assignment.samples else None,
        "cheapest": found.cheapest and asdict(found.cheapest),
        "fastest": found.fastest and asdict(found.fastest),
        "baseline": asdict(found.baseline),
        "rows": [asdict(row) for row in found.rows],
        "answer": " ".join(in_words(found)),
    }
