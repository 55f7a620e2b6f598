"""nccl-tests: all_reduce_perf's text and its JSON (``-J FILE``).

Columns are those that src/util.cu of nccl-tests prints, and doc/PERFORMANCE.md derives: time in
microseconds, algbw = size/time and busbw in units of 1e9 bytes/s. rccl-tests prints the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from nworkers.models.base.errors import InputError
from nworkers.models.tables.components.rows import (
    MeasuredTable,
    Row,
    document,
    listing,
    mapping,
    number,
    whole,
)

TEXT = "nccl-tests"
JSON = "nccl-tests JSON"
WANTED = "all_reduce_perf's output"
#: A header of columns; the program's name is printed by newer versions only.
HEADER = re.compile(r"^[ \t]*#[ \t]+size[ \t]+count[ \t]+type\b.*$", re.MULTILINE)
PROGRAM = re.compile(r"\b([a-z_]+)_perf(?:_mpi)?\b")
_RANK = re.compile(r"^\s*#\s+Rank\s+\d+\b")
_START = re.compile(r"^\s*#\s+(nThread\b|(?:nccl|rccl)-tests\s+version\b|Collective test starting)")


def read_text(text: str, source: str) -> MeasuredTable:
    """Rows of one run, or of several one after the other, each with its own number of ranks.

    Raises:
        InputError: another collective's run, a group of unknown size, or a line that is cut off.
    """
    run = _Run(source)
    header: list[str] = []
    for number_of_line, line in enumerate(text.splitlines(), 1):
        found = PROGRAM.search(line)
        if found and found[1] != "all_reduce":
            raise InputError(
                f"{source}: line {number_of_line}", f"{found[1]}_perf", f"{WANTED}, for its model"
            )
        if HEADER.match(line):
            run.finish()
            header = line.replace("#wrong", "wrong").replace("#", " ").split()
        elif _START.match(line):
            if run.lines:
                run.finish()
            if line.split()[1] == "nThread":
                run.ranks = 0
        elif _RANK.match(line):
            run.ranks += 1
        elif header and re.match(r"^\s*\d+\s+\d+\s", line):
            run.lines += _columns(header, line.split(), f"{source}: line {number_of_line}")
    run.finish()
    wrong = ("some sums were wrong (#wrong is not 0): do not trust these times",) * run.wrong
    return MeasuredTable(TEXT, tuple(run.rows), wrong[:1])


def read_json(text: str, source: str) -> MeasuredTable:
    """Raises: InputError."""
    whole_file = document(text, source, WANTED)
    arguments = [str(a) for a in listing(whole_file.get("args", []), f"{source}: args")]
    # What was started, alone: further arguments may name files.
    program = PROGRAM.search(arguments[0].rpartition("/")[2]) if arguments else None
    if program and program[1] != "all_reduce":
        raise InputError(f"{source}: args", f"{program[1]}_perf", f"{WANTED}, for its model")
    config = mapping(whole_file.get("config", {}), f"{source}: config")
    run = _Run(source)
    run.ranks = len(listing(config.get("devices", []), f"{source}: config.devices"))
    for index, result in enumerate(listing(whole_file.get("results"), f"{source}: results")):
        where = f"{source}: results[{index}]"
        found = mapping(result, where)
        _reducing(str(found.get("redop", "sum")), where)
        size = whole(found.get("size"), f"{where}.size")
        for place in ("out_of_place", "in_place"):
            if found.get(place) is None or not size:
                continue
            run.lines.append(_from_json(size, place, mapping(found[place], where), where))
    run.finish()
    notes = ("some sums were wrong (nwrong is not 0): do not trust these times",) * run.wrong
    return MeasuredTable(JSON, tuple(run.rows), notes[:1])


Line = tuple[int, bool, float, float, float, bool]  # size, in place, seconds, algbw, busbw, wrong


class _Run:
    """One start of the program: its lines wait until the size of its group is known."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.ranks = 0
        self.lines: list[Line] = []
        self.rows: list[Row] = []
        self.wrong = 0
        self.count = 0

    def finish(self) -> None:
        if not self.lines:
            return
        workers = _group(self.lines, self.ranks, self.source)
        self.rows += [
            Row("allreduce", seconds, size, workers=workers, round=self.count, in_place=in_place)
            for size, in_place, seconds, *_ in self.lines
        ]
        self.wrong += sum(wrong for *_, wrong in self.lines)
        self.lines, self.ranks, self.count = [], 0, self.count + 1


def _columns(header: Sequence[str], values: Sequence[str], where: str) -> Iterable[Line]:
    """Out-of-place and in-place times of one line, by the header's own columns."""
    if "time" not in header:
        raise InputError(
            where, "cputime (option -C), the time to launch it", "time, without option -C"
        )
    first = header.index("time")
    width = (len(header) - ("timestamp" in header) - first) // 2
    # A replayed trace leaves the out-of-place half blank.
    halves = (False, True) if len(values) >= first + 2 * width else (True,)
    if len(values) < first + len(halves) * width or width < 3:
        raise InputError(where, "a line that is cut off", f"{first + 2 * width} columns")
    if "redop" in header:
        _reducing(values[header.index("redop")], where)
    size = whole(values[0], f"{where}: size")
    if not size:  # rounded down to no element at all
        return []
    found = []
    for half, in_place in enumerate(halves):
        time, algbw, busbw, *rest = values[first + half * width : first + (half + 1) * width]
        seconds = number(time, f"{where}: time") * 1e-6
        wrong = bool(rest) and rest[0] not in ("0", "N/A", "0e+00")
        found.append((size, in_place, seconds, _rate(algbw), _rate(busbw), wrong))
    return found


def _from_json(size: int, place: str, found: dict[str, Any], where: str) -> Line:
    if "time" not in found and "cpu_time" in found:
        raise InputError(f"{where}.{place}", "cpu_time (option -C)", "time, without option -C")
    seconds = number(found.get("time"), f"{where}.{place}.time") * 1e-6
    rates = (_rate(found.get("alg_bw")), _rate(found.get("bus_bw")))
    return size, place == "in_place", seconds, *rates, bool(found.get("nwrong"))


def _reducing(redop: str, where: str) -> None:
    if redop == "none":
        raise InputError(
            where, "a collective that reduces nothing (redop none)", f"{WANTED}, for its model"
        )


def _rate(text: object) -> float:
    try:
        value = float(text) if isinstance(text, int | float | str) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    return value if math.isfinite(value) else 0.0


def _group(lines: Sequence[Line], ranks: int, source: str) -> int:
    """How many ranks took part.

    The list of devices says so, except that some versions list the first device only; then
    busbw/algbw = 2(N−1)/N gives N, where its printed digits tell neighbours apart.
    """
    _, _, _, algbw, busbw, _ = max(lines, key=lambda line: line[4])
    if not (algbw > 0 and busbw > 0):
        if ranks > 1:
            return ranks
        raise InputError(source, "no ranks and no bandwidths", "the lines `#  Rank …`")
    # Text has two decimals below 1000, and whole numbers at worst beyond.
    rounded = 0.005 if busbw < 1000 else 0.5
    slack = rounded / algbw + rounded / busbw + 1e-6
    low, high = busbw / algbw * (1 - slack), busbw / algbw * (1 + slack)
    if ranks > 1 and low <= 2 * (ranks - 1) / ranks <= high:
        return ranks
    if low >= 2 or high < 1:
        raise InputError(
            source,
            f"busbw/algbw of {busbw / algbw:.3g}",
            "2(N−1)/N, which an all-reduce of N ranks has (1 up to 2)",
        )
    fewest = max(2, math.ceil(2 / (2 - low) - 1e-9))
    most = math.floor(2 / (2 - high) + 1e-9) if high < 2 else 0
    if fewest != most:
        raise InputError(source, "a group of unknown size", "the lines `#  Rank …`, one a rank")
    return fewest
