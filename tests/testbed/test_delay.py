"""Delay between hosts, cables that are pulled, and a forwarder that dies. Needs root."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.testbed.hosts import Delay, Host, Network, bring_up, hosts, unavailable
from tests.testbed.namespaces import HostsFailed
from tests.testbed.switch import has_netem

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(bool(unavailable()), reason=f"NOT TESTED: {unavailable()}"),
]

ECHO = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
    ours.bind((sys.argv[1], 7001))
    print("ready", flush=True)
    while True:
        ours.sendto(*ours.recvfrom(2048))
"""

PING = """
import json, socket, sys, time
address, count, patience_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
taken_s = []
for _ in range(count):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.connect((address, 7001))
        ours.settimeout(patience_s)
        began = time.perf_counter()
        try:
            ours.send(b"x")
            ours.recv(16)
        except OSError:
            continue
        taken_s.append(time.perf_counter() - began)
    time.sleep(0.002)
print(json.dumps(taken_s))
"""


@contextmanager
def echoing(host: Host) -> Iterator[None]:
    with host.popen([sys.executable, "-c", ECHO, host.address], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            process.kill()


def round_trips_ms(source: Host, target: Host, count: int, patience_s: float = 2.0) -> list[float]:
    """Of the datagrams that came back, sorted."""
    words = [sys.executable, "-c", PING, target.address, str(count), str(patience_s)]
    done = source.run(words, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return sorted(1e3 * seconds for seconds in json.loads(done.stdout))


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
