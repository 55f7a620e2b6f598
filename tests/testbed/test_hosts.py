"""Emulated hosts, and a calibration over them. Needs root: CI has it, and says so where not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scale.calibrate.campaign import Machines, Progress, calibrate
from scale.calibrate.plan import Plan
from scale.models.calibration import Cell, select
from scale.models.workload import named_workload
from tests.testbed.hosts import hosts, unavailable

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(bool(unavailable()), reason=f"NOT TESTED: {unavailable()}"),
]

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


def namespaces() -> set[str]:
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    return {line.split()[0] for line in listed.stdout.splitlines() if line.strip()}


def command(namespace: str, *arguments: str) -> list[str]:
    return ["ip", "netns", "exec", namespace, sys.executable, "-c", TRANSFER, *arguments]


def test_a_link_passes_its_rate() -> None:
    """Plain TCP over 100 Mbit/s: headers take 5 %, and no more than the rate gets through."""
    size = str(8 << 20)
    with (
        hosts(2, rate_mbit=100) as (first, second),
        subprocess.Popen(
            command(first.namespace, "sink", first.address, size),
            stdout=subprocess.PIPE,
            text=True,
        ) as sink,
    ):
        assert sink.stdout is not None
        assert sink.stdout.readline() == "ready\n"
        source = command(second.namespace, "source", first.address, size)
        subprocess.run(source, check=True, timeout=60)
        rate = float(sink.stdout.readline())
    assert 0.88 * 12.5e6 < rate < 1.02 * 12.5e6


def fail_among_hosts(before: set[str]) -> None:
    with hosts(2, rate_mbit=10):
        assert len(namespaces() - before) == 3
        raise RuntimeError("on purpose")


def test_hosts_are_gone_afterwards_even_after_an_error() -> None:
    before = namespaces()
    with pytest.raises(RuntimeError, match="on purpose"):
        fail_among_hosts(before)
    assert namespaces() == before


def test_tasks_on_hosts_of_their_own_are_held_up_by_the_wire(tmp_path: Path) -> None:
    """Fetching 1 MiB over 200 Mbit/s takes 42 ms of wire; two workers share the ps's link."""
    size, wire_s = 2**20, 2**20 * 8 / 200e6
    cells = (Cell("fetch", "ps", size), Cell("fetch", "ps", size, workers=2))
    plan = Plan(named_workload("gemm:2,2"), cells, 1, 1.5, 2.0, 100, seed=1)

    def quiet(_: Progress) -> None:
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
            sorted(burst.samples_s)[len(burst.samples_s) // 2]
            for burst in select(made.bursts, quantity="fetch", path="ps", workers=count)
        ]
        for count in (1, 2)
    )
    assert 0.95 * wire_s < alone[0] < 1.4 * wire_s
    assert all(1.7 * alone[0] < seconds < 2.4 * alone[0] for seconds in together)
