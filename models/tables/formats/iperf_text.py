"""iperf 2 and iperf3, as text, over TCP.

Transfers are in units of 1024 bytes, rates in units of 1000 bits, or of 1024 bytes with ``-f M``
(`units.c` of both). Of every connection the last line over its whole time counts: the receiver's
of iperf3, the one that there is of iperf 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from nworkers.models.base.errors import InputError
from nworkers.models.tables.components.found import FoundTable
from nworkers.models.tables.components.rows import Row
from nworkers.models.tables.formats.posted import Line, Lines, half_unit

FORMAT = "iperf"
WANTED = "a test over TCP: iperf3 -c HOST -t 30 --json"
_ROW = re.compile(
    r"\[ *(?P<id>\d+|SUM)\](?:\[(?P<role>[TR]X)-[CS]\])?"
    r"\s+(?P<begin>\d+\.\d+) ?- *(?P<end>\d+\.\d+)"
    r"\s+sec\s+(?P<size>\d+(?:\.\d+)?) (?P<unit>[KMGT]?)Bytes\s+(?P<rate>\d+(?:\.\d+)?) "
    r"(?P<per>[KMGT]?)(?P<bits>bits|Bytes)/sec(?P<rest>.*)$"
)
_BEGIN = re.compile(
    r"\s*(?:Client connecting to |Connecting to host |Server listening on |Accepted connection )"
)
_NAMES = re.compile(r"\[ *ID\](?:\[Role\])?\s+Interval\s+Transfer\s+(?:Bandwidth|Bitrate)")
MARK = re.compile(
    r"(?:Client connecting to |Connecting to host )\S+"
    r"|\[ *ID\](?:\[Role\])?\s+Interval\s+Transfer\b"
)
_THREE = re.compile(
    r"Connecting to host |Accepted connection |\[ *ID\](?:\[Role\])?\s+Interval {10}"
)
_OPENED = re.compile(r"\[ *(\d+)\] local \S+ port \d+ connected")
_UDP = re.compile(r"\bUDP\b|Jitter|Datagrams|datagrams")
_KILO = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
#: How much of a test its longest line must span: shorter ones are reporting intervals.
_WHOLE = 0.95


@dataclass(frozen=True)
class _Part:
    """One line: what one connection, or all of them, moved from one time to another."""

    line: int
    connection: str
    role: str
    begin_s: float
    end_s: float
    bytes_per_s: float
    side: str

    @property
    def seconds(self) -> float:
        return self.end_s - self.begin_s


@dataclass
class _Run:
    """One test; ``ends`` if it is iperf3's, which tells at its end what either side moved."""

    first: int
    last: int = 0
    udp: bool = False
    reverse: bool = False
    server: bool = False
    client: bool = False
    ends: bool = False
    opened: set[str] = field(default_factory=set)
    parts: list[_Part] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)


def find(lines: Lines, source: str, workers: int | None = None) -> Iterator[FoundTable]:
    """Every test of a file, of use or refused by what it is."""
    run: _Run | None = None
    for line in lines:
        if not line.own:
            continue
        text = line.text.strip()
        opened = _OPENED.match(text)
        if _BEGIN.match(text) or (run is None and (opened or _NAMES.match(text))):
            # iperf 2 listens and connects in one test both ways.
            if run is None or run.parts:
                if run is not None:
                    yield _table(run, source)
                run = _Run(line.number, line.number)
            run.server = run.server or text.startswith("Server")
            run.client = run.client or text.startswith(("Client", "Connecting"))
        if run is None:
            continue
        run.udp = run.udp or _UDP.search(text) is not None
        run.ends = run.ends or _THREE.match(text) is not None
        if opened:
            run.opened.add(opened[1])
        if text.startswith("Reverse mode"):
            run.reverse = True
        if (found := _ROW.match(text)) and "(omitted)" not in found["rest"]:
            run.last = line.number
            part = _part(line, found)
            if part is None:
                run.broken.append(line.number)
            else:
                run.parts.append(part)
    if run is not None:
        yield _table(run, source)


def _part(line: Line, found: re.Match[str]) -> _Part | None:
    """A line's numbers; None where what it moved, its time and its rate contradict each other."""
    begin_s, end_s = float(found["begin"]), float(found["end"])
    size = float(found["size"]) * 1024.0 ** _KILO[found["unit"]]
    factor = 1000.0 ** _KILO[found["per"]] / 8
    if found["bits"] == "Bytes":
        factor = 1024.0 ** _KILO[found["per"]]
    rate = float(found["rate"]) * factor
    side = re.search(r"\b(sender|receiver)\b", found["rest"])
    part = _Part(
        line.number, found["id"], found["role"] or "", begin_s, end_s, rate, side[1] if side else ""
    )
    if rate > 0 and part.seconds > 0 and float(found["size"]) > 0:
        slack = sum(half_unit(found[name]) / float(found[name]) for name in ("size", "rate"))
        slack += 2 * half_unit(found["end"]) / part.seconds
        if abs(size / part.seconds / rate - 1) > slack + 0.01:
            return None
    return part


def _table(run: _Run, source: str) -> FoundTable:
    where = f"{source}: line {run.first}"
    place = (run.first, run.last)
    try:
        rows, title = _rows(run, where)
    except InputError as error:
        return FoundTable(FORMAT, "iperf test", place, refused=error)
    sent = run.ends and not any(part.side == "receiver" for part in run.parts)
    notes = ["the receiver's line is missing: the sender's rate holds what its buffer took"] * sent
    notes += [f"line {at} left out: its numbers contradict each other" for at in run.broken[:1]]
    return FoundTable(FORMAT, title, place, tuple(rows), notes=tuple(notes))


def _rows(run: _Run, where: str) -> tuple[list[Row], str]:
    """Raises: InputError: another protocol, both ways in one test of iperf 2, or nothing moved."""
    if run.udp:
        raise InputError(where, "iperf over UDP, which sends at a rate of its own", WANTED)
    if run.server and run.client:
        got = "iperf 2 both ways (-d or -r)"
        raise InputError(where, got, "one way at a time, or iperf3 -c HOST -t 30 --bidir --json")
    if not run.parts:
        got = "lines that contradict themselves" if run.broken else "an iperf test without results"
        raise InputError(where, got, WANTED)
    longest = max(part.end_s for part in run.parts)
    whole = [part for part in run.parts if part.begin_s == 0 and part.seconds >= _WHOLE * longest]
    ended = [part for part in whole if part.side] or ([] if run.ends else whole)
    if not ended:
        damaged = f" (line {run.broken[-1]} contradicts itself)" if run.broken else ""
        raise InputError(where, f"an iperf test without its last lines{damaged}", WANTED)
    if any(part.role for part in ended):
        return _both_ways(ended, where)
    received = [part for part in ended if part.side == "receiver"]
    ended = received or ended
    if run.broken and run.broken[-1] > max((part.line for part in ended), default=0):
        raise InputError(where, f"a last line ({run.broken[-1]}) that contradicts itself", WANTED)
    single = {part.connection: part for part in ended if part.connection != "SUM"}
    sums = [part for part in ended if part.connection == "SUM"]
    flows = max(1, len(single), len(run.opened))
    if flows > 1 and not sums:
        raise InputError(where, f"{flows} connections without their sum", "the line [SUM]")
    total = sums[-1] if sums else next(iter(single.values()))
    if sums and flows == 1:
        every = {part.connection for part in run.parts} - {"SUM"}
        flows = max(2, len(every))
    if total.bytes_per_s <= 0 or total.seconds <= 0:
        raise InputError(where, f"no bytes that arrived in {total.seconds:g} s", WANTED)
    series = "from-server" if run.reverse else "to-server"
    rows = [_row(total, "flows", flows, series)]
    name = "SUM" if sums else total.connection
    rows += [_row(of, "flow", flows, series) for of in single.values() if of.bytes_per_s > 0]
    shorter = [p for p in run.parts if p.seconds < _WHOLE * total.seconds and p.connection == name]
    rows += [_row(of, "second", flows, series) for of in shorter if of.bytes_per_s > 0
             if of.seconds > 0.5 * shorter[0].seconds]  # fmt: skip
    return rows, f"iperf, {flows} flow{'s' * (flows > 1)}{', from the server' * run.reverse}"


def _both_ways(ended: list[_Part], where: str) -> tuple[list[Row], str]:
    """What each direction moved while the other did."""
    rows = []
    for role in ("TX", "RX"):
        of = [part for part in ended if part.role == role]
        of = [part for part in of if part.side == "receiver"] or of
        sums = [part for part in of if part.connection == "SUM"] or of
        if len(sums) != 1 or sums[0].bytes_per_s <= 0:
            raise InputError(where, f"both ways, without what {role} moved", WANTED)
        flows = max(1, len({part.connection for part in of} - {"SUM"}))
        rows.append(_row(sums[0], "both_ways", flows, ""))
    return rows, "iperf3, both ways at once"


def _row(part: _Part, quantity: str, flows: int, series: str) -> Row:
    size = round(part.bytes_per_s * part.seconds)
    seconds = size / part.bytes_per_s if size else part.seconds
    return Row(quantity, seconds, size, flows=flows, series=series)  # type: ignore[arg-type]
