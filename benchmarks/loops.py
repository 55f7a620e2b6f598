"""How TCP serves workers that fetch, wait and push on their own, beside what the simulator says.

    python -m benchmarks.loops               # as root, on a quiet machine, eight minutes
    python -m benchmarks.loops again         # simulates anew what was measured

Nothing but sockets: each worker has a host and two connections to the parameter server's, as
TensorFlow has them, one for fetches and one for pushes. Written to docs/shares.md.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.page import ROOT, table
from benchmarks.shares import PAGE, started
from nworkers.models.costs.two_way import SEEN, TwoWayTraffic
from nworkers.models.records.profile import Noise
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import named_workload
from nworkers.simulator.engine.engines import DEFAULT
from nworkers.simulator.step.demand import layout
from nworkers.simulator.step.run_spec import run_spec
from nworkers.simulator.step.variates import DrawnVariates
from tests.support.costs import costs
from tests.testbed.hosts import hosts

WORKERS = (2, 3, 5, 8)
#: Mbit/s, bytes each way, seconds of waiting.
JOBS = (
    (20, 500_000, 0.03),
    (50, 1_000_000, 0.06),
    (100, 600_000, 0.02),
    (200, 2_200_000, 0.03),
    (200, 5_000_000, 0.02),
    (500, 2_000_000, 0.01),
)
CYCLES, LEAST_S, MOST_S = 10, 2.5, 9.0
#: Of a link's rate, what is left beside headers (1448 of 1514 bytes); between two cycles.
PAYLOAD, GAP_S = 0.957, 0.003
FIRST_PORT = 6000
_FORK = get_context("fork")


@dataclass(frozen=True)
class Loops:
    """What was measured: ``cycle_s`` is the mean of all workers', after a quarter of the time."""

    rate_mbit: int
    size_bytes: int
    wait_s: float
    workers: int
    cycle_s: float


def main(again: bool) -> None:
    kept = ROOT / "benchmarks" / "data" / "shares.json"
    measured = (
        [Loops(**row) for row in json.loads(kept.read_text())["loops"]["measured"]]
        if again
        else [_measured(*job, workers) for job in JOBS for workers in WORKERS]
    )
    plain = TwoWayTraffic(0.0, 0.0)
    head = ("Mbit/s", "each way", "wait", "workers", "cycle", "simulated", "with equal shares")
    lines, errors, others = [], [], []
    for loops in measured:
        error, other = (_simulated_s(loops, by) / loops.cycle_s - 1.0 for by in (SEEN, plain))
        errors.append(error)
        others.append(other)
        lines.append(
            (
                str(loops.rate_mbit),
                f"{loops.size_bytes / 1e6:g} MB",
                f"{1e3 * loops.wait_s:g} ms",
                str(loops.workers),
                f"{1e3 * loops.cycle_s:.0f} ms",
                f"{100 * error:+.0f} %",
                f"{100 * other:+.0f} %",
            )
        )
    text = (
        "Workers fetch, wait and push, over and over, each on its own. All begin at once, and a "
        "quarter of the time does not count. *Simulated* is the error of the simulator's cycle, "
        "with the two figures of `models/costs/two_way.py`. "
        "The last column is its error with equal shares and without loss. "
        f"In the median {_median(errors)} and {_median(others)}.\n\n" + table(head, lines)
    )
    data = {"measured": [asdict(loops) for loops in measured]}
    PAGE.publish("loops", "Transfers that begin as they like", text, data)


def _median(errors: list[float]) -> str:
    return f"{100 * float(np.median(np.abs(errors))):.0f} %"


def _seconds(loops: Loops) -> float:
    """How long loops are measured: some cycles, as long as they take if the link is full."""
    alone_s = 8e-6 * loops.size_bytes / loops.rate_mbit
    cycle_s = max(2.0 * alone_s + loops.wait_s, 1.3 * loops.workers * alone_s)
    return min(MOST_S, max(LEAST_S, CYCLES * cycle_s))


def _simulated_s(loops: Loops, by: TwoWayTraffic) -> float:
    shared = PAYLOAD * loops.rate_mbit / 8 * 1e6
    step = costs(
        dispatch_s=GAP_S,
        transfer_s=loops.size_bytes / shared,
        compute_s=loops.wait_s,
        size_bytes=loops.size_bytes,
        shared=shared,
    )
    scenario = Scenario(
        named_workload("gemm:8,8"), loops.workers, batch=1, workers_per_host=1, ps_placement="own"
    )
    of = layout(scenario, discipline="fair", loopback=False)
    # As it was measured: all begin at once, and the first quarter of the cycles does not count.
    cycles = _seconds(loops) / loops.cycle_s
    warmup, steps = int(cycles / 4), max(2, round(0.75 * cycles))
    found = []
    for replication in range(16):
        chance = DrawnVariates(Noise({}, ({},)), 1, replication, {}, [0.0] * loops.workers)
        spec = run_spec(replace(step, two_way=by), of, chance, warmup=warmup, steps=steps)
        found.append(DEFAULT(spec).step_time_s)
    return float(np.mean(found))


def _measured(rate_mbit: int, size_bytes: int, wait_s: float, workers: int) -> Loops:
    seconds = _seconds(Loops(rate_mbit, size_bytes, wait_s, workers, 0.0))
    with hosts(1 + workers, rate_mbit=rate_mbit) as (ps, *others):
        begin, ended = _FORK.Barrier(workers), _FORK.SimpleQueue()
        tasks = []
        for place, host in enumerate(others):
            port = FIRST_PORT + 2 * place
            for push in (False, True):
                ready = _FORK.Event()
                tasks.append(started(ps, partial(_serve, port + push, size_bytes, push, ready)))
                ready.wait(10.0)
            at = (ps.address, port)
            tasks.append(
                started(host, partial(_loop, at, size_bytes, wait_s, seconds, begin, ended))
            )
        cycles = [ended.get() for _ in others]
        for task in tasks:
            task.kill()
            task.join()
    cycle_s = float(np.mean([np.mean(np.diff(found[len(found) // 4 :])) for found in cycles]))
    print(rate_mbit, size_bytes, wait_s, workers, f"{1e3 * cycle_s:.0f} ms", file=sys.stderr)
    return Loops(rate_mbit, size_bytes, wait_s, workers, cycle_s)


def _serve(port: int, size_bytes: int, push: bool, ready: Any) -> None:
    content = bytes(size_bytes)
    with socket.create_server(("", port)) as server:
        ready.set()
        connection, _ = server.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if push:
        while _received(connection, size_bytes):
            connection.sendall(b".")
    else:
        while connection.recv(1):
            connection.sendall(content)


def _received(connection: socket.socket, size_bytes: int) -> bool:
    """Whether all came before the other side ended."""
    room = bytearray(2**18)
    while size_bytes > 0:
        got = connection.recv_into(room)
        if not got:
            return False
        size_bytes -= got
    return True


def _loop(
    at: tuple[str, int], size_bytes: int, wait_s: float, seconds: float, begin: Any, ended: Any
) -> None:
    content, began_s = bytes(size_bytes), []
    host, port = at
    with (
        socket.create_connection((host, port)) as fetches,
        socket.create_connection((host, port + 1)) as pushes,
    ):
        for connection in (fetches, pushes):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begin.wait()
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            began_s.append(time.perf_counter())
            fetches.sendall(b"?")
            _received(fetches, size_bytes)
            time.sleep(wait_s)
            pushes.sendall(content)
            pushes.recv(1)
            time.sleep(GAP_S)
    ended.put(began_s)


if __name__ == "__main__":
    main("again" in sys.argv[1:])
