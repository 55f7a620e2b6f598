"""OSU micro-benchmarks, as text; their Python version, and the tables of mpi4py, look alike.

A title ``# OSU MPI Latency Test v7.4``, a header with the unit, then size and value: microseconds
(of half a ping-pong, or of an all-reduce averaged over its ranks) or units of 1e6 bytes/s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from nworkers.models.base.errors import InputError
from nworkers.models.tables.components.found import FoundTable, label
from nworkers.models.tables.components.rows import Row, RowQuantity, number, whole
from nworkers.models.tables.formats.posted import LONGEST, Line, Lines, cut_short, processes

FORMAT = "OSU micro-benchmarks"
TITLE = re.compile(
    r"(?<![ \t])[ \t]*#?[ \t]*(?:(?:OSU|OMB-Py)[ \t]+(?:(?:MPI(?:-[A-Za-z]+)?|NCCL|RCCL)[ \t]+)?"
    r"|(?<=#)[ \t]*MPI[ \t]+)(?P<test>[A-Z].{0,60}?)[ \t]+Test\b"
)
#: What each test's number is, and the command that would write it.
_TESTS: dict[str, RowQuantity] = {
    "latency": "message",
    "bandwidth": "stream",
    "bi-directional bandwidth": "stream_both_ways",
    "pingpong": "message",
    "allreduce latency": "allreduce",
    "allreduce": "allreduce",
}
_COMMANDS = {
    "allreduce": "mpirun -np 8 osu_allreduce",
    "message": "mpirun -np 2 osu_latency",
    "stream": "mpirun -np 2 osu_bw",
}
_SIZE = re.compile(r"^\s*#?\s*Size\b\s*(?:[(\[]B(?:ytes)?[)\]])?")
_COLUMN = re.compile(
    r"[A-Za-z][^()\[\]|]*[(\[][A-Za-z/%]+[)\]]|\bIterations\b|\bValidation\b|\bSamples\b"
)
_LATENCY = re.compile(r"(?:Avg )?(?:Latency|Time)\s*[(\[](us|ms|s)[)\]]", re.IGNORECASE)
_BANDWIDTH = re.compile(r"(?:Bi-)?Bandwidth\s*[(\[]([KMG]B)/s[)\]]", re.IGNORECASE)
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_BYTES = {"KB": 1e3, "MB": 1e6, "GB": 1e9}
_ROW = re.compile(r"^\s*\d+(?:\s+\S.*)?$")
_WORKERS = re.compile(r"\s-{1,2}(?:np?|ntasks)(?:[= ]\s*|(?=\d))(\d{1,9})\b")
_PLACE = re.compile(r"\s-{1,2}(?:np?|N|host|hosts|hostfile|f|machinefile|H|w|nodelist)[= ]\s*\S+")


@dataclass
class _Run:
    """One test: its title's line, what was said of its settings, its rows."""

    line: Line
    name: str
    settings: list[str] = field(default_factory=list)
    group: int | None = None
    columns: int = 0
    scale: float = 0.0
    header: str = ""
    rows: list[Row] = field(default_factory=list)
    broken: list[tuple[int, InputError]] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    last: int = 0

    @property
    def quantity(self) -> RowQuantity | None:
        return _TESTS.get(self.name.casefold())


def find(lines: Lines, source: str, workers: int | None = None) -> Iterator[FoundTable]:
    """Every test of a file, of use or refused by its name.

    ``workers`` is the size of the group, which osu_allreduce does not print; a line
    ``mpirun -np 16 … osu_allreduce`` before it says so as well.
    """
    run: _Run | None = None
    above: list[str] = []
    group: int | None = None
    for line in lines:
        text = line.text
        title = TITLE.match(text) if line.own else None
        if title is not None:
            if run is not None:
                yield _table(run, source, workers)
            run = _Run(line, title["test"], _settings(title[0], title["test"], above), group)
            run.last, above, group = line.number, [], None
        elif "osu_" in text or processes(text) is not None:
            count = _WORKERS.search(text) if len(text) < LONGEST else None
            group = int(count[1]) if count else None
            above = [_PLACE.sub(" ", text)]
        elif run is None or not line.own:
            above = _above(above, text)
        elif _SIZE.match(text) and run.header:  # of a table whose title is not there
            yield _table(run, source, workers)
            run = None
        elif _SIZE.match(text):
            _header(run, text)
        elif _ROW.match(text):
            run.last = line.number
            _read_row(run, line, source)
        elif text.lstrip().startswith("#") and not run.rows:
            run.settings.append(label(text))
        elif text.lstrip().startswith("#"):  # the end of its rows, or another type's after it
            yield _table(run, source, workers)
            run = _of_another_type(run, line) if "Datatype" in text else None
        else:
            above = _above(above, text)
    if run is not None:
        yield _table(run, source, workers)


def _of_another_type(run: _Run, line: Line) -> _Run:
    """The same test's next rows, of the type that a line names."""
    settings = [text for text in run.settings if not text.startswith("Datatype")]
    return _Run(
        line,
        run.name,
        [*settings, label(line.text)],
        run.group,
        run.columns,
        run.scale,
        run.header,
        last=line.number,
    )


def _above(above: list[str], text: str) -> list[str]:
    """The last lines before a title that may say what it is of."""
    said = text.strip() and "INFO" not in text and "WARN" not in text and len(text) < 200
    return [*above[-1:], text] if said else above


def _settings(title: str, test: str, above: list[str]) -> list[str]:
    """What tells this run from others of its test: the lines above it, the library of its title."""
    library = re.sub(r"^[#\s]*|\s*Test$", "", title).replace(test, "").strip()
    return [library, *(text for text in map(label, above) if text)]


def _header(run: _Run, text: str) -> None:
    """Which unit the values have; ``scale`` stays 0 where it is none of the test's."""
    rest = _SIZE.sub("", text, count=1)
    run.header, run.columns = text.strip(), len(_COLUMN.findall(rest))
    first = _COLUMN.search(rest)
    name = first[0].strip() if first else ""
    if latency := _LATENCY.fullmatch(name):
        run.scale = (
            _SECONDS[latency[1].lower()] if run.quantity in ("message", "allreduce") else 0.0
        )
    elif rate := _BANDWIDTH.fullmatch(name):
        rated = run.quantity in ("stream", "stream_both_ways") or run.name.casefold() == "pingpong"
        run.scale = -_BYTES[rate[1].upper()] if rated else 0.0


def _read_row(run: _Run, line: Line, source: str) -> None:
    """A size and its value; microseconds, or bytes a second of what both directions pass."""
    quantity = run.quantity
    if quantity is None:
        return
    where = f"{source}: line {line.number}"
    values = line.text.replace("|", " ").replace("±", " ").split()
    try:
        size = whole(values[0], f"{where}: size")
        if not run.scale:
            got = run.header or "values without a header"
            raise InputError(where, got[:60], "Latency (us) or Bandwidth (MB/s)")
        value = number(values[1] if len(values) > 1 else None, f"{where}: value")
        if cut_short(line, values[1], run.printed):
            raise InputError(where, "a line that is cut off", "a whole line")
        if len(values) != 1 + run.columns:
            got = f"{len(values)} columns under {1 + run.columns} names"
            raise InputError(where, got, "a value under every name")
    except InputError as error:
        run.broken.append((line.number, error))
        return
    if run.scale < 0 and not size:
        return
    both = 2.0 if quantity == "stream_both_ways" else 1.0
    seconds = size * both / (value * -run.scale) if run.scale < 0 else value * run.scale
    if quantity == "allreduce" and not size:
        return
    run.rows.append(Row(quantity, seconds, size))
    run.printed.append(values[1])


def _table(run: _Run, source: str, workers: int | None) -> FoundTable:
    """A test as a table, refused where it is another, has no rows or a group of unknown size."""
    where = f"{source}: line {run.line.number}"
    title = f"OSU's {run.name} test"
    quantity = run.quantity
    group = (workers or run.group) if quantity == "allreduce" else 1
    refused = None
    if quantity is None:
        refused = InputError(where, title, _wanted(run.name))
    elif not run.rows:
        empty = InputError(where, f"a {FORMAT} header without rows", "at least one row")
        refused = run.broken[0][1] if run.broken else empty
    elif group is None:
        refused = InputError(
            where,
            "an all-reduce without the size of its group, which osu_allreduce does not print",
            f"<workers> N, or the line `{_COMMANDS[quantity]}` before it",
        )
    elif quantity == "allreduce" and group < 2:
        refused = InputError(where, "a group of 1, which sends nothing", _COMMANDS[quantity])
    of = f" of {group} processes" if quantity == "allreduce" and group else ""
    series = " ".join(dict.fromkeys(" ".join(run.settings).split()))
    return FoundTable(
        FORMAT,
        title + of,
        (run.line.number, run.last),
        ()
        if refused
        else tuple(replace(row, workers=group or 1, series=series) for row in run.rows),
        notes=tuple(_left_out(run.broken)),
        refused=refused,
    )


def _wanted(name: str) -> str:
    """The test whose numbers say what this one's nearly do."""
    lowered = name.casefold()
    one_sided = any(word in lowered for word in ("put", "get", "accumulate", "fetch", "compare"))
    pair = one_sided or "multi" in lowered or "threaded" in lowered
    if pair and ("bandwidth" in lowered or "rate" in lowered):
        return _COMMANDS["stream"]
    if pair or (lowered.endswith("latency") and "collective" not in lowered and " " not in lowered):
        return _COMMANDS["message"]
    return _COMMANDS["allreduce"]


def _left_out(broken: list[tuple[int, InputError]]) -> Iterator[str]:
    if broken:
        first, error = broken[0]
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        yield f"line {first}{more} left out: {error.got}"
