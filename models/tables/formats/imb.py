"""Intel MPI Benchmarks: PingPong and Allreduce of IMB-MPI1, as text.

``# Benchmarking Allreduce``, then ``# #processes = 8``, then a header with units. ``t[usec]`` of
PingPong is half a round trip; of Allreduce ``t_avg[usec]`` is taken, the mean over its ranks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from nworkers.models.base.errors import InputError
from nworkers.models.tables.components.found import FoundTable
from nworkers.models.tables.components.rows import Row, RowQuantity, number, whole
from nworkers.models.tables.formats.posted import Header, Line, Lines, cut_short, half_unit

FORMAT = "Intel MPI Benchmarks"
TITLE = re.compile(r"(?<![ \t])[ \t]*#[ \t]*Benchmarking[ \t]+(?P<test>\w+)")
WANTED = "PingPong or Allreduce: mpirun -np 8 IMB-MPI1 PingPong Allreduce"
_EXTREMES = ("t_min[usec]", "t_max[usec]")
_TESTS: dict[str, tuple[RowQuantity, str]] = {
    "pingpong": ("message", "t[usec]"),
    "allreduce": ("allreduce", "t_avg[usec]"),
}
_PROCESSES = re.compile(r"^\s*#\s*#?processes\s*=\s*(\d{1,7})\b")
_GROUPS = re.compile(r"\(\s*\d+ groups? of \d+ processes each")
_HEADER = re.compile(r"^\s*#bytes\s+#repetitions\b")
#: What no other tool's line has, and what begins a line of its own.
TOLD = re.compile(r"#bytes[ \t]+#repetitions\b")
MARK = re.compile(rf"{TITLE.pattern}|(?<![ \t])[ \t]*{TOLD.pattern}")


@dataclass
class _Run:
    line: Line
    name: str
    processes: int = 0
    simultaneous: bool = False
    header: Header | None = None
    rows: list[Row] = field(default_factory=list)
    broken: list[tuple[int, InputError]] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    last: int = 0


def find(lines: Lines, source: str, workers: int | None = None) -> Iterator[FoundTable]:
    """Every benchmark of a file, of use or refused by its name."""
    run: _Run | None = None
    for line in lines:
        if not line.own:
            continue
        if title := TITLE.match(line.text):
            if run is not None:
                yield _table(run, source)
            run = _Run(line, title["test"], last=line.number)
        elif run is None:
            continue
        elif (run.rows or run.broken) and line.text.lstrip().startswith("#"):
            yield _table(run, source)
            run = None
        elif count := _PROCESSES.match(line.text):
            run.processes = int(count[1])
        elif _GROUPS.search(line.text):
            run.simultaneous = True
        elif _HEADER.match(line.text) and run.header is not None:  # of one whose title is not there
            yield _table(run, source)
            run = None
        elif _HEADER.match(line.text):
            run.header = Header.of(line.text)
        elif run.header is not None and re.match(r"^\s*\d+\s", line.text):
            run.last = line.number
            _read_row(run, line, source)
    if run is not None:
        yield _table(run, source)


def _read_row(run: _Run, line: Line, source: str) -> None:
    where = f"{source}: line {line.number}"
    test = _TESTS.get(run.name.casefold())
    if test is None or run.header is None:
        return
    quantity, column = test
    cells = run.header.cells(line.text)
    try:
        beside = ("Mbytes/sec",) if "Mbytes/sec" in run.header.names else _EXTREMES
        wanted = ("#bytes", "#repetitions", column, *beside)
        lacking = [name for name in wanted if name not in run.header.names]
        if cells is None or None in cells or lacking:
            cut = "a line that is cut off, or lacks a value"
            got = f"no column {lacking[0]}" if lacking else cut
            raise InputError(where, got, " ".join(run.header.names))
        row = dict(zip(run.header.names, cells, strict=True))
        size = whole(row["#bytes"], f"{where}: #bytes")
        if not whole(row["#repetitions"], f"{where}: #repetitions"):
            raise InputError(where, "no repetitions", "at least one")
        value = row[column] or ""
        if cut_short(line, value, run.printed):
            raise InputError(where, "a line that is cut off", "a whole line")
        seconds = number(value, f"{where}: {column}") * 1e-6
        if not _agree(row, size, seconds):
            raise InputError(where, "a line that contradicts itself", "columns as printed")
    except InputError as error:
        run.broken.append((line.number, error))
        return
    run.printed.append(value)
    if size or quantity == "message":
        group = run.processes if quantity == "allreduce" else 1
        run.rows.append(Row(quantity, seconds, size, workers=max(group, 1)))


def _agree(row: dict[str, str | None], size: int, seconds: float) -> bool:
    """Whether a line's time is that of its bandwidth, or the mean between its extremes."""
    if "Mbytes/sec" in row:
        text = str(row["Mbytes/sec"])
        rate = number(text, "Mbytes/sec") if size else 0.0
        # Units of 2^20 bytes before version 2018, of 1e6 bytes since (IMB's user guide).
        return not size or any(
            abs(size / seconds / unit - rate) <= 0.02 * rate + half_unit(text)
            for unit in (1e6, 2.0**20)
        )
    least, most = (number(row[name], name) * 1e-6 for name in _EXTREMES)
    return least <= seconds * 1.001 and seconds <= most * 1.001


def _table(run: _Run, source: str) -> FoundTable:
    where = f"{source}: line {run.line.number}"
    refused = None
    if run.name.casefold() not in _TESTS:
        refused = InputError(where, f"{run.name} of {FORMAT}", WANTED)
    elif run.simultaneous:
        got = f"{run.name} of several groups at once, which share the wire"
        refused = InputError(where, got, f"{WANTED}, without -multi")
    elif not run.rows:
        empty = InputError(where, f"a {FORMAT} header without rows", "at least one row")
        refused = run.broken[0][1] if run.broken else empty
    elif run.processes < 2:
        refused = InputError(where, f"{run.processes} processes, which send nothing", WANTED)
    left_out = [f"line {at} left out: {error.got}" for at, error in run.broken[:1]]
    return FoundTable(
        FORMAT,
        f"{run.name} of {run.processes} processes",
        (run.line.number, run.last),
        () if refused else tuple(run.rows),
        notes=tuple(left_out),
        refused=refused,
    )
