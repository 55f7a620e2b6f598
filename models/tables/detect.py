"""Recognise: which tool wrote a text, told from what it holds and not from its file's name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from nworkers.models.base.errors import InputError
from nworkers.models.files.input_file import read_bytes
from nworkers.models.files.json_document import JsonDocument
from nworkers.models.tables.components.rows import MeasuredTable, checked
from nworkers.models.tables.formats import csv_lines, csv_times, iperf, nccl, osu
from nworkers.models.tables.formats import csv_throughput as scaling

KNOWN = (
    "a calibration file; or what all_reduce_perf of nccl-tests (text or -J), osu_latency, osu_bw, "
    "osu_allreduce or iperf3 --json wrote; or a CSV with columns quantity, seconds, size_bytes, …; "
    "or a scaling table with columns model, strategy, workers, samples_per_s, …"
)
#: Names that appear near the beginning of each tool's JSON, for files that are cut off.
_MARKS = {
    nccl.JSON: (b'"nccl_version"', b'"minimum_bytes"', b'"out_of_place"'),
    iperf.FORMAT: (b'"iperf ', b'"bits_per_second"', b'"tcp_mss_default"', b'"sum_sent"'),
}


def format_of(text: str) -> str | None:
    """The format's name, or None where no other tool's is recognised."""
    if text.lstrip().startswith(("{", "[")):
        return _json_format(text.encode())
    if nccl.HEADER.search(text) or "Collective test starting" in text:
        return nccl.TEXT
    if osu.TITLE.search(text):
        return osu.FORMAT
    names, _ = csv_lines.header(text)
    if scaling.is_scaling_header(names):
        return scaling.FORMAT
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
    if content.lstrip().startswith((b"{", b"[")):
        return "calibration" if _json_format(content) is None else "times"
    return "throughput" if format_of(content.decode()) == scaling.FORMAT else "times"


def read_table(text: str, source: str, *, workers: int | None = None) -> MeasuredTable:
    """The rows of a text of any known format.

    ``workers`` is the group's size where the format does not say it (osu_allreduce).

    Raises:
        InputError: no format is recognised, or the text does not keep to it.
    """
    kind = format_of(text)
    if kind == nccl.TEXT:
        table = nccl.read_text(text, source)
    elif kind == nccl.JSON:
        table = nccl.read_json(text, source)
    elif kind == osu.FORMAT:
        table = osu.read(text, source, workers)
    elif kind == iperf.FORMAT:
        table = iperf.read(text, source)
    elif kind == csv_times.FORMAT:
        table = csv_times.read(text, source)
    else:
        first = text.strip().partition("\n")[0][:40]
        raise InputError(source, f"a text that begins {first!r}", KNOWN)
    return checked(table, source)


def _json_format(content: bytes) -> str | None:
    try:
        names = JsonDocument(content, "", KNOWN).names
    except InputError:
        marked = (name for name, marks in _MARKS.items() if any(m in content for m in marks))
        return next(marked, None)
    if "kind" in names:
        return None
    if names & {"results", "nccl_version"}:
        return nccl.JSON
    return iperf.FORMAT if names & {"start", "intervals", "end", "error"} else None
