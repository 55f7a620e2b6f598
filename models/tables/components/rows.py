"""Rows: what another tool measured, in SI units, whatever its own format was."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from nworkers.models.base.all_reduce_terms import bus_bandwidth
from nworkers.models.base.errors import InputError
from nworkers.models.files.json_document import check_bounds, parsed
from nworkers.models.files.validate_json import shown
from nworkers.models.tables.components.thin import MOST_ROWS, Measured, thinned, thinning

#: No table is longer: rows of one would be a million.
MAX_TABLE_BYTES = 2**25

#: What a row tells, beside the quantities of a calibration's cells:
#:
#: - ``message``: one message of ``size_bytes`` one way, half a ping-pong.
#: - ``stream``: one message's share of a window of them, sent without waiting for answers.
#: - ``flows``: ``size_bytes`` by all ``flows`` connections together over a whole test;
#:   ``flow`` the same by one of them, ``second`` by all of them within one reporting interval.
#: - ``both_ways``: ``flows`` of one direction while the other was as busy; ``stream_both_ways`` a
#:   message's share of a window then.
RowQuantity = Literal[
    "noop",
    "gemm",
    "fetch",
    "push",
    "step",
    "gradient",
    "allreduce",
    "message",
    "stream",
    "flows",
    "flow",
    "second",
    "both_ways",
    "stream_both_ways",
]
#: No memory of any one device passes more: beyond lies a slip of units.
FASTEST_BYTES_PER_S = 1e12
SHORTEST_S, LONGEST_S = 1e-12, 1e6
LARGEST_BYTES = 2**50
MOST_WORKERS = 1_000_000


@dataclass(frozen=True)
class Row:
    """One measured time.

    ``workers`` is the size of an all-reduce's group, or how many transferred at once;
    ``size_bytes`` is what one operation moves, in all its ``tensors``; ``path`` as in a
    calibration's cell; ``round`` tells independent repetitions apart. ``hosts`` is on how many the
    group was, 0 where nothing tells; ``series`` names settings, where several were measured.
    """

    quantity: RowQuantity
    seconds: float
    size_bytes: int = 0
    workers: int = 1
    tensors: int = 1
    flows: int = 1
    round: int = 0
    path: str = ""
    features: int = 0
    batch: int = 0
    hidden: int = 0
    workload: str = ""
    in_place: bool = False
    hosts: int = 0
    series: str = ""

    @property
    def bandwidth_bytes_per_s(self) -> float:
        """Bytes over time; of an all-reduce the bus bandwidth."""
        if self.quantity == "allreduce":
            return bus_bandwidth(self.size_bytes, self.seconds, self.workers)
        return self.size_bytes / self.seconds


@dataclass(frozen=True)
class MeasuredTable:
    """Rows of one file; ``notes`` are remarks for whoever reads the answer."""

    format: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def checked(table: MeasuredTable, source: str) -> MeasuredTable:
    """The table, if it holds rows that can have been measured, with a note of a slip of units.

    Raises:
        InputError: there are no rows, or one holds what no measurement gives.
    """
    if not table.rows:
        raise InputError(source, f"a {table.format} header without rows", "at least one row")
    for row in table.rows:
        for name, value, low, high in (
            ("seconds", row.seconds, SHORTEST_S, LONGEST_S),
            ("bytes", row.size_bytes, 0, LARGEST_BYTES),
            ("workers", row.workers, 1, MOST_WORKERS),
            ("tensors", row.tensors, 1, LARGEST_BYTES),
            ("flops", row.features * row.batch * row.hidden, 0, 1e20),
            ("batch", row.batch, 0, 1e9),
        ):
            if not low <= value <= high:
                raise InputError(
                    f"{source}: {row.quantity}", f"{value:g} {name}", f"{low:g} to {high:g}"
                )
        if row.quantity == "allreduce" and row.workers < 2:
            raise InputError(f"{source}: allreduce", "a group of 1", "two workers or more")
    if len(table.rows) > MOST_ROWS:
        cells: dict[Row, list[Measured]] = {}
        for place, row in enumerate(table.rows):
            cells.setdefault(replace(row, seconds=1.0), []).append((row.seconds, place))
        places = (
            at for times in thinned(cells, lambda cell: cell.round).values() for _, at in times
        )
        kept = tuple(table.rows[at] for at in sorted(places))
        notes = (*table.notes, *thinning(len(kept), len(table.rows)))
        table = MeasuredTable(table.format, kept, notes)
    fastest = max(table.rows, key=lambda row: row.bandwidth_bytes_per_s)
    if fastest.bandwidth_bytes_per_s <= FASTEST_BYTES_PER_S:
        return table
    slip = (
        f"a slip of units? {fastest.size_bytes} bytes in {fastest.seconds:g} s are "
        f"{fastest.bandwidth_bytes_per_s:.3g} bytes/s, more than any memory passes"
    )
    return MeasuredTable(table.format, table.rows, (*table.notes, slip))


def number(text: object, where: str) -> float:
    """A positive, finite number from a table.

    Raises:
        InputError: naming where it stood.
    """
    value = math.nan
    if isinstance(text, int | float | str) and not isinstance(text, bool):
        try:
            value = float(text)
        except (ValueError, OverflowError):
            value = math.nan
    if not 0 < value < math.inf:
        raise InputError(where, _cut(text), "a finite number above 0")
    return value


def whole(text: object, where: str, low: int = 0) -> int:
    """An integer from a table, at least ``low``.

    Raises:
        InputError: naming where it stood.
    """
    # Length first: Python refuses to convert thousands of digits.
    digits = str(text).strip() if not isinstance(text, bool) else ""
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 30) or int(digits) < low:
        raise InputError(where, _cut(text), f"an integer from {low}")
    return int(digits)


def document(text: str, source: str, wanted: str) -> dict[str, Any]:
    """The object that a JSON text holds.

    Raises:
        InputError: it is cut off, or no object.
    """
    content = text.encode()
    check_bounds(content, source)
    return mapping(parsed(content, source, wanted), source)


def mapping(value: object, where: str) -> dict[str, Any]:
    """Raises: InputError where the value is no object."""
    if not isinstance(value, dict):
        raise InputError(where, shown(value) if value is not None else "nothing", "an object")
    return value


def listing(value: object, where: str) -> list[Any]:
    """Raises: InputError where the value is no list."""
    if not isinstance(value, list):
        raise InputError(where, shown(value) if value is not None else "nothing", "a list")
    return value


def _cut(value: object) -> str:
    return shown(value) if value not in (None, "") else "nothing"
