"""Links: the fast one agrees with the plain one, and that with max-min by its definition."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from nworkers.simulator.engine.events.fair_share import FairShare
from nworkers.simulator.engine.events.links import FairNetwork, max_min
from nworkers.simulator.engine.events.resources import Resource, after

#: When a flow begins, its bytes, and its own cap.
Flow = tuple[float, float, float]

numbers = st.floats(0.01, 100.0, allow_nan=False)
flows = st.lists(st.tuples(st.floats(0.0, 50.0), numbers, numbers), min_size=1, max_size=12)


def equal(_: float) -> float:
    return 1.0


def ends(
    make: Callable[[simpy.Environment], Resource],
    asked: list[Flow],
    weigh: Callable[[float], float] = equal,
) -> list[float]:
    env = simpy.Environment()
    resource = make(env)
    ended = [math.nan] * len(asked)

    def begin(k: int, work: float, cap: float) -> None:
        resource.submit(work, cap, lambda: ended.__setitem__(k, env.now), weigh(work))

    for k, (at_s, work, cap) in enumerate(asked):
        after(env, at_s, partial(lambda flow, _: begin(*flow), (k, work, cap)))
    env.run()
    return ended


def heavy(size_bytes: float) -> float:
    """A weight from 0.1 to 3.1, of which a flow's bytes tell nothing."""
    return 0.1 + 37.0 * size_bytes % 3.0


@pytest.mark.parametrize("loss", [0.0, 0.15, 0.9])
@pytest.mark.parametrize("weigh", [equal, heavy])
@given(capacity=numbers, asked=flows)
@settings(max_examples=200, deadline=None)
def test_one_link_agrees_with_a_network_of_one(
    weigh: Callable[[float], float], loss: float, capacity: float, asked: list[Flow]
) -> None:
    fast = ends(lambda env: FairShare(env, capacity, loss), asked, weigh)
    plain = ends(lambda env: FairNetwork(env, [capacity], [loss]).route([0]), asked, weigh)
    assert fast == pytest.approx(plain, rel=1e-9)


def test_a_shared_link_carries_less() -> None:
    """Loss 0.5 on a link of 4: four get 2 together, a half each; one alone gets all of it."""
    four = [(0.0, 1.0, 99.0)] * 4
    for make in (
        lambda env: FairShare(env, 4.0, 0.5),
        lambda env: FairNetwork(env, [4.0], [0.5]).route([0]),
    ):
        assert ends(make, four) == pytest.approx([2.0] * 4)
        assert ends(make, four[:1]) == pytest.approx([0.25])


def test_weights_divide_a_link() -> None:
    """Of weights 1 and 3 on a link of 4: 6 bytes at 3 end at 2, when the other has 2 of its 10."""
    weights = {6.0: 3.0, 10.0: 1.0}
    asked = [(0.0, 6.0, 99.0), (0.0, 10.0, 99.0)]
    for make in (
        lambda env: FairShare(env, 4.0),
        lambda env: FairNetwork(env, [4.0]).route([0]),
    ):
        assert ends(make, asked, weights.__getitem__) == pytest.approx([2.0, 4.0])


@given(
    capacities=st.lists(numbers, min_size=1, max_size=4),
    data=st.data(),
)
@settings(max_examples=200, deadline=None)
def test_rates_are_max_min_fair(capacities: list[float], data: st.DataObject) -> None:
    """By definition: no flow can get more but from one that gets no more than itself, each in
    proportion to its weight.

    So each is at its cap, or crosses a full link on which nobody gets more (Bertsekas and Gallager,
    *Data Networks*, section 6.5.2).
    """
    count = len(capacities)
    routes = data.draw(
        st.lists(
            st.lists(st.integers(0, count - 1), min_size=1, max_size=3, unique=True),
            min_size=1,
            max_size=8,
        )
    )
    caps = data.draw(st.lists(numbers, min_size=len(routes), max_size=len(routes)))
    weights = data.draw(st.lists(numbers, min_size=len(routes), max_size=len(routes)))
    width = max(map(len, routes))
    links = np.array([[*route, *[count] * (width - len(route))] for route in routes])
    rates = max_min(
        links, np.array(caps), np.array([*capacities, math.inf]), weights=np.array(weights)
    )
    levels = rates / weights
    carried = [
        sum(rate for rate, route in zip(rates, routes, strict=True) if link in route)
        for link in range(count)
    ]
    for link in range(count):
        assert carried[link] <= capacities[link] * (1 + 1e-9)
    for rate, level, route, cap in zip(rates, levels, routes, caps, strict=True):
        held = rate == pytest.approx(cap, rel=1e-9)
        for link in route:
            most = max(r for r, other in zip(levels, routes, strict=True) if link in other)
            full = carried[link] == pytest.approx(capacities[link], rel=1e-9)
            held = held or (full and level >= most * (1 - 1e-9))
        assert held


def test_a_flow_alone_takes_the_slowest_of_its_links() -> None:
    def route(env: simpy.Environment) -> Resource:
        return FairNetwork(env, [4.0, 2.0, 8.0]).route([0, 1, 2])

    assert ends(route, [(1.0, 6.0, 100.0)]) == pytest.approx([4.0])
    assert ends(route, [(1.0, 6.0, 1.0)]) == pytest.approx([7.0])


def test_a_slow_flow_keeps_its_rate_and_leaves_the_rest() -> None:
    """On a link of 3, one capped at 0.5 goes on at that rate, and two others get 1.25 each."""
    found = ends(
        lambda env: FairShare(env, 3.0), [(0.0, 2.0, 0.5), (0.0, 2.5, 9.0), (0.0, 2.5, 9.0)]
    )
    assert found == pytest.approx([4.0, 2.0, 2.0])


def test_caps_that_are_the_level_up_to_rounding() -> None:
    """A thousand flows capped at a thousandth, which come and go, fill the link exactly."""
    capacity, count = 0.7, 1000
    cap = capacity / count
    asked = [(0.01 * (k % 7), cap * (1 + k % 3), cap) for k in range(2 * count)]
    fast = ends(lambda env: FairShare(env, capacity), asked)
    plain = ends(lambda env: FairNetwork(env, [capacity]).route([0]), asked)
    assert fast == pytest.approx(plain, rel=1e-7)
