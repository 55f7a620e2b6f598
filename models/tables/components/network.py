"""Wire: latency and bandwidth of a network, as an MPI or TCP benchmark sees it.

Neither is TensorFlow's: of its α about a millisecond is software, which stays the base profile's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import student_inflation
from nworkers.models.records.profile import (
    FitRow,
    Identified,
    Link,
    Parameter,
    Profile,
    Segment,
    TransferPath,
    value_at,
)
from nworkers.models.tables.components.fit_rows import (
    STATED_LOG_SPREAD,
    combined,
    fit,
    held_out_errors,
    parameter,
)
from nworkers.models.tables.components.rows import Row

#: A message of at most so many bytes takes the latency and hardly more.
SMALL_BYTES = 1024
#: A flow that gets this share of what all flows get together was stopped by the wire.
WIRE_BOUND = 0.8

FLOW = "link.fetch.bandwidth_bytes_per_s"


@dataclass(frozen=True)
class Wire:
    """One way latency, what one flow passes, and all together; None where the table is silent."""

    latency_s: Parameter | None = None
    flow: Parameter | None = None
    shared: Parameter | None = None
    fit: tuple[FitRow, ...] = ()
    fitted_s: tuple[float | None, ...] = ()
    notes: tuple[str, ...] = ()


def measure(rows: Sequence[Row], draws: int, rng: np.random.Generator, source: str) -> Wire:
    """The wire that rows of messages, streams and flows show.

    Raises:
        InputError: they leave both latency and bandwidth open.
    """
    if any(row.quantity == "flows" for row in rows):
        return _flows(rows, draws, rng, source)
    messages = [row for row in rows if row.quantity == "message"]
    streams = [row for row in rows if row.quantity == "stream"]
    latency = slope = None
    quality: list[FitRow] = []
    fitted: dict[Row, float] = {}
    if messages:
        columns = _messages if len({row.size_bytes for row in messages}) > 1 else _latency
        largest = max(row.size_bytes for row in messages)
        if columns is _latency and largest > SMALL_BYTES:
            raise InputError(
                f"{source}: latency",
                f"rows all at {largest} bytes, where latency and bandwidth are one",
                f"a second size, or one of at most {SMALL_BYTES} bytes",
            )
        solved = fit(messages, columns, ("s", "s/byte"), draws, rng, f"{source}: latency")
        latency, slope = solved.parameters
        fitted.update(zip(messages, solved.fitted_s, strict=True))
        quality.append(held_out_errors("message", messages, columns))
    if streams:
        several = len({row.size_bytes for row in streams}) > 1
        columns = _messages if several else _bytes
        solved = fit(streams, columns, ("s", "s/byte"), draws, rng, f"{source}: bandwidth")
        slope = solved.parameters[1]
        fitted.update(zip(streams, solved.fitted_s, strict=True))
        quality.append(held_out_errors("stream", streams, columns))
    flow = None
    if isinstance(slope, Identified):
        flow = combined(lambda s: 1 / s, "bytes/s", slope, draws=draws)
    if not isinstance(latency, Identified):
        latency = None
    if latency is None and flow is None:
        raise InputError(
            source, "rows that leave latency and bandwidth open", "small and large sizes"
        )
    return Wire(latency, flow, flow, tuple(quality), tuple(fitted.get(row) for row in rows))


def put_in(profile: Profile, wire: Wire) -> tuple[Link[Parameter], tuple[str, ...]]:
    """The base's link over that wire, and what to know about it.

    A flow gets the smaller of what the wire passes and what the base's software does, where the
    base was not stopped by a wire of its own; all flows share what the wire passes. A transfer and
    the step's call to the ps are a request and an answer: two latencies of the wire each, in place
    of what the base's own wire had, where that is known (loopback has none).
    """
    link, draws = profile.link, profile.draws
    notes: list[str] = []
    if wire.shared is not None:
        bound = _wire_bound(profile)
        flow = wire.flow or wire.shared

        def passed(of: Segment[Parameter]) -> Segment[Parameter]:
            known = of.bandwidth_bytes_per_s
            new = flow if bound else combined(min, "bytes/s", known, flow, draws=draws)
            return replace(of, bandwidth_bytes_per_s=new)

        link = replace(
            link,
            fetch=_first_changed(link.fetch, passed),
            push=_first_changed(link.push, passed),
            shared_bandwidth_bytes_per_s=wire.shared,
        )
        if bound:
            notes.append(
                "the base's flows were as fast as its own wire, so what TensorFlow's software "
                "passes beyond is unknown: one flow is taken as fast as this wire, at best"
            )
        notes += _processors(profile, wire.shared)
    if wire.latency_s is not None:
        old = link.wire_latency_s
        if link.kind == "loopback" or old is not None:
            link = _relayed(link, wire.latency_s, old, draws)
        else:
            notes.append(
                "the base's latency holds its own wire's, which is not known apart, so it stays: "
                "<base> with a calibration of one host adds this wire's to that host's software"
            )
    elif link.kind == "loopback":
        notes.append("the table has no latency of the wire: that of loopback stays")
    return replace(link, kind="network", evidence="imported"), tuple(notes)


def _wire_bound(profile: Profile) -> bool:
    """Whether the base's one flow was stopped by its wire and not by its software."""
    link = profile.link
    shared = link.shared_bandwidth_bytes_per_s
    if link.kind == "loopback" or shared is None:
        return False
    if any(FLOW in earlier.parameters for earlier in profile.imported):
        return False
    flow = link.fetch.segments[0].bandwidth_bytes_per_s
    return value_at(flow, None) > WIRE_BOUND * value_at(shared, None)


def _processors(profile: Profile, shared: Parameter) -> Iterator[str]:
    """A note where the base's hosts take longer for a byte than the wire does."""
    host = profile.host
    busiest = max(
        value_at(end.per_byte_s, None)
        for end in (host.fetch_worker, host.fetch_ps, host.push_worker, host.push_ps)
    )
    limit = host.cores / (busiest * (1 + host.os_overhead_share))
    wire = value_at(shared, None)
    if limit < wire:
        yield (
            f"the base's processors pass {limit:.3g} bytes/s a host at most, less than this wire's "
            f"{wire:.3g}: predictions stay at that unless the base is faster"
        )


def _first_changed(
    path: TransferPath[Parameter], change: Callable[[Segment[Parameter]], Segment[Parameter]]
) -> TransferPath[Parameter]:
    """A path whose small tensors go otherwise; larger ones stay the base's."""
    first, *others = path.segments
    return replace(path, segments=(change(first), *others))


def _relayed(
    link: Link[Parameter], new: Parameter, old: Parameter | None, draws: int
) -> Link[Parameter]:
    """The link with two latencies of another wire in every request and its answer."""

    def moved(of: Parameter) -> Parameter:
        if old is None:
            return combined(lambda a, w: a + 2 * w, "s", of, new, draws=draws)
        # Never below a tenth of what stood there: draws of the two wires are not joint.
        return combined(
            lambda a, o, w: max(0.1 * a, a + 2 * (w - o)), "s", of, old, new, draws=draws
        )

    def later(of: Segment[Parameter]) -> Segment[Parameter]:
        return replace(of, latency_s=moved(of.latency_s))

    return replace(
        link,
        dispatch_s=moved(link.dispatch_s),
        fetch=_first_changed(link.fetch, later),
        push=_first_changed(link.push, later),
        wire_latency_s=new,
    )


def _flows(rows: Sequence[Row], draws: int, rng: np.random.Generator, source: str) -> Wire:
    """Rate of all flows over the test, spread as much as its reporting intervals are."""
    total = next(row for row in rows if row.quantity == "flows")
    seconds = [row for row in rows if row.quantity == "second"]
    rates = np.log([row.bandwidth_bytes_per_s for row in seconds])
    if len(seconds) > 1:
        means = rng.choice(rates - rates.mean(), size=(draws, rates.size)).mean(axis=1)
        deviations = means * student_inflation(rates.size)
    else:
        deviations = STATED_LOG_SPREAD * rng.standard_normal(draws)
    rate = parameter(
        total.bandwidth_bytes_per_s, deviations, "bytes/s", max(1, len(seconds)), True, source
    )
    if total.flows == 1:
        note = "one flow: that several together pass no more is assumed; iperf3 -P 8 would tell"
        return Wire(flow=rate, shared=rate, notes=(note,))
    note = f"{total.flows} flows at once: what one alone gets is not in this table"
    return Wire(shared=rate, notes=(note,))


def _messages(row: Row) -> tuple[float, float]:
    """Hockney's α + n/β, *Parallel Computing* 20 (1994)."""
    return 1.0, float(row.size_bytes)


def _latency(row: Row) -> tuple[float, float]:
    return 1.0, 0.0


def _bytes(row: Row) -> tuple[float, float]:
    return 0.0, float(row.size_bytes)
