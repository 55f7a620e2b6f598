from __future__ import annotations

import math
from collections.abc import Generator
from typing import Any

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from nworkers.simulator.engine.events.fair_share import FairShare
from nworkers.simulator.engine.events.resources import FifoQueue, Resource
from tests.support.jobs import submitted

#: When a job arrives, its work, and its rate alone.
Arrival = tuple[float, float, float]


def departures(resource: Resource, env: simpy.Environment, arrivals: list[Arrival]) -> list[float]:
    ends = [math.nan] * len(arrivals)

    def job(k: int, at_s: float, work: float, rate: float) -> Generator[simpy.Event, Any, None]:
        yield env.timeout(at_s)
        yield submitted(env, resource, work, rate)
        ends[k] = env.now

    for k, arrival in enumerate(arrivals):
        env.process(job(k, *arrival))
    env.run()
    return ends


def fair(capacity: float, arrivals: list[Arrival]) -> list[float]:
    env = simpy.Environment()
    return departures(FairShare(env, capacity), env, arrivals)


def fifo(capacity: float, arrivals: list[Arrival]) -> list[float]:
    env = simpy.Environment()
    return departures(FifoQueue(env, capacity), env, arrivals)


def shares(capacity: float, caps: dict[int, float]) -> dict[int, float]:
    """Equal ones, but none above its cap: what that leaves goes to the others."""
    found: dict[int, float] = {}
    for k in sorted(caps, key=caps.__getitem__):
        left = capacity - sum(found.values())
        found[k] = min(caps[k], left / (len(caps) - len(found)))
    return found


def every_share_anew(capacity: float, arrivals: list[Arrival]) -> list[float]:
    """Processor sharing without virtual time: at each event, every job's share is computed."""
    now_s = 0.0
    left = {k: work for k, (_, work, _) in enumerate(arrivals)}
    ends = [math.nan] * len(arrivals)
    while left:
        active = {k: arrivals[k][2] for k in left if arrivals[k][0] <= now_s}
        pending = [arrivals[k][0] for k in left if arrivals[k][0] > now_s]
        rates = shares(capacity, active)
        left_s = {k: left[k] / rates[k] for k in active}
        next_s = min([now_s + s for s in left_s.values()] + pending)
        for k in active:
            left[k] -= rates[k] * (next_s - now_s)
            if now_s + left_s[k] <= next_s * (1 + 1e-13):
                ends[k] = next_s
                del left[k]
        now_s = next_s
    return ends


numbers = st.floats(0.01, 100.0, allow_nan=False)


@given(
    capacity=numbers,
    arrivals=st.lists(st.tuples(st.floats(0.0, 50.0), numbers, numbers), min_size=1, max_size=12),
)
@settings(max_examples=150, deadline=None)
def test_virtual_time_agrees_with_computing_every_share(
    capacity: float, arrivals: list[Arrival]
) -> None:
    assert fair(capacity, arrivals) == pytest.approx(every_share_anew(capacity, arrivals), rel=1e-9)


@given(
    capacity=numbers,
    arrivals=st.lists(st.tuples(st.floats(0.0, 50.0), numbers), min_size=1, max_size=12),
)
@settings(max_examples=50, deadline=None)
def test_both_disciplines_carry_the_same_work(
    capacity: float, arrivals: list[tuple[float, float]]
) -> None:
    """Jobs that could each use all of the resource keep it busy alike (work conservation)."""
    jobs = [(at_s, work, capacity) for at_s, work in arrivals]
    assert max(fair(capacity, jobs)) == pytest.approx(max(fifo(capacity, jobs)), rel=1e-9)


def test_jobs_that_fit_do_not_slow_each_other() -> None:
    assert fair(2.0, [(0.0, 3.0, 1.0), (1.0, 1.0, 1.0)]) == [3.0, 2.0]


def test_an_arrival_slows_a_job_only_while_it_lasts() -> None:
    """Alone 1 s, then half pace for 2 s, then alone: 1 + 2 + 8 of 10."""
    assert fair(1.0, [(0.0, 10.0, 1.0), (1.0, 1.0, 1.0)]) == pytest.approx([11.0, 3.0], rel=1e-12)


def test_a_job_that_could_use_more_gets_no_larger_share() -> None:
    """Of 2 cores each gets one, until the smaller job is done."""
    assert fair(2.0, [(0.0, 3.0, 3.0), (0.0, 1.0, 1.0)]) == pytest.approx([2.0, 1.0], rel=1e-12)


@pytest.mark.parametrize("kind", [FairShare, FifoQueue])
def test_no_work_takes_no_time(kind: type[FairShare] | type[FifoQueue]) -> None:
    env = simpy.Environment()
    assert departures(kind(env, 1.0), env, [(2.0, 0.0, 1.0)]) == [2.0]


def test_fifo_serves_in_order_of_arrival() -> None:
    assert fifo(2.0, [(0.0, 4.0, 2.0), (1.0, 2.0, 2.0), (9.0, 2.0, 2.0)]) == [2.0, 3.0, 10.0]


def test_a_slow_flow_does_not_hold_up_the_queue() -> None:
    """At half the link's rate it takes 2 s, but the link is free for the next after 1 s."""
    assert fifo(2.0, [(0.0, 2.0, 1.0), (0.0, 2.0, 2.0)]) == [2.0, 2.0]


def test_a_clock_far_from_zero_neither_stalls_nor_loses_a_job() -> None:
    """At 1e6 s the clock ticks in 1e-10 s; jobs far below a tick still end."""
    late_s = 1e6
    ends = fair(1.0, [(late_s, 1e-14, 1.0), (late_s, 1.0, 1.0), (late_s, 1.0 + 1e-16, 0.7)])
    assert all(late_s <= end <= late_s + 2.8 for end in ends)


def test_equal_jobs_end_together() -> None:
    assert len(set(fair(1.0, [(0.1, 0.3, 1.0)] * 7))) == 1
