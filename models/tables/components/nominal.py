"""Nominal: a profile's tasks on a wire that is known by its name alone, as on a measured one."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from nworkers.models.costs.laws import sustained
from nworkers.models.records.combined_parameter import combined
from nworkers.models.records.nominal_link import WIRE_LATENCY_S, NominalLink
from nworkers.models.records.profile import (
    NOMINAL,
    Collective,
    Identified,
    Imported,
    Link,
    Parameter,
    Profile,
    value_at,
)
from nworkers.models.tables.components.network import SHARED, Wire, put_in, stopped_by_wire

#: No latency at all, as a number above 0.
_NO_LATENCY_S = 1e-9


def over(
    base: Profile, wire: NominalLink, said: str, stand_in: Profile
) -> tuple[Profile, tuple[str, ...]]:
    """The base with its tasks on a nominal link, and what to know about it.

    All flows share the wire fairly, as is assumed. A byte of one flow takes the wire's time and the
    software's, one after the other: of 1 Gbit/s that was closer to what was measured than the
    larger of both. Latencies and processor times stay the base's. What its software passes beyond a
    wire that stopped it is ``stand_in``'s, and no less than was seen. A latency that holds an
    unknown wire's is taken to hold `WIRE_LATENCY_S` of it.
    """
    draws, link, notes = base.draws, base.link, list[str]()
    rate = _stated(wire.bytes_per_s, "bytes/s", draws)
    software = _slower_way(link, draws)
    stopped = stopped_by_wire(link)
    hidden = stopped and wire.bytes_per_s > value_at(software, None)
    if stopped:
        software = combined(
            max, "bytes/s", software, _slower_way(stand_in.link, draws), draws=draws
        )
    if hidden:
        notes.append(
            f"the flows of {base.name} were as fast as its own wire, so what TensorFlow's software "
            f"passes beyond is unknown: {stand_in.name}'s stands in"
        )
    if link.kind == "network" and link.wire_latency_s is None:
        link = replace(link, wire_latency_s=_stated(WIRE_LATENCY_S, "s", draws))
        if wire.latency_s != WIRE_LATENCY_S:
            notes.append(
                f"the latency of {base.name} holds its own wire's, which is not known apart: "
                f"{1e6 * WIRE_LATENCY_S:g} us one way are taken off"
            )
    latency_s = _stated(max(wire.latency_s, _NO_LATENCY_S), "s", draws)
    flow = rate
    if isinstance(software, Identified):
        flow = combined(_in_turn, "bytes/s", rate, software, draws=draws)
    made, remarks = put_in(replace(base, link=link), Wire(latency_s, flow, rate))
    link = replace(
        made.link,
        evidence=NOMINAL,
        discipline="fair",
        discipline_evidence="assumed",
        candidates=(),
        flow_weights=(),
    )
    collective = made.collective
    if stopped:
        collective = _with_software(base.collective, collective, stand_in.collective, rate)
    # What the wire says of a transfer, where it is slower than software.
    told = () if hidden or wire.bytes_per_s > value_at(software, None) else (SHARED,)
    sha256 = hashlib.sha256(said.encode()).hexdigest()
    record = Imported(NOMINAL, said, sha256, 1, base.name, told)
    made = replace(
        made,
        name=f"{base.name} over {said}",
        hardware=f"{base.hardware}, over {said}",
        link=link,
        collective=collective,
        imported=(*base.imported, record),
        stand_ins=base.stand_ins | ({"bandwidth": stand_in.name} if hidden else {}),
    )
    return made, (*notes, *remarks)


def _slower_way(link: Link[Parameter], draws: int) -> Parameter:
    """What one flow of the largest tensors gets, to the worker or to the ps."""
    ways = (sustained(path) for path in (link.fetch, link.push))
    return combined(min, "bytes/s", *ways, draws=draws)


def _with_software(
    known: Collective[Parameter],
    made: Collective[Parameter],
    stand_in: Collective[Parameter],
    rate: Parameter,
) -> Collective[Parameter]:
    """An all-reduce that is no faster than a software that stands in, unless it was seen to be."""
    seen, now, software = (of.bandwidth_bytes_per_s for of in (known, made, stand_in))
    if known.imported or seen is None or now is None or software is None:
        return made

    def at_most(now: float, seen: float, software: float, rate: float) -> float:
        return min(now, max(seen, _in_turn(software, rate)))

    draws = len(now.draws)
    slower = combined(at_most, "bytes/s", now, seen, software, rate, draws=draws)
    return replace(made, bandwidth_bytes_per_s=slower)


def _in_turn(one: float, other: float) -> float:
    """Bytes a second where each takes the time of both."""
    return 1.0 / (1.0 / one + 1.0 / other)


def _stated(value: float, unit: str, draws: int) -> Parameter:
    """A number as it was said, the same in all draws."""
    return Identified(value, (value, value), unit, 0, (value,) * draws)
