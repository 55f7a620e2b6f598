"""Network: latency and bandwidth of a wire, as an MPI or TCP benchmark sees it.

Neither is TensorFlow's: of its α about a millisecond is software, which stays the base profile's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import student_inflation
from nworkers.models.records.combined_parameter import combined
from nworkers.models.records.profile import (
    Collective,
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
    fit,
    held_out_errors,
    parameter,
)
from nworkers.models.tables.components.rows import Row

#: What a wire is told by.
QUANTITIES = ("message", "stream", "flow", "flows", "second", "both_ways", "stream_both_ways")
#: A message of at most so many bytes takes the latency and hardly more.
SMALL_BYTES = 1024
#: A flow that gets this share of what all flows get together was stopped by the wire.
WIRE_BOUND = 0.8
#: Of what earlier files told of a base, what only a table of its wire's bandwidth tells.
SHARED = "link.shared_bandwidth_bytes_per_s"
ALONE = "both ways at once: that one way alone passes no more is assumed; a test of it would tell"
#: What is left at least of a latency when a wire's is taken out of it: draws are not joint.
LEAST_LEFT = 0.1


@dataclass(frozen=True)
class Wire:
    """One way latency, what one flow passes, and all together; None where the table is silent.

    ``both_ways`` is what a direction passes while the other is as busy.
    """

    latency_s: Parameter | None = None
    flow: Parameter | None = None
    shared: Parameter | None = None
    both_ways: Parameter | None = None
    fit: tuple[FitRow, ...] = ()
    fitted_s: tuple[float | None, ...] = ()
    notes: tuple[str, ...] = ()


def measure(rows: Sequence[Row], draws: int, rng: np.random.Generator, source: str) -> Wire:
    """The wire that rows of messages, streams and flows show.

    Raises:
        InputError: they leave both latency and bandwidth open.
    """
    if any(row.quantity in ("flows", "both_ways") for row in rows):
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
    both = None
    beside = [row for row in rows if row.quantity == "stream_both_ways"]
    if beside:
        several = len({row.size_bytes for row in beside}) > 1
        columns = _messages if several else _bytes
        solved = fit(beside, columns, ("s", "s/byte"), draws, rng, f"{source}: both ways")
        fitted.update(zip(beside, solved.fitted_s, strict=True))
        if isinstance(each := solved.parameters[1], Identified):
            both = combined(lambda s: 1 / s, "bytes/s", each, draws=draws)
    flow = None
    if isinstance(slope, Identified):
        flow = combined(lambda s: 1 / s, "bytes/s", slope, draws=draws)
    if not isinstance(latency, Identified):
        latency = None
    notes: tuple[str, ...] = ()
    if flow is None and both is not None:
        flow, notes = both, (ALONE,)
    if latency is None and flow is None:
        raise InputError(
            source, "rows that leave latency and bandwidth open", "small and large sizes"
        )
    return Wire(
        latency, flow, flow, both, tuple(quality), tuple(fitted.get(row) for row in rows), notes
    )


def put_in(profile: Profile, wire: Wire) -> tuple[Profile, tuple[str, ...]]:
    """The base with its tasks on that wire, and what to know about it.

    A flow gets the smaller of what the wire passes and what the base's software does, at every
    size; all flows share what the wire passes. A transfer and the step's call to the ps are a
    request and an answer: two latencies of the wire each, in place of what the base's own wire had,
    where that is known (loopback has none). What was seen of the base's wire alone goes with it:
    its duplex, what it carries both ways, and what its token bucket lets pass at once.
    """
    link, collective = profile.link, profile.collective
    draws = profile.draws
    notes: list[str] = []
    # What NCCL took over a wire of its own says nothing of this one.
    reduced = collective.measured and not collective.imported
    if wire.shared is not None:
        # Where an earlier table told of one flow and this one tells of several, the one stays.
        told = wire.flow is None and any(SHARED in of.parameters for of in profile.imported)
        flow, bound = wire.flow or wire.shared, _wire_bound(link, told=told)
        if reduced and not told:
            collective = _reduced_over(collective, wire.shared, link, draws)
        link = replace(
            link,
            fetch=_over(link.fetch, flow, bound, draws),
            push=_over(link.push, flow, bound, draws),
            shared_bandwidth_bytes_per_s=wire.shared,
            duplex=None,
            both_ways_bandwidth_bytes_per_s=wire.both_ways,
        )
        if flow is wire.shared and bound(profile.link.fetch.segments[-1]):
            notes.append(
                "the base's flows were as fast as its own wire, so what TensorFlow's software "
                "passes beyond is unknown: one flow is taken as fast as this wire, at best"
            )
        notes += _processors(profile, wire.shared)
    if wire.latency_s is not None:
        old = link.wire_latency_s
        if link.kind == "loopback" or old is not None:
            later = _later(wire.latency_s, old, draws)
            if reduced and collective.latency_s is not None:
                collective = replace(collective, latency_s=later(collective.latency_s, 2.0))
            link = replace(
                link,
                dispatch_s=later(link.dispatch_s, 2.0),
                fetch=_relayed(link.fetch, later),
                push=_relayed(link.push, later),
                wire_latency_s=wire.latency_s,
            )
        else:
            notes.append(
                "the base's latency holds its own wire's, which is not known apart, so it stays: "
                "<base> with a calibration of one host adds this wire's to that host's software"
            )
    elif link.kind == "loopback":
        notes.append("the table has no latency of the wire: that of loopback stays")
    link = replace(link, kind="network", evidence="imported")
    return replace(profile, link=link, collective=collective), tuple(notes)


_Bound = Callable[[Segment[Parameter]], bool]


def stopped_by_wire(link: Link[Parameter]) -> bool:
    """Whether the largest tensors were as fast as the link's own wire, and not as its software."""
    return _wire_bound(link, told=False)(link.fetch.segments[-1])


def _wire_bound(link: Link[Parameter], *, told: bool) -> _Bound:
    """Whether a flow of tensors was stopped by the base's wire, and not by its software.

    Tensors that pass faster than the wire have shown what software passes: buffers took them.

    Args:
        told: the flow is known to be this wire's already.
    """
    shared = link.shared_bandwidth_bytes_per_s

    def bound(segment: Segment[Parameter]) -> bool:
        if link.kind == "loopback" or shared is None or told:
            return False
        share = value_at(segment.bandwidth_bytes_per_s, None) / value_at(shared, None)
        return WIRE_BOUND < share < 1.0 / WIRE_BOUND

    return bound


def _over(
    path: TransferPath[Parameter], flow: Parameter, bound: _Bound, draws: int
) -> TransferPath[Parameter]:
    """A path over a wire that passes ``flow``, at every size.

    A segment that the base's wire stopped has a latency less what that wire's token bucket let pass
    at once, which no other does: there it is no less than that of smaller tensors.
    """
    segments: list[Segment[Parameter]] = []
    for of in path.segments:
        known, latency_s = of.bandwidth_bytes_per_s, of.latency_s
        if bound(of):
            rate = flow
            if segments:
                latency_s = combined(max, "s", segments[-1].latency_s, latency_s, draws=draws)
        elif not isinstance(known, Identified) and value_at(known, None) > value_at(flow, None):
            rate = flow
        else:
            rate = combined(min, "bytes/s", known, flow, draws=draws)
        segments.append(Segment(of.from_bytes, latency_s, rate))
    return replace(path, segments=tuple(segments), credit_bytes=0.0)


def _reduced_over(
    collective: Collective[Parameter], shared: Parameter, link: Link[Parameter], draws: int
) -> Collective[Parameter]:
    """A measured all-reduce over another wire.

    A hop sends and adds: what its bytes took beyond the base's wire, which carried both directions
    at once, they take beside the other's.
    """
    wire = link.both_ways_bandwidth_bytes_per_s or link.shared_bandwidth_bytes_per_s
    known = collective.bandwidth_bytes_per_s
    assert known is not None
    if link.kind == "loopback" or wire is None:
        rate = combined(lambda b, w: 1 / (1 / b + 1 / w), "bytes/s", known, shared, draws=draws)
    else:

        def changed(b: float, old: float, new: float) -> float:
            return 1 / (max(0.0, 1 / b - 1 / old) + 1 / new)

        rate = combined(changed, "bytes/s", known, wire, shared, draws=draws)
    return replace(collective, bandwidth_bytes_per_s=rate)


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
            f"the base's processors pass {limit / 1e9:.3g} GB/s a host at most, less than this "
            f"wire's {wire / 1e9:.3g} GB/s: predictions stay at that unless the base is faster"
        )


_Later = Callable[[Parameter, float], Parameter]


def _later(new: Parameter, old: Parameter | None, draws: int) -> _Later:
    """What changes a latency that holds a wire's so many times, one way each."""

    def moved(of: Parameter, times: float) -> Parameter:
        if old is None:
            return combined(lambda a, w: a + times * w, "s", of, new, draws=draws)
        return combined(
            lambda a, o, w: max(LEAST_LEFT * a, a + times * (w - o)), "s", of, old, new, draws=draws
        )

    return moved


def _relayed(path: TransferPath[Parameter], later: _Later) -> TransferPath[Parameter]:
    """A path with another wire's latency in every request and its answer.

    Of a push after a fetch the answer alone: the ps has asked by then.
    """
    after = path.after_fetch_s
    return replace(
        path,
        segments=tuple(replace(of, latency_s=later(of.latency_s, 2.0)) for of in path.segments),
        after_fetch_s=None if after is None else later(after, 1.0),
    )


def _flows(rows: Sequence[Row], draws: int, rng: np.random.Generator, source: str) -> Wire:
    """Rates of whole tests: of one flow, of several together, of each direction beside the other.

    Of two directions the slower counts: which of them fetches is not known.
    """
    notes: list[str] = []
    rates: dict[str, Parameter] = {}
    for name, of in (
        ("one", [row for row in rows if row.quantity == "flows" and row.flows == 1]),
        ("all", [row for row in rows if row.quantity == "flows" and row.flows > 1]),
    ):
        directions = {row.series: row for row in of}
        if not directions:
            continue
        slower = min(directions.values(), key=lambda row: row.bandwidth_bytes_per_s)
        if len(directions) > 1:
            other = max(row.bandwidth_bytes_per_s for row in directions.values())
            notes.append(
                f"one direction passes {other:.4g} bytes/s and the other "
                f"{slower.bandwidth_bytes_per_s:.4g}: the slower counts, for both"
            )
        same = [row for row in rows if (row.flows, row.series) == (slower.flows, slower.series)]
        rates[name] = _rate(same, draws, rng, source)
    beside = [row for row in rows if row.quantity == "both_ways"]
    both = None
    if beside:
        mean = sum(row.bandwidth_bytes_per_s for row in beside) / len(beside)
        both = parameter(
            mean, STATED_LOG_SPREAD * rng.standard_normal(draws), "bytes/s", len(beside), True,
            source,
        )  # fmt: skip
        if not rates:
            return Wire(shared=both, both_ways=both, notes=(ALONE,))
    one, all_ = rates.get("one"), rates.get("all")
    if all_ is None:
        notes.append(
            "one flow: that several together pass no more is assumed; iperf3 -P 8 would tell"
        )
    elif one is None:
        flows = next(row.flows for row in rows if row.quantity == "flows")
        notes.append(f"{flows} flows at once: what one alone gets is not in this table")
    return Wire(flow=one, shared=all_ or one, both_ways=both, notes=tuple(notes))


def _rate(rows: Sequence[Row], draws: int, rng: np.random.Generator, source: str) -> Parameter:
    """Rate over whole tests of one kind, spread as much as their reporting intervals are."""
    totals = [row.bandwidth_bytes_per_s for row in rows if row.quantity == "flows"]
    seconds = [row for row in rows if row.quantity == "second"]
    rates = np.log([row.bandwidth_bytes_per_s for row in seconds])
    if len(seconds) > 1:
        means = rng.choice(rates - rates.mean(), size=(draws, rates.size)).mean(axis=1)
        deviations = means * student_inflation(rates.size)
    else:
        deviations = STATED_LOG_SPREAD * rng.standard_normal(draws)
    mean = totals[0] if len(totals) == 1 else float(np.exp(np.mean(np.log(totals))))
    return parameter(mean, deviations, "bytes/s", max(1, len(seconds)), True, source)


def _messages(row: Row) -> tuple[float, float]:
    """Hockney's α + n/β, *Parallel Computing* 20 (1994)."""
    return 1.0, float(row.size_bytes)


def _latency(row: Row) -> tuple[float, float]:
    return 1.0, 0.0


def _bytes(row: Row) -> tuple[float, float]:
    return 0.0, float(row.size_bytes)
