"""The fitted bandwidth of links of known rates, beside what iperf3 gets through in the same run."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.calibration import short
from benchmarks.calibration.pages import PAGE
from benchmarks.calibration.quiet import watched
from benchmarks.calibration.silence import Silence, silence
from benchmarks.page import table
from nworkers.models.records.calibration import Cell
from nworkers.models.records.profile import Identified, Parameter
from tests.testbed.hosts import Host, burst_bytes, hosts
from tests.testbed.iperf import iperf_mbit

TITLE = "Bandwidth against iperf3"
RATES_MBIT = (50, 200, 1000)
#: Seconds that the largest transfer of one flow takes, and of two flows at once each alone.
LONGEST_S, LONGEST_TOGETHER_S = 0.3, 0.06
#: A token bucket's burst passes unshaped, so the larger sizes begin well above it.
BURSTS = 8
SMALL_BYTES = (4, 256, 2048)
#: Updates alone, whose time the fit takes out of a push's.
UPDATES_BYTES = (2**12, 2**20, 2**24)


@dataclass(frozen=True)
class Effort:
    rounds: int = 5
    sizes: int = 7
    iperf_s: float = 3.0
    rates_mbit: tuple[int, ...] = RATES_MBIT


SMOKE = Effort(rounds=2, sizes=5, iperf_s=1.0)


@dataclass(frozen=True)
class Fitted:
    """A fitted bandwidth in Mbit/s of tensors' bytes, with its 90 % interval."""

    mbit: float
    low_mbit: float
    high_mbit: float


@dataclass(frozen=True)
class Link:
    """All that one rate was asked."""

    rate_mbit: int
    iperf_before_mbit: float
    iperf_after_mbit: float
    fetch: Fitted
    push: Fitted
    shared: Fitted | None
    silences: tuple[Silence, ...]

    @property
    def iperf_mbit(self) -> float:
        return (self.iperf_before_mbit + self.iperf_after_mbit) / 2

    def error(self, fitted: Fitted) -> float:
        return fitted.mbit / self.iperf_mbit - 1

    def beyond_ns(self, fitted: Fitted) -> float:
        """What a byte takes beyond iperf3's time, in nanoseconds."""
        return 8e3 / fitted.mbit - 8e3 / self.iperf_mbit


def measure(effort: Effort) -> None:
    with watched("rates") as conditions:
        links = [_link(rate, effort) for rate in effort.rates_mbit]
    text = "\n\n".join([INTRODUCTION, _table(links), _silences(links), f"({conditions.words})"])
    data: dict[str, Any] = {"conditions": asdict(conditions), "links": [asdict(k) for k in links]}
    PAGE.publish("rates", TITLE, text, data)


def _link(rate_mbit: int, effort: Effort) -> Link:
    title = f"{rate_mbit} Mbit/s"
    rng = random.Random(rate_mbit)
    bytes_per_s = rate_mbit * 1e6 / 8
    low = BURSTS * burst_bytes(rate_mbit)

    def sizes() -> list[int]:
        large = short.sizes_bytes(low, LONGEST_S * bytes_per_s, effort.sizes, rng)
        return [*SMALL_BYTES, *large]

    updates = tuple(Cell("apply", "ps", size, optimizer="sgd") for size in UPDATES_BYTES)
    cells = short.cells(sizes(), sizes()) + updates
    alone = short.plan(cells, rounds=effort.rounds, burst_s=0.1)
    top = LONGEST_TOGETHER_S * bytes_per_s
    both = short.plan(
        short.together([4, *short.sizes_bytes(low, top, 3, rng)]),
        rounds=effort.rounds,
        burst_s=0.05,
        # Two flows take twice as long: three calls of each.
        window_s=6 * LONGEST_TOGETHER_S,
    )
    with hosts(2, rate_mbit=rate_mbit, burst=burst_bytes(rate_mbit)) as (ps, worker):
        before = iperf_mbit(worker, ps, effort.iperf_s)
        one = short.measure(title, alone, short.between(ps, worker))
        # Where a byte of software weighs most against one of wire.
        fastest = rate_mbit == max(effort.rates_mbit)
        silences = _measure_silences(rate_mbit, ps, worker) if fastest else ()
        after = iperf_mbit(worker, ps, effort.iperf_s)
    with hosts(3, rate_mbit=rate_mbit) as (ps, *workers):
        two = short.measure(f"{title}, two workers", both, short.between(ps, *workers))
    link = short.fit(one).link
    shared = short.fit(two).link.shared_bandwidth_bytes_per_s
    made = Link(
        rate_mbit,
        before,
        after,
        _fitted(link.fetch.segments[0].bandwidth_bytes_per_s),
        _fitted(link.push.segments[0].bandwidth_bytes_per_s),
        _fitted(shared) if shared else None,
        silences,
    )
    told = [made.fetch, made.push, *([made.shared] if made.shared else [])]
    errors = ", ".join(f"{100 * made.error(f):+.1f} %" for f in told)
    short.say(f"{title}: iperf3 {made.iperf_mbit:.1f}; fetch, push, shared off by {errors}")
    return made


def _measure_silences(rate_mbit: int, ps: Host, worker: Host) -> tuple[Silence, ...]:
    largest = int(LONGEST_S * rate_mbit * 1e6 / 8)
    return tuple(
        silence(ps, worker, quantity, size // 4 * 4)
        for quantity in ("fetch", "push")
        for size in (largest // 4, largest)
    )


def _fitted(parameter: Parameter) -> Fitted:
    # At the largest sizes of a wire, what a rate leaves open is a failure of the run.
    assert isinstance(parameter, Identified)
    return Fitted(*(value * 8e-6 for value in (parameter.estimate, *parameter.interval)))


INTRODUCTION = """Two emulated hosts, a ps and a worker, are on links shaped by token buckets.
The table has iperf3's rate at its receiver, before and after a short calibration, beside the
bandwidths fitted from it, in Mbit/s of payload. *Shared* is the rate of the link that two
workers share, from fetches at once (`shared_bandwidth_bytes_per_s`). *Beyond the wire* is 1/β
less iperf3's time. Framing is no part of it (see the bytes below), software is. A tensor is
copied out of gRPC's buffers after the last of it has come, and a push is applied after that.
The fit takes out an update, which it knows alone. The copy adds to the wire's time, and a line
in the bytes cannot tell the two apart. Of several transfers at once, one's software runs beside
another's wire."""


def _table(links: list[Link]) -> str:
    rows = []
    for link in links:
        iperf = f"{link.iperf_before_mbit:.1f}, {link.iperf_after_mbit:.1f}"
        for name, fitted in (("fetch", link.fetch), ("push", link.push), ("shared", link.shared)):
            if fitted is None:
                rows.append([str(link.rate_mbit), iperf, name, "not identified", "", "", ""])
                continue
            rows.append(
                [
                    f"{link.rate_mbit}",
                    iperf,
                    name,
                    f"{fitted.mbit:.1f}",
                    f"{fitted.low_mbit:.1f} to {fitted.high_mbit:.1f}",
                    f"{100 * link.error(fitted):+.1f} %",
                    f"{link.beyond_ns(fitted):+.2f} ns/byte",
                ]
            )
    head = ["link", "iperf3 before, after", "what", "fitted", "90 %", "error", "beyond the wire"]
    return table(head, rows)


def _silences(links: list[Link]) -> str:
    head = ["link", "what", "bytes", "a step", "receiver silent", "TCP payload / tensor"]
    rows = [
        [
            f"{link.rate_mbit}",
            found.quantity,
            f"{found.size_bytes}",
            f"{1e3 * found.step_s:.1f} ms",
            f"{1e3 * found.silent_s:.1f} ms",
            f"{found.framing:.4f}",
        ]
        for link in links
        for found in link.silences
    ]
    words = (
        "How long in each step nothing arrives at the receiving host, seen at its interface's "
        "counter, and the bytes that do arrive:"
    )
    return f"{words}\n\n{table(head, rows)}"
