"""Emulated hosts, and a calibration over them. Needs root: CI has it, and says so where not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nworkers.calibrate.campaigns.campaign import CampaignProgress, Machines, calibrate
from nworkers.calibrate.campaigns.plan import MeasurementPlan
from nworkers.models.records.calibration import Cell, select
from nworkers.models.records.workload import named_workload
from tests.testbed import iperf
from tests.testbed.hosts import Host, hosts, unavailable
from tests.testbed.namespaces import NAMED, HostsFailed

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(bool(unavailable()), reason=f"NOT TESTED: {unavailable()}"),
]
#: A link is never faster than its rate. How much slower it may seem is the machine's other work: an
#: iperf3 that shares two cores with others has got 0.6 of it. `make calibration` has the figures of
#: a quiet machine, which are within 3 %.
BUSY = 0.4

TRANSFER = """
import socket, sys, threading, time
role, address, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
if role == "sink":
    with socket.create_server((address, 7000)) as server:
        print("ready", flush=True)
        connection, _ = server.accept()
        with connection:
            first = connection.recv(1 << 16)
            began, left = time.perf_counter(), size - len(first)
            while left > 0:
                left -= len(connection.recv(1 << 16))
            print((size - len(first)) / (time.perf_counter() - began), flush=True)
else:
    with socket.create_connection((address, 7000)) as connection:
        connection.sendall(bytes(size))
"""


def own_namespaces() -> set[str]:
    """Others may bring up hosts on this machine at the same time."""
    return {path.name for path in NAMED.glob(f"scale{os.getpid()}*")}


def transfer_bytes_per_s(server: Host, client: Host, size: int) -> float:
    """What plain TCP got through, by our own clock."""
    program = [sys.executable, "-c", TRANSFER]
    with server.popen(
        [*program, "sink", server.address, str(size)], stdout=subprocess.PIPE
    ) as sink:
        assert sink.stdout is not None
        assert sink.stdout.readline() == "ready\n"
        client.run([*program, "source", server.address, str(size)], timeout=60)
        return float(sink.stdout.readline())


@pytest.mark.timed
@pytest.mark.parametrize("delay_ms", [0, 2])
def test_a_link_passes_its_rate(delay_ms: float) -> None:
    """Plain TCP over 100 Mbit/s: headers take 5 %, and no more than the rate gets through."""
    with hosts(2, rate_mbit=100, delay_ms=delay_ms) as (first, second):
        rates = [transfer_bytes_per_s(first, second, 4 << 20) for _ in range(4)]
    assert BUSY * 12.5e6 < max(rates) < 1.02 * 12.5e6


@pytest.mark.timed
@pytest.mark.parametrize("delay_ms", [0, 2])
def test_each_host_has_its_own_rate_in_both_directions(delay_ms: float) -> None:
    with hosts(2, rate_mbit=[400, 40], delay_ms=delay_ms) as (fast, slow):
        up = max(transfer_bytes_per_s(fast, slow, 1 << 20) for _ in range(3))
        down = max(transfer_bytes_per_s(slow, fast, 1 << 20) for _ in range(3))
    assert BUSY * 5e6 < up < 1.02 * 5e6
    assert BUSY * 5e6 < down < 1.02 * 5e6


@pytest.mark.skipif(bool(iperf.unavailable()), reason=f"NOT TESTED: {iperf.unavailable()}")
@pytest.mark.timed
def test_iperf_measures_the_rate_of_a_link() -> None:
    with hosts(2, rate_mbit=200, delay_ms=2) as (first, second):
        assert BUSY * 200 < iperf.iperf_mbit(first, second, 1) < 1.02 * 200


@pytest.mark.skipif(bool(iperf.unavailable()), reason=f"NOT TESTED: {iperf.unavailable()}")
def test_iperf_that_reaches_nobody_is_reported() -> None:
    with (
        hosts(2, rate_mbit=200) as (first, second),
        second.unreachable(),
        pytest.raises(HostsFailed, match=r"iperf3: .*No route to host"),
    ):
        iperf.iperf_mbit(first, second, 1)


@pytest.mark.parametrize(
    ("count", "rate_mbit", "delay_ms", "complaint"),
    [
        (0, 100, 0, "from 1 to 200 hosts, not 0"),
        (201, 100, 0, "from 1 to 200 hosts, not 201"),
        (2, 0, 0, "a rate is more than 0 Mbit/s, not 0"),
        (2, [100, float("nan")], 0, "a rate is more than 0 Mbit/s, not nan"),
        (2, [100], 0, "1 rates for 2 hosts; give one for all or one each"),
        (2, 100, -1, "a delay is 0 ms or more, not -1"),
    ],
)
def test_bad_arguments_are_refused(
    count: int, rate_mbit: float | list[float], delay_ms: float, complaint: str
) -> None:
    with (
        pytest.raises(ValueError, match=complaint),
        hosts(count, rate_mbit=rate_mbit, delay_ms=delay_ms),
    ):
        """Not reached."""


def fail_among_hosts(delay_ms: float) -> None:
    with hosts(2, rate_mbit=10, delay_ms=delay_ms):
        assert len(own_namespaces()) == 3
        raise RuntimeError("on purpose")


@pytest.mark.parametrize("delay_ms", [0, 2])
def test_hosts_are_gone_afterwards_even_after_an_error(delay_ms: float) -> None:
    with pytest.raises(RuntimeError, match="on purpose"):
        fail_among_hosts(delay_ms)
    assert own_namespaces() == set()


def test_what_runs_on_a_host_ends_with_it() -> None:
    with hosts(1, rate_mbit=10) as (host,):
        process = host.popen(["sh", "-c", "echo up; exec sleep 60"], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
    with process:
        assert process.wait(5) == -signal.SIGKILL


def test_commands_run_on_their_host() -> None:
    with hosts(1, rate_mbit=10) as (host,):
        done = host.run(["ip", "-brief", "addr"], capture_output=True)
        assert done.returncode == 0
        assert f"{host.address}/24" in done.stdout
        assert "127.0.0.1/8" in done.stdout
        assert host.run(["false"]).returncode == 1


@pytest.mark.timed
def test_tasks_on_hosts_of_their_own_are_held_up_by_the_wire(tmp_path: Path) -> None:
    """Fetching 1 MiB over 200 Mbit/s takes 42 ms of wire; two workers share the ps's link.

    Nothing is faster than the wire, however busy the machine: of two workers each takes half of it.
    """
    size, wire_s = 2**20, 2**20 * 8 / 200e6
    cells = (Cell("fetch", "ps", size), Cell("fetch", "ps", size, workers=2))
    kinds = ((5, 2**18), (2, 2**18), (2, 2**28))
    plan = MeasurementPlan(
        named_workload("gemm:2,2"), cells, 1, 1.5, 2.0, 100, seed=1, crowds=kinds
    )

    def quiet(_: CampaignProgress) -> None:
        """No news wanted."""

    with hosts(3, rate_mbit=200) as (ps, *workers):
        machines = Machines(
            ps=(ps.site,),
            workers=tuple(worker.site for worker in workers),
            link_kind="network",
            evidence="emulated hosts",
        )
        made = calibrate(plan, logs=tmp_path, progress=quiet, machines=machines)
    alone, together = (
        [
            sum(burst.samples_s) / len(burst.samples_s)
            for burst in select(made.bursts, quantity="fetch", path="ps", workers=count)
        ]
        for count in (1, 2)
    )
    assert 0.95 < alone[0] / wire_s < 1 / BUSY
    # The rate that the two reach together.
    assert 0.95 < 1 / sum(wire_s / seconds for seconds in together) < 1 / BUSY
    # Five connections of two workers; what would take 21 s is left out.
    assert [(crowd.flows, crowd.size_bytes) for crowd in made.crowds] == [(2, 2**18), (5, 2**18)]
    for crowd in made.crowds:
        assert len(crowd.ends_s) >= 3
        for ends_s in crowd.ends_s:
            assert len(ends_s) == crowd.flows
            assert 0.95 < max(ends_s) / (wire_s * crowd.flows / 4) < 1 / BUSY
