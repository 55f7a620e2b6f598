"""Settings as text: every quantity that may be set, with its interval and unit."""

from __future__ import annotations

from collections.abc import Iterable

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.sheet import Sheet
from nworkers.cli.shown.table import TextTable
from nworkers.models.records.setting import Settable


def settings(found: Iterable[Settable]) -> Sheet:
    """A row for each quantity."""
    table = TextTable("path", "value", "90 % interval", "unit", left=(0,), spare=("90 % interval",))
    for settable in found:
        table.add_row(settable.path, *_columns(settable))
    example = "--set link.fetch.latency_s=50us, or a factor: --set link.fetch.latency_s=0.5x"
    return Sheet(table, f"Each can be set: {example}.")


def _columns(of: Settable) -> tuple[str, str, str]:
    if of.value is None:
        return "not known" if of.samples is None else "not identified", "—", of.unit
    if of.interval is None:
        if of.unit:
            value, unit = fmt.quantity(of.value, of.unit).split(" ")
            return value, "—", unit
        return f"{of.value:.3g}", "—", ""
    return fmt.columns(of.value, of.unit, of.interval)
