"""iperf3: the JSON that ``iperf3 -c HOST --json`` prints, over TCP.

The rate is that of the receiver where it is known: the sender's includes what still lies in its
socket buffer. Addresses and host names in the file are not read.
"""

from __future__ import annotations

from typing import Any

from nworkers.models.base.errors import InputError
from nworkers.models.files.validate_json import shown
from nworkers.models.tables.components.rows import (
    MeasuredTable,
    Row,
    RowQuantity,
    document,
    listing,
    mapping,
    number,
)

FORMAT = "iperf3"
WANTED = "one document, as `iperf3 -c HOST --json` prints"


def read(text: str, source: str) -> MeasuredTable:
    """Raises: InputError."""
    found = document(text, source, WANTED)
    if "error" in found:
        raise InputError(f"{source}: error", shown(found["error"]), "a test that ran to its end")
    start = mapping(found.get("start", {}), f"{source}: start")
    settings = mapping(start.get("test_start", {}), f"{source}: start.test_start")
    protocol = settings.get("protocol", "TCP")
    if protocol != "TCP":
        raise InputError(f"{source}: start.test_start.protocol", shown(protocol), "TCP")
    end = mapping(found.get("end"), f"{source}: end")
    streams = [
        mapping(s, f"{source}: end.streams")
        for s in listing(end.get("streams"), f"{source}: end.streams")
    ]
    flows = len(streams)
    if not flows:
        raise InputError(f"{source}: end.streams", "none", "at least one stream")
    name = "sum_received" if _moved(end.get("sum_received")) else "sum_sent"
    rows = [_row("flows", end.get(name), flows, f"{source}: end.{name}")]
    for index, stream in enumerate(streams):
        side = "receiver" if _moved(stream.get("receiver")) else "sender"
        where = f"{source}: end.streams[{index}].{side}"
        rows.append(_row("flow", stream.get(side), flows, where))
    intervals = listing(found.get("intervals", []), f"{source}: intervals")
    for index, interval in enumerate(intervals):
        where = f"{source}: intervals[{index}].sum"
        total = mapping(mapping(interval, where).get("sum"), where)
        # The last interval of a test can be a few microseconds that moved nothing.
        if not total.get("omitted") and _moved(total):
            rows.append(_row("second", total, flows, where))
    return MeasuredTable(FORMAT, tuple(rows))


def _moved(part: object) -> bool:
    return isinstance(part, dict) and bool(part.get("bits_per_second"))


def _row(quantity: RowQuantity, part: Any, flows: int, where: str) -> Row:
    """bits_per_second is bytes · 8 over seconds; older versions round the time that they print."""
    found = mapping(part, where)
    rate = number(found.get("bits_per_second"), f"{where}.bits_per_second") / 8
    size = number(found.get("bytes"), f"{where}.bytes")
    return Row(quantity, size / rate, round(size), flows=flows)
