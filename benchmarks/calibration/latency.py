"""The fitted latency of small tensors over the round trip of their link: how many it makes."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.calibration import short
from benchmarks.calibration.pages import PAGE
from benchmarks.calibration.quiet import watched
from benchmarks.calibration.statistics import slope
from benchmarks.page import table
from nworkers.models.base.statistics import interval90
from nworkers.models.records.profile import Parameter, Profile, value_at
from tests.testbed.echo import echoing, round_trips_ms
from tests.testbed.hosts import hosts

TITLE = "Latency against the round trip"
RATE_MBIT = 200
LARGEST_BYTES = 8192
ECHOES = 100

INTRODUCTION = f"""Tensors of up to {LARGEST_BYTES // 1024} KiB move between two emulated hosts,
on links of {RATE_MBIT} Mbit/s with a delay added on the way. The table has the latency fitted
from a short calibration, beside the median round trip of datagrams before and after it, all in
ms. That latency is an empty step on the worker's own server, what a part on the ps adds, and a
transfer's.

A fetch should take one round trip. The request that starts the ps's part of the step (RunGraph)
and the one for the tensor (RecvTensor) leave together. Both answers come one round trip later,
as an empty step's does. A push should take two, one after the other. RunGraph reaches the ps,
which asks the worker for the gradient (RecvTensor). It gets it, applies it, and only then
answers."""


@dataclass(frozen=True)
class Effort:
    rounds: int = 5
    sizes: int = 6
    delays_ms: tuple[float, ...] = (0, 2, 5, 10)


SMOKE = Effort(rounds=2, sizes=5, delays_ms=(0, 5))


@dataclass(frozen=True)
class Point:
    """One delay: the round trip, and draws of each latency with its estimate first."""

    delay_ms: float
    round_trip_ms: float
    latencies_ms: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Trips:
    """How many round trips something makes: a slope, its 90 % interval, and the whole number."""

    what: str
    slope: float
    low: float
    high: float

    @property
    def whole(self) -> int:
        return round(self.slope)

    @property
    def error(self) -> float:
        return (self.slope - self.whole) / max(1, self.whole)


def measure(effort: Effort) -> None:
    with watched("latency") as conditions:
        points = [_point(delay_ms, effort) for delay_ms in effort.delays_ms]
    counts = [_trips(what, points) for what in points[0].latencies_ms]
    for count in counts:
        short.say(f"{count.what}: {count.slope:.3f} round trips ({count.low:.3f}–{count.high:.3f})")
    text = "\n\n".join(
        [INTRODUCTION, _table(points), _trips_table(counts), f"({conditions.words})"]
    )
    data: dict[str, Any] = {
        "conditions": asdict(conditions),
        "points": [
            {
                "delay_ms": p.delay_ms,
                "round_trip_ms": p.round_trip_ms,
                "latencies_ms": {what: draws[0] for what, draws in p.latencies_ms.items()},
            }
            for p in points
        ],
        "round_trips": [asdict(count) for count in counts],
    }
    PAGE.publish("latency", TITLE, text, data)


def _point(delay_ms: float, effort: Effort) -> Point:
    title = f"{delay_ms:g} ms each way"
    rng = random.Random(f"{delay_ms}")
    sizes = [short.sizes_bytes(4, LARGEST_BYTES, effort.sizes, rng) for _ in range(2)]
    planned = short.plan(short.cells(*sizes), rounds=effort.rounds, burst_s=0.1)
    with hosts(2, rate_mbit=RATE_MBIT, delay_ms=delay_ms) as (ps, worker), echoing(ps):
        trips = round_trips_ms(worker, ps, ECHOES)
        measured = short.measure(title, planned, short.between(ps, worker))
        trips += round_trips_ms(worker, ps, ECHOES)
    # A seed of its own, as rounds of different calibrations have nothing in common.
    profile = short.fit(measured, seed=1 + round(10 * delay_ms))
    return Point(delay_ms, float(np.median(trips)), _latencies_ms(profile))


def _latencies_ms(profile: Profile) -> dict[str, tuple[float, ...]]:
    """Of what a user waits for, the estimate and then its draws."""
    own, remote = profile.host.server_dispatch_s, profile.link.dispatch_s
    fetch, push = (p.segments[0].latency_s for p in (profile.link.fetch, profile.link.push))
    sums = {
        "an empty step on the ps": (own, remote),
        "a fetch": (own, remote, fetch),
        "a push": (own, remote, push),
    }
    return {what: _sum_ms(parts) for what, parts in sums.items()}


def _sum_ms(parts: tuple[Parameter, ...]) -> tuple[float, ...]:
    draws = range(len(parts[0].draws))
    return tuple(1e3 * sum(value_at(part, draw) for part in parts) for draw in (None, *draws))


def _trips(what: str, points: list[Point]) -> Trips:
    x = [point.round_trip_ms for point in points]
    slopes = [
        slope(x, drawn)
        for drawn in zip(*(point.latencies_ms[what] for point in points), strict=True)
    ]
    return Trips(what, slopes[0], *interval90(slopes[1:], slopes[0]))


def _table(points: list[Point]) -> str:
    names = list(points[0].latencies_ms)
    rows = [
        [
            f"{point.delay_ms:g}",
            f"{point.round_trip_ms:.3f}",
            *(f"{point.latencies_ms[name][0]:.3f}" for name in names),
        ]
        for point in points
    ]
    return table(["added delay, one way", "round trip", *names], rows)


def _trips_table(counts: list[Trips]) -> str:
    rows = [
        [
            c.what,
            f"{c.slope:.3f}",
            f"{c.low:.3f} to {c.high:.3f}",
            f"{c.whole}",
            f"{100 * c.error:+.1f} %",
        ]
        for c in counts
    ]
    return table(["what", "round trips (slope)", "90 %", "whole number", "off by"], rows)
