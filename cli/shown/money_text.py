"""Money text: what workers and options cost, in sentences and in tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.cli.shown.row_json import beside, plain
from nworkers.cli.shown.table import TextTable

if TYPE_CHECKING:
    from nworkers.cli.documents.curve_document import MoneyDocument, OptionCostEntry
    from nworkers.models.records.prediction import Interval
    from nworkers.simulator.decide.job_options import OptionCost, OptionFound
    from nworkers.simulator.decide.money import Assignment, CostCurve, Prices, WorkersCost


def in_words(found: CostCurve) -> list[str]:
    """The numbers of best throughput and best cost, and which of them does the work."""
    return [*_best(found), *_done(found)]


def title(found: CostCurve) -> str:
    """What a picture shows: the cheapest that does the work, else the numbers that are best."""
    told = [*_done(found), *_best(found)]
    return told[0] if told else headline.of_breakeven(found.result)


def _best(found: CostCurve) -> list[str]:
    if found.best_cost_workers is None:
        return []
    fastest = next(row for row in found.rows if row.workers == found.best_workers)
    cheapest = next(row for row in found.rows if row.workers == found.best_cost_workers)
    also = " too" if fastest is cheapest else ""
    begun = f"{_who(found, fastest)} {_are(fastest)} fastest"
    if cheapest.cost_per_million == 0.0:
        free = f"{'costs' if cheapest.workers == 1 else 'cost'} nothing more"
        if fastest is cheapest:
            return [f"{begun}, and {free}: what it takes is there already."]
        there = f"{_who(found, cheapest)}, of what is there already, {free}"
        return [f"{begun}, at {_money(fastest)} for a million samples; {there}."]
    sentence = (
        f"{begun}; {_who(found, cheapest)} "
        f"{_are(cheapest)} cheapest{also}, at {_money(cheapest)} for a million samples."
    )
    one = found.baseline
    if one.cost_per_million == 0.0:
        sentence += f" {_capital(_who(found, one))} {_cost(found)} nothing more."
    elif (one.cost_per_million or 0.0) <= (cheapest.cost_per_million or 0.0):
        sentence += f" {_capital(_who(found, one))} {_cost(found)} less: {_money(one)}."
    else:
        sentence += f" {_capital(_who(found, one))} {_cost(found)} {_money(one)}."
    return [sentence]


def _done(found: CostCurve) -> list[str]:
    """Who does the work within the limits; where nobody does, who comes nearest."""
    work = found.assignment
    if work.samples is None or (work.deadline_s is None and work.budget is None):
        return []
    samples = _work(work)
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


def _work(work: Assignment) -> str:
    """``10,000,000 samples in 72.0 h and for at most 900``."""
    limits = []
    if work.deadline_s is not None:
        limits.append(f"in {fmt.digits(work.deadline_s / 3600)} h")
    if work.budget is not None:
        limits.append(f"for at most {fmt.digits(work.budget)}")
    return " ".join([f"{work.samples:,.0f} samples", " and ".join(limits)]).rstrip()


def _nearest(found: CostCurve) -> str:
    """The fastest where time is short, the cheapest where money is."""
    from nworkers.simulator.decide.money import least_costly, soonest

    work, sentences = found.assignment, []
    if work.deadline_s is not None:
        row = soonest(found.all)
        within = " within the budget" if work.budget is not None and row.is_in_budget else ""
        sentences.append(f"The fastest{within}: {_told(found, row)}.")
    if work.budget is not None:
        row = least_costly(found.all)
        within = " in time" if work.deadline_s is not None and row.is_in_time else ""
        sentences.append(f"The cheapest{within}: {_told(found, row)}.")
    return " ".join(sentences)


def _told(found: CostCurve, row: WorkersCost) -> str:
    """A number of workers with its hours, its money and how sure it is to keep the limits."""
    return f"{_who(found, row)}, {_spent(row)}"


def _spent(row: WorkersCost) -> str:
    """Hours, money and how sure they are to keep the limits; money alone without samples."""
    if row.hours is None:
        return f"{_money(row)} for a million samples"
    parts = [f"{_with(row.hours, row.hours_interval)} h"]
    if row.cost is not None:
        parts.append(_with(row.cost, row.cost_interval) if row.cost else "nothing more")
    if row.probability_in_time is not None:
        parts.append(f"in time in {fmt.percent(row.probability_in_time)} of the draws")
    if row.probability_in_budget is not None:
        parts.append(f"within the budget in {fmt.percent(row.probability_in_budget)}")
    return ", ".join(parts)


def _who(found: CostCurve, row: WorkersCost) -> str:
    return headline.baseline(found.result.rows[0]) if row.workers is None else _workers(row)


def _workers(row: WorkersCost) -> str:
    on = f" on {row.hosts} hosts" if row.hosts > 1 else ""
    return f"{fmt.count(row.workers or 0, 'worker')}{on}"


def _are(row: WorkersCost) -> str:
    return "is" if row.workers == 1 else "are"


def _cost(found: CostCurve) -> str:
    """The verb of the baseline: several workers cost, one process costs."""
    base = found.result.rows[0].baseline
    return "cost" if base.isdecimal() and int(base) > 1 else "costs"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _money(row: WorkersCost) -> str:
    assert row.cost_per_million is not None
    if row.cost_per_million == 0.0:
        return "0"
    return _with(row.cost_per_million, row.cost_per_million_interval)


def _with(value: float, interval: Interval | None) -> str:
    return fmt.digits(value) + ("" if interval is None else f" ({fmt.span(interval)})")


def table(found: CostCurve) -> TextTable:
    """A line for the baseline and for each number of workers."""
    header = _header(found.prices, found.assignment)
    made = TextTable("workers", "hosts", *header, spare=("hosts", "an hour"))
    for row in found.all:
        name = _who(found, row) if row.workers is None else str(row.workers)
        made.add_row(name, str(row.hosts), *_cells(row))
    return made


def _header(prices: Prices, work: Assignment) -> list[str]:
    header = ["an hour", "a million samples"] if prices.known else []
    if work.samples is not None:
        header += ["hours", *(["all samples"] if prices.known else [])]
        header += ["in time"] if work.deadline_s is not None else []
        header += ["in budget"] if work.budget is not None else []
    return header


def _cells(row: WorkersCost) -> list[str]:
    cells = [] if row.cost_per_hour is None else [fmt.digits(row.cost_per_hour), _money(row)]
    if row.hours is not None:
        cells.append(_with(row.hours, row.hours_interval))
        if row.cost is not None:
            cells.append(_with(row.cost, row.cost_interval) if row.cost else "0")
    for chance in (row.probability_in_time, row.probability_in_budget):
        cells += [] if chance is None else [fmt.percent(chance)]
    return cells


def best_option(found: Sequence[OptionFound], prices: Prices, work: Assignment) -> str | None:
    """Which option is cheapest within the limits; None where neither price nor limit is given.

    Where none keeps the limits, which comes nearest.
    """
    from nworkers.simulator.decide.money import least_costly, price_of, soonest

    if not prices.known and work.deadline_s is None:
        return None
    rows = [_of(option).at for option in found]
    kept = [row for row in rows if row.meets]
    goal = "" if work.samples is None else f" for {_work(work)}"
    if kept:
        best, least = min(kept, key=price_of), "cheapest" if prices.known else "fewest hosts"
        begins = f"The {least}{goal}"
    elif any(row.is_in_time for row in rows):
        best, begins = least_costly(rows), f"Not possible: {_work(work)}. The cheapest"
    else:
        best, begins = soonest(rows), f"Not possible: {_work(work)}. The fastest"
    option = next(option for option in found if _of(option).at is best)
    beside = _beside(option, found)
    sentence = f"{begins}: {option.name}, with {_workers(best)}, {_spent(best)}{beside}."
    return " ".join([sentence, *_costs_less(found[0], best)])


def _beside(best: OptionFound, found: Sequence[OptionFound]) -> str:
    """What the best costs beside the first; where that is the best, what the next costs."""
    from nworkers.simulator.decide.money import price_of

    first, *others = found
    if best is not first:
        return _times(best, "", f"the cost of {first.name}")
    second = min(others, key=lambda option: price_of(_of(option).at), default=None)
    return "" if second is None else _times(second, f"; next, {second.name}", "that")


def _times(option: OptionFound, who: str, base: str) -> str:
    """How many times ``base`` an option costs; nothing without prices."""
    spent = _of(option)
    return "" if spent.ratio is None else f"{who}, {_ratio(spent)} {base}"


def _ratio(spent: OptionCost) -> str:
    return "" if spent.ratio is None else fmt.times(spent.ratio, spent.ratio_interval)


def _costs_less(first: OptionFound, best: WorkersCost) -> list[str]:
    """The first option's baseline, where it does the work for less."""
    from nworkers.simulator.decide.money import price_of

    over_workers = _of(first).curve
    if over_workers is None:
        return []
    one = over_workers.baseline
    if not one.meets or price_of(one) >= price_of(best):
        return []
    also = "do it too" if _cost(over_workers) == "cost" else "does it too"
    less = f"{_cost(over_workers)} less" if one.cost_per_hour is not None else also
    return [f"{_capital(_who(over_workers, one))} {less}: {_spent(one)}."]


def options_table(found: Sequence[OptionFound], prices: Prices, work: Assignment) -> TextTable:
    """A line for each option at its best number of workers, and one for the first's baseline."""
    ratios = ["beside the first", *(["its cost"] if prices.known else [])]
    header = ("option", "workers", "hosts", *_header(prices, work), *ratios)
    spare = ("hosts", "an hour", "beside the first", "a million samples")
    made = TextTable(*header, left=(0,), spare=spare)
    for option in found:
        spent, is_first = _of(option), option is found[0]
        cells = ["1" if is_first else fmt.times(option.ratio, option.ratio_interval)]
        if prices.known:
            cells.append("1" if is_first else _ratio(spent) or "—")
        at = spent.at
        made.add_row(option.name, str(at.workers), str(at.hosts), *_cells(at), *cells)
    if over_workers := _of(found[0]).curve:
        one = over_workers.baseline
        name = _who(over_workers, one)
        made.add_row(name, "", str(one.hosts), *_cells(one), *([""] * len(ratios)))
    return made


def _of(option: OptionFound) -> OptionCost:
    assert option.spent is not None
    return option.spent


def option_document(of: OptionCost) -> OptionCostEntry:
    """What an option costs, for machines."""
    entry: OptionCostEntry = beside(
        of.at, type(of.at), ratio=of.ratio, ratio_interval=of.ratio_interval
    )
    return entry


def document(found: CostCurve) -> MoneyDocument:
    """The same for machines."""
    prices, work = found.prices, found.assignment
    return {
        "price_per_host_hour": prices.price_per_host_hour,
        "capex_per_host": prices.capex_per_host,
        "capex_per_port": prices.capex_per_port,
        "years": prices.years,
        "samples": work.samples,
        "deadline_s": work.deadline_s,
        "budget": work.budget,
        "best_workers": found.best_workers,
        "best_cost_workers": found.best_cost_workers,
        "is_possible": found.cheapest is not None if work.samples else None,
        "cheapest": found.cheapest and plain(found.cheapest),
        "fastest": found.fastest and plain(found.fastest),
        "baseline": plain(found.baseline),
        "rows": [plain(row) for row in found.rows],
        "answer": " ".join(in_words(found)),
    }
