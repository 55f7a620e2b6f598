"""iperf3: the JSON that ``iperf3 -c HOST --json`` prints, over TCP, whole or as a stream of events.

The rate is that of the receiver where it is known: the sender's includes what still lies in its
socket buffer. Addresses and host names in the file are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nworkers.models.base.errors import InputError
from nworkers.models.files.validate_json import shown
from nworkers.models.tables.components.found import FoundTable
from nworkers.models.tables.components.rows import Row, RowQuantity, listing, mapping, number
from nworkers.models.tables.formats.json_texts import objects

FORMAT = "iperf3"
#: The shortest command whose numbers say what a wire passes.
WANTED = "a test over TCP that ran: iperf3 -c HOST -t 30 --json"
_PARTS = {"start": dict, "intervals": list, "end": dict, "error": str}


def _is_result(found: Mapping[str, Any]) -> bool:
    """Whether an object is a whole test's; intervals have a start and an end too, in seconds."""
    known = (isinstance(found.get(name), kind) for name, kind in _PARTS.items())
    return "kind" not in found and any(known)


def _is_event(found: Mapping[str, Any]) -> bool:
    return found.get("event") in ("start", "interval", "end", "error") and "data" in found


def find(text: str, source: str) -> Iterator[FoundTable]:
    """Every test of a text, of use or refused by what it lacks."""
    for line, found in _results(text, source):
        where = source if line == 1 else f"{source}: line {line}"
        try:
            rows, title = _rows(found, where)
        except InputError as error:
            yield FoundTable(FORMAT, "iperf3 test", (line, line), refused=error)
        else:
            yield FoundTable(FORMAT, title, (line, line), tuple(rows))


def _results(text: str, source: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Whole results; the events of a stream are put together to one."""
    events: dict[str, Any] = {}
    begun = 0
    for line, found in objects(text, source):
        if not _is_event(found):
            if _is_result(found):
                yield line, found
            continue
        name, data = found["event"], found["data"]
        if name == "start" and events:
            yield begun, events
            events = {}
        begun = line if not events else begun
        if name == "interval":
            events.setdefault("intervals", []).append(data)
        else:
            events[name] = data
    if events:
        yield begun, events


def _rows(found: dict[str, Any], source: str) -> tuple[list[Row], str]:
    """Raises: InputError: the test failed, was over UDP, or nothing arrived."""
    if "error" in found:
        raise InputError(f"{source}: error", shown(found["error"]), WANTED)
    start = mapping(found.get("start", {}), f"{source}: start")
    settings = mapping(start.get("test_start", {}), f"{source}: start.test_start")
    protocol = settings.get("protocol", "TCP")
    if protocol != "TCP":
        where = f"{source}: start.test_start.protocol"
        raise InputError(where, f"{shown(protocol)}, which sends at a rate of its own", WANTED)
    end = mapping(found.get("end"), f"{source}: end")
    streams = [
        mapping(s, f"{source}: end.streams")
        for s in listing(end.get("streams"), f"{source}: end.streams")
    ]
    if not streams:
        raise InputError(f"{source}: end.streams", "none", "at least one stream")
    if any("udp" in stream for stream in streams):
        raise InputError(f"{source}: end.streams", "UDP", WANTED)
    if settings.get("bidir") or any("bidir_reverse" in name for name in end):
        return _both_ways(streams, source), f"iperf3, both ways at once, {len(streams)} streams"
    flows = len(streams)
    reverse = bool(settings.get("reverse"))
    of = f"iperf3, {flows} flow{'s' * (flows > 1)}{', from the server' * reverse}"
    series = "from-server" if reverse else "to-server"
    name = _told(end, "sum_received", "sum_sent")
    total, sent = end.get(name), end.get("sum_sent")
    if isinstance(total, dict) and total.get("bytes") == 0 and isinstance(sent, dict):
        total = total | {"seconds": sent.get("seconds")}  # those that the test was meant to take
    rows = [_row("flows", total, flows, f"{source}: end.{name}", series)]
    _check_long_enough(streams, rows[0], source)
    for index, stream in enumerate(streams):
        side = _told(stream, "receiver", "sender")
        where = f"{source}: end.streams[{index}].{side}"
        if _moved(stream.get(side)):
            rows.append(_row("flow", stream.get(side), flows, where, series))
    intervals = listing(found.get("intervals", []), f"{source}: intervals")
    for index, interval in enumerate(intervals):
        where = f"{source}: intervals[{index}].sum"
        total = mapping(mapping(interval, where).get("sum"), where)
        # The last interval of a test can be a few microseconds that moved nothing.
        if not total.get("omitted") and _moved(total):
            rows.append(_row("second", total, flows, where, series))
    return rows, of


def _both_ways(streams: list[dict[str, Any]], source: str) -> list[Row]:
    """What each direction moved while the other did, all of its streams together."""
    moved: dict[bool, list[Row]] = {True: [], False: []}
    for index, stream in enumerate(streams):
        side = _told(stream, "receiver", "sender")
        part = mapping(stream.get(side), f"{source}: end.streams[{index}].{side}")
        row = _row("flow", part, 1, f"{source}: end.streams[{index}].{side}", "")
        moved[bool(part.get("sender"))].append(row)
    rows = []
    for of in moved.values():
        if not of:
            raise InputError(f"{source}: end.streams", "one direction alone", WANTED)
        rate = sum(row.bandwidth_bytes_per_s for row in of)
        size = sum(row.size_bytes for row in of)
        rows.append(Row("both_ways", size / rate, size, flows=len(of)))
    return rows


def _told(part: Mapping[str, Any], first: str, other: str) -> str:
    """The receiver's name where it was told anything, even that nothing came."""
    return first if isinstance(part.get(first), dict) and part[first] else other


def _check_long_enough(streams: list[dict[str, Any]], total: Row, source: str) -> None:
    """Raises: InputError: the test ended within a round trip, so nothing was waited for."""
    for index, stream in enumerate(streams):
        sender = stream.get("sender")
        trip = sender.get("mean_rtt") if isinstance(sender, dict) else None
        if isinstance(trip, int | float) and 0 < total.seconds < trip * 1e-6:
            raise InputError(
                f"{source}: end.streams[{index}]",
                f"a test of {total.seconds * 1e3:.3g} ms, shorter than its round trip of "
                f"{trip * 1e-3:.3g} ms",
                WANTED,
            )


def _moved(part: object) -> bool:
    return isinstance(part, dict) and bool(part.get("bits_per_second"))


def _row(quantity: RowQuantity, part: Any, flows: int, where: str, series: str) -> Row:
    """bits_per_second is bytes · 8 over seconds; older versions round the time that they print."""
    found = mapping(part, where)
    if not found.get("bytes") and isinstance(found.get("bytes"), int):
        seconds = found.get("seconds")
        within = f" in {seconds * 1e3:.3g} ms" if isinstance(seconds, int | float) else ""
        raise InputError(where, f"no bytes that arrived{within}", WANTED)
    rate = number(found.get("bits_per_second"), f"{where}.bits_per_second") / 8
    size = number(found.get("bytes"), f"{where}.bytes")
    return Row(quantity, size / rate, round(size), flows=flows, series=series)
