"""Detect: which tool wrote a text, told from what it holds and not from its file's name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from nworkers.models.base.errors import InputError
from nworkers.models.files.input_file import read_bytes
from nworkers.models.files.json_document import JsonDocument
from nworkers.models.tables.components.found import FoundTable, used
from nworkers.models.tables.components.rows import MAX_TABLE_BYTES, MeasuredTable, checked
from nworkers.models.tables.formats import (
    csv_lines,
    csv_times,
    imb,
    iperf_json,
    iperf_text,
    nccl,
    nccl_json,
    osu,
    others,
)
from nworkers.models.tables.formats import csv_throughput as scaling
from nworkers.models.tables.formats.posted import Lines, lines_of, streams

# So short that an error which begins with a long path says all of it.
KNOWN = (
    "a calibration; output of nccl-tests (all_reduce_perf), osu_latency, osu_bw, osu_allreduce, "
    "IMB-MPI1, iperf or iperf3; a CSV of quantity, seconds, size_bytes, …; or a table of model, "
    "strategy, workers, samples_per_s, …"
)
_Find = Callable[[Lines, str, int | None], Iterator[FoundTable]]
#: Each tool's text: how it is told, what begins its own lines, and what reads it.
_TEXTS: tuple[tuple[str, re.Pattern[str], re.Pattern[str], _Find], ...] = (
    (nccl.TEXT, nccl.MARK, nccl.MARK, nccl.find),
    (osu.FORMAT, osu.TITLE, osu.TITLE, osu.find),
    (imb.FORMAT, imb.TOLD, imb.MARK, imb.find),
    (iperf_text.FORMAT, iperf_text.MARK, iperf_text.MARK, iperf_text.find),
    ("other", others.MARK, others.MARK, others.find),
)
#: Names that appear near the beginning of each tool's JSON, for files that are cut off.
_MARKS = {
    nccl_json.JSON: (b'"nccl_version"', b'"minimum_bytes"', b'"out_of_place"'),
    iperf_json.FORMAT: (b'"iperf ', b'"bits_per_second"', b'"tcp_mss_default"', b'"sum_sent"'),
}


def format_of(text: str) -> str | None:
    """The format's name, or None where no other tool's is recognised."""
    names, _ = csv_lines.header(text)
    if {"quantity", "seconds"} <= set(names):
        return csv_times.FORMAT
    # Its first line says it; the marks of others are looked for in the whole of a long text.
    if {"model", "strategy", "workers", "samples_per_s"} <= set(names):
        return scaling.FORMAT
    if text.lstrip().startswith("{") and (found := _whole_json(text.encode())) is not None:
        return found or None
    for name, told, _, _ in _TEXTS:
        if told.search(text):
            return name
    if scaling.is_scaling_header(names):
        return scaling.FORMAT
    content = text.encode()
    for name, marks in _MARKS.items():
        if any(mark in content for mark in marks):
            return name
    lowered = {name.lower() for name in names}
    if len(names) >= 2 and lowered & {*csv_times.COLUMNS, "time", "bytes", "size", "second"}:
        return csv_times.FORMAT
    return None


def kind_of(file: Path) -> Literal["calibration", "times", "throughput"]:
    """What a file is to be read as; JSON of no known tool is a calibration.

    Raises:
        InputError: there is no such file, or it is no text.
    """
    content = read_bytes(file, KNOWN)
    begins = content.lstrip()[:1]
    if begins == b"{" and (found := _whole_json(content)) is not None:
        return "times" if found else "calibration"
    if begins == b"{" and len(content) > MAX_TABLE_BYTES:
        return "calibration"
    kind = format_of(content.decode())
    if kind is None and begins == b"{":
        return "calibration"
    return "throughput" if kind == scaling.FORMAT else "times"


def read_table(
    text: str, source: str, *, workers: int | None = None, series: str | None = None
) -> MeasuredTable:
    """The rows of a text of any known format.

    Args:
        workers: the group's size where the format does not say it (osu_allreduce).
        series: part of the name of one of several settings that were measured.

    Raises:
        InputError: no format is recognised, or the text does not keep to it.
    """
    kind = format_of(text)
    if series is not None and kind == csv_times.FORMAT:
        raise InputError("series", f"{series} with a CSV", "a benchmark's own output")
    if kind == csv_times.FORMAT:
        table = csv_times.read(text, source)
    elif kind is None or kind == scaling.FORMAT:
        first = text.strip().partition("\n")[0][:40]
        raise InputError(source, f"a text that begins {first!r}", KNOWN)
    else:
        found = list(tables_of(text, source, workers))
        if not found and kind in _MARKS:
            raise InputError(source, f"{kind} that is cut off, or no JSON", "a whole document")
        table = used(found, series, source)
    return checked(table, source)


def tables_of(text: str, source: str, workers: int | None = None) -> Iterator[FoundTable]:
    """Every table of a file, in the order of the tools and then of the lines."""
    marked = any(mark.decode() in text for marks in _MARKS.values() for mark in marks)
    if marked or text.lstrip().startswith("{"):
        yield from nccl_json.find(text, source, workers)
        yield from iperf_json.find(text, source)
    lines: Lines = ()
    for _, told, mark, find in _TEXTS:
        if told.search(text):
            lines = lines or lines_of(text)
            for stream in streams(lines, mark):
                yield from find(stream, source, workers)


def _whole_json(content: bytes) -> str | None:
    """The tool whose document a text is: "" of none that is known, None where it is no JSON."""
    try:
        names = JsonDocument(content, "", KNOWN).names
    except InputError:
        return None
    if "kind" in names:
        return ""
    if names & {"results", "nccl_version"}:
        return nccl_json.JSON
    known = {"start", "intervals", "end", "error"}
    return iperf_json.FORMAT if names & known or {"event", "data"} <= names else ""
