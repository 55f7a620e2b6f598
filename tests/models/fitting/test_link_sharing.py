"""Sharing is told from data: workers simulated on links of every kind, and none at all."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
import simpy

from nworkers.models.base.leaves import mapped
from nworkers.models.base.linear import Unknown
from nworkers.models.fitting.laws import Session, transfers
from nworkers.models.fitting.link_sharing import Sharing, sharing
from nworkers.models.fitting.observations import FittedLaw
from nworkers.models.records.calibration import Burst, Cell, Processor
from nworkers.models.records.profile import Discipline, Duplex, Identified, Parameter
from nworkers.simulator.engine.events.fair_share import FairShare
from nworkers.simulator.engine.events.resources import FifoQueue, Resource
from tests.support.jobs import submitted

SERVER_S, DISPATCH_S, LATENCY_S, FLOW = 2e-4, 2e-4, 5e-4, 2.5e7
SIZES = (4, 2**16, 2**18, 2**20, 2**22)
WINDOW_S = 3.0


def alone() -> FittedLaw[Session[Parameter]]:
    """What one worker takes: latencies and one flow's rate."""
    values = {
        "host.server_dispatch_s": SERVER_S,
        "link.dispatch_s": DISPATCH_S,
        "link.fetch.latency_s": LATENCY_S,
        "link.fetch.bandwidth_bytes_per_s": FLOW,
        "link.push.latency_s": LATENCY_S,
        "link.push.after_fetch_s": LATENCY_S,
        "link.push.bandwidth_bytes_per_s": FLOW,
        "link.fetch.per_tensor_s": 1e-5,
        "link.push.per_tensor_s": 1e-5,
    }
    law = transfers({})
    made = {
        unknown: Identified(value, (value, value), "s", 1, (value,))
        for name, unknown in law.named(law.record, Unknown)
        if (value := values.get(name)) is not None
    }
    return FittedLaw(law, mapped(law.record, Unknown, made.get), 10)


def mean_cycle_s(cell: Cell, capacity: float, discipline: Discipline, duplex: Duplex) -> float:
    """Workers that start together and go on without a pause, on a simulated link."""
    env = simpy.Environment()
    kind = FairShare if discipline == "fair" else FifoQueue
    down: Resource = kind(env, capacity)
    up: Resource = down if duplex == "half" else kind(env, capacity)
    ends: list[list[float]] = [[] for _ in range(cell.workers)]
    size = float(cell.size_bytes)

    def work(worker: int) -> Generator[simpy.Event, Any, None]:
        rate = min(FLOW, capacity)
        while env.now < WINDOW_S:
            yield env.timeout(SERVER_S + DISPATCH_S + LATENCY_S)
            if cell.quantity == "exchange":
                yield submitted(env, down, size, rate) & submitted(env, up, size, rate)
            if cell.quantity in ("fetch", "fetch_push"):
                yield submitted(env, down, size, rate)
            if cell.quantity == "fetch_push":
                yield env.timeout(LATENCY_S)
            if cell.quantity in ("push", "fetch_push"):
                yield submitted(env, up, size, rate)
            ends[worker].append(env.now)

    for worker in range(cell.workers):
        env.process(work(worker))
    env.run()
    return float(np.mean([np.diff([0.0, *taken]).mean() for taken in ends]))


def told(
    capacity: float,
    discipline: Discipline,
    duplex: Duplex,
    workers: int,
    seen: Discipline | None = None,
) -> Sharing:
    rng = np.random.default_rng(3)
    bursts = []
    for quantity in ("fetch", "push", "exchange", "fetch_push"):
        for size in SIZES:
            for count in {1, workers} if quantity == "exchange" else {workers}:
                cell = Cell(quantity, "ps", size, workers=count)
                seconds = mean_cycle_s(cell, capacity, discipline, duplex)
                for number in range(5):
                    taken = tuple(float(v) for v in seconds * rng.lognormal(0, 0.02, 20))
                    spent = Processor(20 * count, 20 * count * 1e-4, 20 * count * 1e-4, 0.1, 1.0)
                    bursts.append(Burst(cell, number, 0, 0.1, (), taken, (), "count", spent))
    return sharing(bursts, alone(), cores=2.0, one_host=False, kernel=1.1, seen=seen)


@pytest.mark.parametrize("discipline", ["fair", "fifo"])
@pytest.mark.parametrize("duplex", ["full", "half"])
@pytest.mark.parametrize("workers", [2, 4])
def test_a_link_is_known_by_its_rate_and_kind(
    discipline: Discipline, duplex: Duplex, workers: int
) -> None:
    found = told(FLOW, discipline, duplex, workers)
    assert found.bandwidth_bytes_per_s == pytest.approx(FLOW, rel=0.08)
    assert found.duplex == duplex
    # A link of one direction is hardly ever idle, so that its discipline may not show.
    assert found.discipline in ((discipline,) if duplex == "full" else (discipline, None))


def test_what_was_seen_of_the_discipline_counts() -> None:
    """Workers that come apart look like turns; transfers at once have shown that they share."""
    found = told(FLOW, "fifo", "full", 2, seen="fair")
    assert (found.discipline, found.duplex) == ("fair", "full")
    assert found.bandwidth_bytes_per_s == pytest.approx(FLOW, rel=0.05)


def test_a_flow_may_be_capped_below_the_link() -> None:
    found = told(2.5 * FLOW, "fair", "full", 4)
    assert found.bandwidth_bytes_per_s == pytest.approx(2.5 * FLOW, rel=0.1)


def test_a_link_that_nobody_fills_is_not_identified() -> None:
    found = told(100 * FLOW, "fair", "full", 4)
    assert found.bandwidth_bytes_per_s is None
    assert found.discipline is None
    assert [c.law for c in found.candidates if c.chosen] == ["no shared link"]


def test_one_worker_tells_nothing() -> None:
    assert sharing([], alone(), cores=2.0, one_host=True, kernel=1.0).candidates == ()
