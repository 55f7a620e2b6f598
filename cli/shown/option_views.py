"""Option views: options of a job side by side, as a sentence, a table and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.cli.shown.money_text import option_document
from nworkers.cli.shown.row_json import row
from nworkers.cli.shown.table import TextTable

if TYPE_CHECKING:
    from nworkers.cli.documents.curve_document import OptionDocument, OptionMoneyDocument
    from nworkers.simulator.decide.job_options import OptionFound


def best_option(found: Sequence[OptionFound]) -> str:
    """Which option trains fastest, and by how much beside the first."""
    best = max(found, key=lambda option: option.ratio)
    if best.ratio - 1.0 < headline.EQUAL:
        best = found[0]
    first, workers = found[0], fmt.count(best.row.scenario.workers, "worker")
    if best is first:
        others = found[1:]
        second = max(others, key=lambda option: option.ratio)
        slower = headline.pace(second.ratio, "it", second.ratio_interval)
        if second.ratio > 1.0 - headline.EQUAL:
            none = f"No other way is faster than {first.name}, with {workers}"
            return f"{none}; {second.name} is {slower}."
        return f"{first.name}, with {workers}, is fastest; next, {second.name} is {slower}."
    faster = headline.pace(best.ratio, first.name, best.ratio_interval)
    return f"{best.name}, with {workers}, is {faster}."


def options_text(found: Sequence[OptionFound]) -> TextTable:
    """A line for each option: its break-even, its workers, and how fast it is beside the first."""
    table = TextTable(
        "option", "break-even", "workers", "hosts", "samples/s", "speed-up", "beside the first",
        left=(0,), spare=("hosts", "samples/s", "speed-up"),
    )  # fmt: skip
    for option in found:
        at = option.row
        table.add_row(
            option.name,
            _breakeven(option),
            str(at.scenario.workers),
            str(at.scenario.hosts),
            fmt.quantity(at.throughput_samples_per_s, "", at.throughput_samples_per_s_interval),
            fmt.times(at.speedup, at.speedup_interval),
            "1" if option is found[0] else fmt.times(option.ratio, option.ratio_interval),
        )
    return table


def _breakeven(option: OptionFound) -> str:
    if option.curve is None:
        return "—"
    first = option.curve.breakeven_workers
    return "never" if first is None else str(first)


def options_json(found: Sequence[OptionFound]) -> list[OptionDocument]:
    """The same as rows of ``--json``; an option's own curve is in none of them."""
    return [_document(option) for option in found]


def _document(option: OptionFound) -> OptionDocument:
    curve = option.curve
    spent: OptionMoneyDocument = {}
    if option.spent is not None:
        spent["money"] = option_document(option.spent)
    return {
        "option": option.name,
        "profile": option.job.profile.name,
        "breakeven_workers": curve.breakeven_workers if curve else None,
        "breakeven_workers_interval": curve.breakeven_workers_interval if curve else None,
        "beats_single": list(curve.beats_single) if curve else None,
        "progress_per_sample": option.row.progress_per_sample,
        "ratio": option.ratio,
        "ratio_interval": option.ratio_interval,
        **spent,
        **row(option.row),
    }
