"""Step CSV: times of steps, one a line, as anybody writes them or the package's recorders do."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from nworkers.models.base.errors import InputError
from nworkers.models.files.input_file import read_text
from nworkers.models.records.measured_steps import MeasuredSteps

#: Columns that recorders write.
STEP, BETWEEN = "step_time_s", "between_s"
#: Headers of a column of times, with the seconds of one.
_UNITS = {STEP: 1.0, "s": 1.0, "seconds": 1.0, "step_time_ms": 1e-3, "ms": 1e-3}
MAX_STEPS = 1_000_000
LEAST_STEPS = 10
#: A step longer than this is a slip of the unit.
MAX_STEP_S = 1e6
_MAX_BYTES = 2**26
_WANTED = (
    f"a CSV of step times, a step a line: under {STEP}, step_time_ms or ms, or seconds without a "
    "header"
)


def read_steps(path: Path) -> MeasuredSteps:
    """The steps of a file.

    Raises:
        InputError: it cannot be read, has no column of step times, or a line that is no time.
    """
    name = str(path)
    lines = read_text(path, _WANTED, _MAX_BYTES).split("\n")
    try:
        rows = [(n, row) for n, row in enumerate(csv.reader(lines), 1) if any(map(str.strip, row))]
    except csv.Error as error:
        raise InputError(name, f"no CSV ({error})", _WANTED) from None
    rows = [(n, row) for n, row in rows if not row[0].lstrip().startswith("#")]
    if not rows:
        raise InputError(name, "no steps", _WANTED)
    column, unit, between = _columns(name, [cell.strip() for cell in rows[0][1]])
    if between is not None or not _is_number(rows[0][1][column]):
        rows = rows[1:]
    if not LEAST_STEPS <= len(rows) <= MAX_STEPS:
        raise InputError(name, f"{len(rows)} steps", f"from {LEAST_STEPS} to {MAX_STEPS:,} steps")
    steps_s = tuple(unit * _number(name, n, row, column, above=0.0) for n, row in rows)
    if between is None:
        return MeasuredSteps(steps_s)
    return MeasuredSteps(steps_s, tuple(_number(name, n, row, between) for n, row in rows))


def _columns(name: str, header: list[str]) -> tuple[int, float, int | None]:
    """The place of step times, the seconds of one, and the place of what lies between them."""
    for place, cell in enumerate(header):
        if (unit := _UNITS.get(cell.lower())) is not None:
            return place, unit, header.index(BETWEEN) if BETWEEN in header else None
    if len(header) == 1 and _is_number(header[0]):
        return 0, 1.0, None
    raise InputError(name, ",".join(header)[:80], _WANTED)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(name: str, line: int, row: list[str], place: int, above: float = -1.0) -> float:
    text = row[place].strip() if place < len(row) else ""
    value = float(text) if _is_number(text) else math.nan
    if not above < value <= MAX_STEP_S or (above < 0.0 and value < 0.0):
        raise InputError(f"{name}, line {line}", text[:40] or "nothing", "a time above 0")
    return value
