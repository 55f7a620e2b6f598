"""OSU micro-benchmarks: osu_latency, osu_bw and osu_allreduce, as text.

A title ``# OSU MPI Latency Test v7.4``, a header with the unit, then size and value: microseconds
(of half a ping-pong, or of an all-reduce averaged over its ranks) or units of 1e6 bytes/s.
"""

from __future__ import annotations

import re

from nworkers.models.base.errors import InputError
from nworkers.models.tables.components.rows import MeasuredTable, Row, RowQuantity, number, whole

FORMAT = "OSU micro-benchmarks"
TITLE = re.compile(r"^[ \t]*#?[ \t]*OSU (?:MPI\S*|\S+) (.{0,60}?)[ \t]{0,9}Test\b.*$", re.MULTILINE)
_TESTS: dict[str, RowQuantity] = {
    "Latency": "message",
    "Bandwidth": "stream",
    "Allreduce Latency": "allreduce",
}
_UNITS = {"message": r"latency\s*\(us\)", "allreduce": r"latency\s*\(us\)"}
_UNITS["stream"] = r"bandwidth\s*\(MB/s\)"
_PROCESSES = re.compile(r"\s-{1,2}(?:np?|ntasks)[= ]\s*(\d{1,9})\b")


def read(text: str, source: str, workers: int | None) -> MeasuredTable:
    """Rows of one test, or of several one after the other.

    ``workers`` is the size of the group, which osu_allreduce does not print; a line
    ``mpirun -np 16 … osu_allreduce`` before it says so as well.

    Raises:
        InputError: another test, another unit, a group of unknown size, or a cut line.
    """
    rows: list[Row] = []
    test: RowQuantity | None = None
    unit_seen, group, run = False, workers, -1
    for index, line in enumerate(text.splitlines(), 1):
        where = f"{source}: line {index}"
        if title := TITLE.match(line):
            if title[1] not in _TESTS:
                raise InputError(where, f"OSU's {title[1]} test", f"its {', '.join(_TESTS)} test")
            test, unit_seen, run = _TESTS[title[1]], False, run + 1
        elif workers is None and "osu_allreduce" in line and (count := _PROCESSES.search(line)):
            group = whole(count[1], where, 1)
        elif test and re.match(r"^\s*#?\s*Size\b", line):
            if not re.search(_UNITS[test], line, re.IGNORECASE):
                raise InputError(where, line.strip()[:60], "Latency (us) or Bandwidth (MB/s)")
            unit_seen = True
        elif test and re.match(r"^\s*\d+\s*$|^\s*\d+\s+\S", line):
            if not unit_seen:
                raise InputError(where, "values without a header", "# Size  Latency (us)")
            size_text, *values = line.split()
            size = whole(size_text, f"{where}: size")
            value = number(values[0] if values else None, f"{where}: value")
            # MB/s becomes what one message took.
            seconds = size / (value * 1e6) if test == "stream" else value * 1e-6
            if test == "stream" and not size:
                continue
            rows.append(Row(test, seconds, size, workers=_group(test, group, where), round=run))
    return MeasuredTable(FORMAT, tuple(rows))


def _group(test: RowQuantity, workers: int | None, where: str) -> int:
    if test != "allreduce":
        return 1
    if workers is None:
        raise InputError(
            where,
            "an all-reduce without the size of its group, which osu_allreduce does not print",
            "<workers> N beside it",
        )
    return workers
