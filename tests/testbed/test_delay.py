"""Delay between hosts, cables that are pulled, and a forwarder that dies. Needs root."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.testbed.echo import echoing, round_trips_ms
from tests.testbed.hosts import Delay, Network, bring_up, hosts, unavailable
from tests.testbed.namespaces import HostsFailed
from tests.testbed.switch import has_netem

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(bool(unavailable()), reason=f"NOT TESTED: {unavailable()}"),
]


@pytest.mark.timed
@pytest.mark.parametrize(
    ("delay_ms", "delay_by"),
    [(0, None), (2, "forwarder"), (10, "forwarder"), (2, "netem"), (10, "netem")],
)
def test_a_round_trip_takes_twice_the_delay(delay_ms: float, delay_by: Delay | None) -> None:
    """No datagram is early; the better half is hardly late, on a machine that has other work."""
    if delay_by == "netem":
        with hosts(1, rate_mbit=200) as (host,):
            if not has_netem(host.switch):
                pytest.skip("NOT TESTED: this kernel has no netem")
    with bring_up(3, rate_mbit=200, delay_ms=delay_ms, delay_by=delay_by) as network:
        first, second, _ = network.hosts
        with echoing(first):
            taken = round_trips_ms(second, first, 60)
    assert len(taken) == 60
    assert taken[0] > 2 * delay_ms
    assert taken[30] < 2 * delay_ms + 1.0


@pytest.mark.parametrize("delay_ms", [0, 1])
def test_a_host_without_its_cable_is_not_reached_until_it_is_plugged_in(delay_ms: float) -> None:
    with hosts(3, rate_mbit=100, delay_ms=delay_ms) as (first, second, third), echoing(first):
        assert len(round_trips_ms(second, first, 3)) == 3
        with first.unreachable():
            assert round_trips_ms(second, first, 3, patience_s=0.1) == []
            with echoing(third):
                assert len(round_trips_ms(second, third, 3)) == 3
        began = time.monotonic()
        while not round_trips_ms(second, first, 1, patience_s=0.2):
            assert time.monotonic() - began < 10.0


def end_forwarder(network: Network) -> None:
    assert network.forwarder is not None
    os.kill(network.forwarder.pid, signal.SIGKILL)
    began = time.monotonic()
    while time.monotonic() - began < 5.0:
        network.check()
        time.sleep(0.01)


def test_a_forwarder_that_dies_is_seen_by_a_check() -> None:
    with (
        pytest.raises(HostsFailed, match=r"forwarder .* ended with status -9"),
        bring_up(2, rate_mbit=100, delay_ms=1, delay_by="forwarder") as network,
    ):
        end_forwarder(network)


@pytest.mark.parametrize("consequence", [None, TimeoutError("no answer")])
def test_a_forwarder_that_died_is_told_at_the_end(consequence: Exception | None) -> None:
    """Whether or not the block noticed; its own complaint stays as the cause."""

    def use() -> None:
        with bring_up(2, rate_mbit=100, delay_ms=1, delay_by="forwarder") as network:
            with pytest.raises(HostsFailed):
                end_forwarder(network)
            if consequence is not None:
                raise consequence

    with pytest.raises(HostsFailed, match=r"forwarder .* ended with status -9") as told:
        use()
    assert told.value.__cause__ is consequence
