"""Importing: `scale fit` of a table that another tool measured."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from statistics import median

from nworkers.cli.asked.options import option_of
from nworkers.cli.shown import console, json_view, text_view
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.table import Table
from nworkers.models.base.defaults import DEFAULT_PROFILE
from nworkers.models.base.errors import with_fields
from nworkers.models.files.atomic_write import check_output
from nworkers.models.files.store import find_profile, read_text, write_record
from nworkers.models.records.profile import Parameter, parameters
from nworkers.models.tables.components.merge import Fitted, Import, graft
from nworkers.models.tables.detect import KNOWN, format_of, read_table
from nworkers.models.tables.formats.csv_throughput import FORMAT as SCALING

#: More rows than this are thinned in the text; JSON has all.
MOST_ROWS = 24


def is_table(file: Path) -> bool:
    """Whether a file is to be read as another tool's; JSON of no known tool is a calibration."""
    text = read_text(file, KNOWN)
    return format_of(text) is not None or not text.lstrip().startswith(("{", "["))


def is_scaling(file: Path) -> bool:
    """Whether a file holds throughputs over workers."""
    return format_of(read_text(file, KNOWN)) == SCALING


def fit(
    file: Path,
    output: Path | None,
    base: str | None,
    workers: int | None,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Read the table, put what it determines into the base, and show both.

    Raises:
        InputError
    """
    if output is not None:
        check_output(output, force=force)
    text = read_text(file, KNOWN)
    table = read_table(text, str(file), workers=workers)
    profile, _ = find_profile("base", base or DEFAULT_PROFILE)
    result = graft(table, text, profile, file.name)
    if output is not None:
        write_record(output, result.profile, force=force)
        console.note(f"wrote {output}")
    if as_json:
        json_view.emit(json_view.fit(result.profile) | {"imported": _document(result)})
    else:
        console.emit(_text(result, output))


def _text(result: Import, output: Path | None) -> str:
    """Rows beside their fit, where each section comes from, and the parameters that changed."""
    record = result.profile.imported[-1]
    head = f"{record.source}: {record.format}, {fmt.count(record.rows, 'row')}"
    origins = Table("section", "comes from", left=(0, 1))
    for section, origin in result.sections.items():
        origins.add_row(section, origin)
    fitted = Table("parameter", "estimate", "90 % interval", "unit", "rows", left=(0,))
    for path, parameter in _own(result):
        fitted.add_row(path, *_columns(parameter), str(parameter.samples))
    lines = [head, *_wrapped(_notes(result)), str(_rows(result.rows)), str(origins), str(fitted)]
    quality = [row for row in result.profile.fit if row.held_out and row not in result.base.fit]
    if quality:
        lines.append(text_view.quality(quality))
        lines.append("The parameters above are fitted to all rows, these included.")
    if result.profile.provisional:
        rounds = fmt.count(result.profile.rounds, "round")
        lines.append(f"The intervals are provisional: they rest on {rounds}, fewer than 5.")
    if output is not None:
        lines.append(f"Next: scale predict --workers 4 --calibration {output}")
    return "\n".join(lines)


def _notes(result: Import) -> list[str]:
    return [with_fields(note, option_of) for note in result.notes]


def _wrapped(notes: list[str]) -> list[str]:
    return [f"  - {note}" for note in notes]


def _own(result: Import) -> list[tuple[str, Parameter]]:
    changed = set(result.profile.imported[-1].parameters)
    return [(path, p) for path, p in parameters(result.profile) if path in changed]


def _columns(parameter: Parameter) -> tuple[str, str, str]:
    estimate, interval, unit = fmt.columns(parameter.estimate, parameter.unit, parameter.interval)
    if parameter.identified:
        return estimate, interval, unit
    return "not identified", "—", parameter.unit


def _rows(rows: tuple[Fitted, ...]) -> Table:
    """The median of each size, thinned evenly where there are many."""
    table = Table(
        "quantity", "group", "size", "measured", "fitted", "error", "bandwidth", left=(0,)
    )

    def key(fitted: Fitted) -> tuple[str, str, int, int, int, float]:
        row = fitted.row
        # Streams of one test each move another number of bytes.
        size = 0 if row.quantity == "flow" else row.size_bytes
        flops = row.features * row.batch * row.hidden
        return row.quantity, row.path, row.workers, size, row.tensors, flops or row.batch

    seconds = [f for f in rows if f.row.quantity == "second"]
    shown = sorted((f for f in rows if f.row.quantity != "second"), key=key)
    groups = [list(group) for _, group in groupby(shown, key)]
    step = -(-len(groups) // MOST_ROWS)
    for group in groups[::step]:
        row, model = group[0].row, group[0].fitted_s
        measured_s = median(f.row.seconds for f in group)
        table.add_row(
            f"{row.quantity} {row.path}".rstrip(),
            str(row.workers if row.quantity == "allreduce" else row.flows),
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


def _size(batch: int) -> str:
    return f"batch {batch}" if batch else "—"


def _bandwidth(rate: float) -> str:
    return fmt.quantity(rate, "B/s") if rate else "—"


def _document(result: Import) -> dict[str, object]:
    found = asdict(result.profile.imported[-1])
    return {
        **found,
        "row_count": found["rows"],
        "sections": result.sections,
        "notes": _notes(result),
        "rows": [
            {
                "quantity": f.row.quantity,
                "size_bytes": f.row.size_bytes,
                "workers": f.row.workers,
                "flows": f.row.flows,
                "seconds": f.row.seconds,
                "in_place": f.row.in_place,
                "bandwidth_bytes_per_s": f.row.bandwidth_bytes_per_s,
                "fitted_s": f.fitted_s,
            }
            for f in result.rows
        ],
    }
