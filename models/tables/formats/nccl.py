"""nccl-tests: what all_reduce_perf prints, and what tells its siblings from it.

Columns are those that src/util.cu of nccl-tests prints, and doc/PERFORMANCE.md derives: time in
microseconds (milliseconds before version 2), algbw = size/time and busbw in units of 1e9 bytes/s.
rccl-tests prints the same.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from nworkers.models.base.errors import InputError
from nworkers.models.tables.components.found import FoundTable
from nworkers.models.tables.components.rows import Row, number, whole
from nworkers.models.tables.formats.posted import LONGEST, Header, Line, Lines, half_unit, processes

TEXT = "nccl-tests"
#: The shortest command of which the times are those that a model of an all-reduce takes.
WANTED = "all_reduce_perf: ./build/all_reduce_perf -b 8 -e 1G -f 2 -g 8"
#: A header of columns; what stands before it is a prefix.
_COLUMNS = r"(?:size[ \t]+count|bytes[ \t]+N)[ \t]+type\b"
#: Whoever put tables together put words of his own before it.
HEADER = re.compile(rf"[ \t]*#?[ \t]*(?:[A-Za-z_]\w*[ \t]+){{0,2}}{_COLUMNS}")
MARK = re.compile(
    rf"(?<![ \t])[ \t]*(?:#?[ \t]*{_COLUMNS}"
    + r"|#[ \t]+(?:nThread[ \t]|Collective test starting))"
)
PROGRAM = re.compile(r"(?:^|[\s/\"'=])([a-z_]+)_perf(?:_mpi)?(?=$|[\s\"'])")
_NAMED = re.compile(r"Collective test (?:starting|concluded): ([a-z_]+)_perf")
_BUILD = re.compile(
    r"^\s*(?:make|Linking|Compiling|nvcc|g\+\+|hipcc|cp|mv|rm|ls|file|ldd|strip)\b|>\s*/|-o\s+\S+_perf"
)
_RANK = re.compile(r"^\s*#?\s*Rank\s+(\d+)\s.*?\bon\s+(\S+)\s+device\b")
_START = re.compile(
    r"^\s*#?\s*(nThread\s|(?:nccl|rccl)-tests\s+version\b|Collective test starting)"
)
_COUNTS = re.compile(r"nThreads?\s+(\d{1,4})\s+nGpus\s+(\d{1,4})")
_SETTING = re.compile(r"\b(?:agg iters|graph|blocking|unalign): *\d+")
_VARIABLE = re.compile(r"\b(?:NCCL|RCCL)_(?!DEBUG|SOCKET|LIB|TESTS)[A-Z0-9_]+=[^\s\"';]+")
_BOUNDS = re.compile(r"Out of bounds values\s*:\s*(\d+)\s+(OK|FAILED)")
_ROW = re.compile(r"^\s*\d+\s+\d+\s+[a-z]\w*\b")
_DEVICES = "make MPI=1, then mpirun -np 8 ./build/all_reduce_perf -b 8 -e 1G -f 2 -g 1"
#: A time and the algbw beside it differ by less, rounding aside.
AGREEMENT = 0.02
ALL_REDUCE = "all_reduce"


@dataclass(frozen=True)
class NcclTime:
    """One measured time of a line; ``rates`` are the algbw and busbw beside it, as printed."""

    line: int
    size_bytes: int
    in_place: bool
    seconds: float
    unit_s: float
    rates: tuple[str, str]
    wrong: str
    settings: str
    root: str


@dataclass
class NcclRun:
    """One start of the program: what it said of itself, then its table.

    ``processes`` are those of its launcher, ``started`` the ranks that they make, ``devices`` those
    of one process, which are in one host.
    """

    first: int
    settings: list[str] = field(default_factory=list)
    program: str | None = None
    processes: int | None = None
    started: int | None = None
    devices: int = 0
    ranks: list[tuple[int, str]] = field(default_factory=list)
    header: Header | None = None
    header_line: int = 0
    unit_s: float = 1e-6
    last: int = 0
    times: list[NcclTime] = field(default_factory=list)
    torn: list[tuple[int, str]] = field(default_factory=list)
    failed: bool = False


def find(lines: Lines, source: str, workers: int | None = None) -> Iterator[FoundTable]:
    """Every table of all_reduce_perf's columns, of use or refused by its name.

    Args:
        workers: of runs that do not tell.
    """
    for run in _runs(lines, source):
        yield table_of(run, source, workers)


def _runs(lines: Lines, source: str) -> Iterator[NcclRun]:
    """One run after the other: a header, a start or a command after a table begins another."""
    run, later = NcclRun(lines[0].number if lines else 1), list[str]()
    for line in lines:
        text = line.text
        own = line.own
        told = _NAMED.search(text)
        if run.header is not None and (
            (own and HEADER.match(text))
            or (own and _START.match(text))
            or (told is None and _program(text))
        ):
            yield run
            run, later = NcclRun(line.number, later), []
        if told is not None:
            run.program = told[1]
            run.last = line.number if run.header is not None else run.last
        elif own and HEADER.match(text):
            _begin_table(run, line)
        elif own and _START.match(text):
            _begin_run(run, text)
        elif own and (rank := _RANK.match(text)):
            run.ranks.append((int(rank[1]), rank[2]))
        elif bounds := _BOUNDS.search(text):
            run.failed = run.failed or bounds[2] == "FAILED"
            run.last = line.number if run.header is not None else run.last
        elif own and run.header is not None and _is_row(run.header, text):
            run.last = line.number
            _read_row(run, line, source)
        elif len(text) < LONGEST and " INFO " not in text:
            (run.settings if run.header is None else later).extend(_VARIABLE.findall(text))
            run.program = run.program or (_program(text) if run.header is None else None)
            run.processes = processes(text) or run.processes
    if run.header is not None or run.program not in (None, ALL_REDUCE):
        yield run


def _program(text: str) -> str | None:
    """The one test that a command starts; none in what a build or a listing prints."""
    if "_perf" not in text or len(text) > LONGEST or " INFO " in text or _BUILD.search(text):
        return None
    names = set(PROGRAM.findall(text))
    return names.pop() if len(names) == 1 else None


def _begin_run(run: NcclRun, text: str) -> None:
    counts = _COUNTS.search(text)
    if counts is not None:
        run.ranks = []
        run.devices = int(counts[1]) * int(counts[2])
        if run.processes is not None:
            run.started = run.processes * int(counts[1]) * int(counts[2])
    run.settings += _SETTING.findall(text)


def _begin_table(run: NcclRun, line: Line) -> None:
    """Its columns by the names of version 2; version 1 had others, and milliseconds."""
    header = Header.of(line.text.replace("#wrong", " wrong").replace("#", " "))
    if "bytes" in header.names:  # `print_line_header` of version 1: seconds times 1.0E3
        alias = {"bytes": "size", "N": "count", "op": "redop", "res": "error"}
        header = Header(tuple(alias.get(name, name) for name in header.names), header.ends)
        run.unit_s = 1e-3
    run.header, run.header_line, run.last = header, line.number, line.number


def _is_row(header: Header, text: str) -> bool:
    if _ROW.match(text):
        return True
    place = _place(header, "size")
    cells = header.cells(text) if place else None  # a column of somebody's own stands before
    return cells is not None and all((cells[k] or "").isdecimal() for k in (place, place + 1))


def _place(header: Header, name: str) -> int:
    return header.names.index(name) if name in header.names else 0


def _read_row(run: NcclRun, line: Line, source: str) -> None:
    """Add a line's times to its run, or the line to those that other output broke."""
    header = run.header
    assert header is not None
    text = line.text
    where = f"{source}: line {line.number}"
    if "time" not in header.names:
        run.torn.append((line.number, "cputime (option -C), the time to launch it"))
        return
    cells = header.cells(text)
    if cells is None and header.names[-1] == "timestamp":  # of two words: a day and a time
        cells = header.cells(" ".join(text.split()[:-1]))
    if cells is None:
        cells = _in_place_alone(header, text)
    if cells is None:
        cut = (
            "a line that is cut off"
            if len(text.split()) < len(header.names)
            else "other output broke it"
        )
        run.torn.append((line.number, cut))
        return
    row = dict(zip(header.names, cells, strict=True))
    halves = [k for k, name in enumerate(header.names) if name == "time"]
    ends = [*halves[1:], len(header.names)]
    unit_s = run.unit_s
    found: list[NcclTime] = []
    try:
        size_bytes = whole(row.get("size"), f"{where}: size")
        count = whole(row.get("count"), f"{where}: count")
        for half, end, in_place in zip(halves, ends, (False, True), strict=False):
            part = dict(zip(header.names[half:end], cells[half:end], strict=True))
            time = part.get("time")
            if not size_bytes or not count:
                return  # rounded down to no element
            if time is None and not any(part.values()):
                continue  # a half that was not measured
            if time is None or None in part.values():
                raise InputError(f"{where}: a value", "missing", "one under every name")
            seconds = number(time, f"{where}: time") * unit_s
            found.append(
                NcclTime(
                    line.number, size_bytes, in_place, seconds, half_unit(time) * unit_s,
                    (part.get("algbw") or "", part.get("busbw") or ""),
                    part.get("wrong") or "",
                    f"{row.get('type') or ''} {row.get('redop') or ''}".strip(),
                    row.get("root") or "",
                )
            )  # fmt: skip
        if not found:
            run.torn.append((line.number, "a line that is cut off"))
    except InputError as error:
        run.torn.append((line.number, f"{error.field.rpartition(': ')[2]} {error.got}"))
    else:
        run.times += found


def _in_place_alone(header: Header, text: str) -> tuple[str | None, ...] | None:
    """A replayed trace leaves the out-of-place half blank, whatever became of the blanks."""
    halves = [k for k, name in enumerate(header.names) if name == "time"]
    values = text.split()
    if len(halves) != 2 or len(values) != len(header.names) - (halves[1] - halves[0]):
        return None
    blank: list[str | None] = [None] * (halves[1] - halves[0])
    return (*values[: halves[0]], *blank, *values[halves[0] :])


def table_of(
    run: NcclRun, source: str, workers: int | None, kind_of_file: str = TEXT
) -> FoundTable:
    """A run as a table: of all-reduces with their group's size, or refused by what it is."""
    where = f"{source}: line {run.header_line or run.first}"
    hosts = tuple(host for _, host in sorted(run.ranks))
    place = (run.first if run.header is None else run.header_line, max(run.last, run.header_line))
    name = f"{run.program or 'a run'}{'_perf' if run.program else ''}"
    try:
        if run.program not in (None, ALL_REDUCE):
            raise _another(str(run.program), where)
        if not run.times:
            raise _no_rows(run, where)
        kind, why = _test(run)
        if kind != ALL_REDUCE:
            raise _another(kind, where, why)
        group, left_out = _group(run, where, workers)
    except InputError as error:
        return FoundTable(kind_of_file, name, place, refused=error, hosts=hosts)
    times = [time for time in run.times if time.line not in left_out]
    times, others = _summing(times)
    on = f" on {len(set(hosts))} host{'s' * (len(set(hosts)) > 1)}" if hosts else ""
    known = len(hosts) == group
    of_run = [word.replace(": ", "=").replace(" ", "_") for word in dict.fromkeys(run.settings)]
    return FoundTable(
        kind_of_file,
        f"all_reduce_perf of {group} ranks{on if known else ''}",
        place,
        tuple(
            Row(
                "allreduce",
                time.seconds,
                time.size_bytes,
                workers=group,
                in_place=time.in_place,
                hosts=len(set(hosts)) if known else int(run.devices == group),
                series=" ".join([time.settings, *of_run]),
            )
            for time in times
        ),
        hosts=hosts if known else (),
        notes=(*others, *_notes(run, times, left_out)),
    )


def _summing(times: list[NcclTime]) -> tuple[list[NcclTime], list[str]]:
    """The sums among several operations: gradients are summed."""
    operations = dict.fromkeys(time.settings.split()[-1] for time in times)
    if len(operations) < 2 or "sum" not in operations:
        return times, []
    others = ", ".join(name for name in operations if name != "sum")
    sums = [time for time in times if time.settings.split()[-1] == "sum"]
    return sums, [f"operations other than sum are left out ({others}): gradients are summed"]


def _notes(run: NcclRun, times: Sequence[NcclTime], left_out: dict[int, str]) -> Iterator[str]:
    if run.failed or any(time.wrong not in ("", "0", "N/A", "0e+00") for time in times):
        yield "some sums were wrong (#wrong is not 0): do not trust these times"
    broken = dict(run.torn) | left_out
    if broken:
        first = min(broken)
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        yield f"line {first}{more} left out: {broken[first]}"


def _no_rows(run: NcclRun, where: str) -> InputError:
    if run.torn:
        line, why = run.torn[0]
        where = f"{where.rpartition(': ')[0]}: line {line}"
        if why.startswith("cputime"):
            return InputError(where, why, "time, without option -C")
        return InputError(where, why, "whole lines, as with NCCL_DEBUG=WARN")
    return InputError(where, "a nccl-tests header without rows", "at least one row")


def _another(kind: str, where: str, why: str = "") -> InputError:
    name = kind if " " in kind else f"{kind}_perf"
    return InputError(where, f"{name} of nccl-tests{f' ({why})' if why else ''}", WANTED)


def _test(run: NcclRun) -> tuple[str, str]:
    """Which test a table is of, and what says so.

    The columns decide where they can; the program's name where they cannot.
    """
    header = run.header
    assert header is not None
    names = set(header.names)
    redops = {time.settings.split()[-1] for time in run.times if " " in time.settings}
    unnamed = any(" " not in time.settings for time in run.times)
    roots = {time.root for time in run.times} - {"", "-1"}
    if "redop" not in names and "root" in names:
        return "broadcast", "a column root in place of redop"
    if "redop" not in names:
        return "all_gather", "no column redop"
    if unnamed:
        return "alltoall", "a blank column redop"
    if "none" in redops:
        ratio = _ratio(run.times)
        if roots:
            return "broadcast", "redop none, with a root"
        known = "sendrecv" if ratio is not None and abs(ratio - 1) < 0.02 else None
        return known or "all_gather or alltoall", "redop none"
    if roots:
        return "reduce", "a root"
    in_place = [time.wrong for time in run.times if time.in_place]
    beside = [time.wrong for time in run.times if not time.in_place]
    if _mostly(in_place, "N/A") and beside and not _mostly(beside, "N/A"):
        return "sendrecv", "#wrong is N/A in place alone"
    ratio = _ratio(run.times)
    if ratio is not None and _bounds(max(run.times, key=lambda t: _rate(t.rates[1])))[1] < 1:
        return "reduce_scatter", f"busbw/algbw is {ratio:.3g}, below 1"
    return ALL_REDUCE, ""


def _mostly(values: Sequence[str], value: str) -> bool:
    return 2 * values.count(value) > len(values)


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0


def _ratio(times: Iterable[NcclTime]) -> float | None:
    """busbw/algbw where it is printed with most digits."""
    best = max(times, key=lambda time: _rate(time.rates[1]), default=None)
    if best is None:
        return None
    algbw, busbw = map(_rate, best.rates)
    return busbw / algbw if algbw > 0 and busbw > 0 else None


def _bounds(time: NcclTime) -> tuple[float, float]:
    """busbw/algbw of one time, from and to, for the digits that are printed."""
    algbw, busbw = map(_rate, time.rates)
    if not (algbw > 0 and busbw > 0):
        return 0.0, math.inf
    slack = sum(half_unit(t) / _rate(t) for t in time.rates) * 1.05 + 1e-6
    return busbw / algbw * (1 - slack), busbw / algbw * (1 + slack)


def _agrees(time: NcclTime) -> bool:
    """Whether a time and the algbw beside it are of one size: else digits or columns are wrong."""
    algbw = _rate(time.rates[0])
    if not time.rates[0] or time.rates[0] == "N/A":
        return True
    slack = 1.1 * time.unit_s / time.seconds + AGREEMENT
    computed = time.size_bytes / time.seconds / 1e9
    return abs(algbw - computed) <= 1.1 * half_unit(time.rates[0]) + slack * computed


def _group(run: NcclRun, where: str, workers: int | None) -> tuple[int, dict[int, str]]:
    """How many ranks took part, and lines that contradict themselves or that.

    The list of devices says so; a launcher's command, or ``workers``, where there is no list; else
    busbw/algbw = 2(N−1)/N gives N, where its printed digits tell neighbours apart.

    Raises:
        InputError: nothing tells, what does contradicts the rest, or nobody shared anything.
    """
    wrong = {time.line: "its time and algbw contradict each other"
             for time in run.times if not _agrees(time)}  # fmt: skip
    times = [time for time in run.times if time.line not in wrong]
    lines = {time.line for time in run.times}
    if len(wrong) * 2 > len(lines):
        line, why = next(iter(wrong.items()))
        raise InputError(f"{where.rpartition(': ')[0]}: line {line}", why, "columns as printed")
    listed = [rank for rank, _ in run.ranks]
    rates = [time for time in times if all(_rate(text) > 0 for text in time.rates)]
    if not rates and any(_rate(time.rates[0]) > 0 for time in times) and len(set(listed)) <= 1:
        alone = f"{len(listed)} processes of one rank each" if len(listed) > 1 else "one rank"
        raise InputError(where, f"{alone}, which sends nothing (busbw 0)", f"several: {_DEVICES}")
    group = len(listed) if sorted(listed) == list(range(len(listed))) and listed[1:] else None
    on_each = Counter(host for _, host in run.ranks).values()
    if group and group != workers and len(set(on_each)) > 1:
        got = f"hosts with {' and '.join(map(str, on_each))} ranks: is a line missing?"
        raise InputError(where, got, f"as many ranks on each host, or <workers> {group}")
    group = group or workers or run.started
    if group == 1 and not rates:
        raise InputError(where, "one rank, which sends nothing", f"several ranks: {_DEVICES}")
    if not rates:
        if group is None:
            got = "a group of unknown size: no ranks, no bandwidths"
            raise InputError(where, got, "<workers> N, or the lines `#  Rank …`")
        return group, wrong
    best = max(rates, key=lambda time: _rate(time.rates[1]))
    low, high = _bounds(best)
    if group is None or group == 1 or (not listed and not low <= 2 * (group - 1) / group <= high):
        group = _by_ratio(low, high, where)
    factor = 2 * (group - 1) / group
    bounds = [(time.line, *_bounds(time)) for time in rates]
    off = {line for line, least, most in bounds if not least <= factor <= most}
    # Those whose digits tell this group from one of a rank less.
    apart = abs(factor - 2 * (group - 2) / (group - 1)) if group > 2 else 1.0
    precise = {line for line, least, most in bounds if most - least < apart}
    precise = precise or {time.line for time in rates}
    if len(off & precise) * 2 >= len(precise):
        ratios = sorted(_rate(time.rates[1]) / _rate(time.rates[0]) for time in rates)
        if ratios[-1] / ratios[0] > 1.03 and min(_bounds(best)) < factor < max(_bounds(best)):
            got = f"rows of groups that differ (busbw/algbw {ratios[0]:.3g} to {ratios[-1]:.3g})"
            raise InputError(where, got, f"one group a table, as of {WANTED}")
        ratio = _rate(best.rates[1]) / _rate(best.rates[0])
        raise InputError(
            where,
            f"busbw/algbw of {ratio:.3g}, where an all-reduce of {group} ranks has {factor:.3g}",
            WANTED,
        )
    return group, wrong | dict.fromkeys(off, "its busbw/algbw is not that of the others")


def _by_ratio(low: float, high: float, where: str) -> int:
    if low >= 2 or high < 1:
        raise InputError(
            where,
            f"busbw/algbw of {(low + high) / 2:.3g}",
            "2(N−1)/N, which an all-reduce of N ranks has (1 up to 2)",
        )
    fewest = max(2, math.ceil(2 / (2 - low) - 1e-9))
    most = math.floor(2 / (2 - high) + 1e-9) if high < 2 else 0
    # Of two ranks an all-reduce looks like another test of many: its digits must say 1.
    if fewest != most or (fewest == 2 and low < 0.995):
        raise InputError(
            where, "a group of unknown size", "<workers> N, or the lines `#  Rank …`, one a rank"
        )
    return fewest
