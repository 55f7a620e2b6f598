"""Import text: a table's rows beside their fit, and what they changed of the base."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from statistics import median

from nworkers.cli.shown import fit_text
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.parameter_table import parameter_table
from nworkers.cli.shown.sheet import Order, Sheet, Shown
from nworkers.cli.shown.table import TextTable
from nworkers.models.base.errors import with_fields
from nworkers.models.tables.components.import_answer import ImportAnswer
from nworkers.models.tables.components.merge import FittedRow
from nworkers.models.tables.components.rows import Row

#: More rows than this are thinned in the text; JSON has all.
MOST_ROWS = 24


def imported(answer: ImportAnswer, output: Path | None, named: Callable[[str], str]) -> Sheet:
    """Rows beside their fit, where each section comes from, and the parameters that changed.

    Args:
        output: the file of the profile, if there is one.
        named: what the reader calls a field.
    """
    record, profile = answer.record, answer.fit.profile
    origins = TextTable("section", "comes from", left=(0, 1))
    for section, origin in answer.merged.sections.items():
        origins.add_row(section, origin)
    lines: list[Shown] = [
        f"{record.source}: {record.format}, {fmt.count(record.rows, 'row')}",
        *(f"  - {note}" for note in notes(answer, named)),
        _rows(answer.merged.rows),
        origins,
        parameter_table(answer.changed, "rows"),
    ]
    if answer.quality:
        lines.append(fit_text.quality(answer.quality))
        lines.append("The parameters above are fitted to all rows, these included.")
    if profile.provisional:
        rounds = fmt.count(profile.rounds, "round")
        lines.append(f"The intervals are provisional: they rest on {rounds}, fewer than 5.")
    if output is not None:
        # Of all-reduces alone nothing follows for parameter servers.
        reduced = {fitted.row.quantity for fitted in answer.merged.rows} == {"allreduce"}
        how = " --strategy allreduce" if reduced else ""
        lines.append(Order("Next:", f"scale predict --workers 4{how} --calibration {output}"))
    return Sheet(*lines)


def notes(answer: ImportAnswer, named: Callable[[str], str]) -> list[str]:
    """What the table does not tell."""
    return [with_fields(note, named) for note in answer.merged.notes]


def _rows(rows: tuple[FittedRow, ...]) -> TextTable:
    """The median of each size, thinned evenly where there are many."""
    table = TextTable(
        "quantity", "group", "size", "measured", "fitted", "error", "bandwidth",
        left=(0,), spare=("bandwidth", "group", "error"),
    )  # fmt: skip

    def key(fitted: FittedRow) -> tuple[str, str, int, int, int, int, float]:
        row = fitted.row
        # Streams of one test each move another number of bytes.
        size = 0 if row.quantity == "flow" else row.size_bytes
        flops = row.features * row.batch * row.hidden
        return row.quantity, row.path, row.hosts, row.workers, size, row.tensors, flops or row.batch

    seconds = [f for f in rows if f.row.quantity == "second"]
    shown = sorted((f for f in rows if f.row.quantity != "second"), key=key)
    groups = [list(group) for _, group in groupby(shown, key)]
    step = -(-len(groups) // MOST_ROWS)
    for group in groups[::step]:
        row, model = group[0].row, group[0].fitted_s
        measured_s = median(f.row.seconds for f in group)
        table.add_row(
            f"{row.quantity} {row.path}".rstrip(),
            _group(row),
            fmt.quantity(row.size_bytes, "B") if row.size_bytes else _size(row.batch),
            fmt.seconds(measured_s),
            "—" if model is None else fmt.seconds(model),
            "—" if model is None else fmt.signed_percent(model / measured_s - 1),
            _bandwidth(median(f.row.bandwidth_bytes_per_s for f in group)),
        )
    if len(seconds) > 1:
        rates = sorted(f.row.bandwidth_bytes_per_s for f in seconds)
        span = f"{fmt.quantity(rates[0], 'B/s')} to {fmt.quantity(rates[-1], 'B/s')}"
        count = fmt.count(len(rates), "interval")
        table.add_row(f"{count}", str(seconds[0].row.flows), "", "", "", "", span)
    return table


def _group(row: Row) -> str:
    if row.quantity != "allreduce":
        return str(row.flows)
    return f"{row.workers} on {fmt.count(row.hosts, 'host')}" if row.hosts else str(row.workers)


def _size(batch: int) -> str:
    return f"batch {batch}" if batch else "—"


def _bandwidth(rate: float) -> str:
    return fmt.quantity(rate, "B/s") if rate else "—"
