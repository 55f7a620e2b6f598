"""How much of a transfer's time nothing arrives: what software takes while the wire waits."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.calibration import short
from nworkers.calibrate.campaigns.cell_group import BUILD_S
from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.probes.sampling import WARMUP_CALLS, Limits
from nworkers.calibrate.training.runtime import SESSION
from nworkers.calibrate.training.tasks import TaskAddress, TaskAddresses
from nworkers.models.records.calibration import Cell
from nworkers.models.records.workload import named_workload
from tests.testbed.hosts import Host

STEPS = 8
LOOK_S = 0.0002
#: Counters that stand still for so long mean a silent wire; blocks of a shaped link come sooner.
SILENT_S = 0.001
#: Ethernet, IP and TCP with time stamps; a counter of veth has a block of packets as one.
HEADER_BYTES = 66


@dataclass(frozen=True)
class Silence:
    """Of one step: its time, the time in which nothing arrived, and bytes of TCP per tensor's."""

    quantity: Literal["fetch", "push"]
    size_bytes: int
    step_s: float
    silent_s: float
    framing: float


def silence(ps: Host, worker: Host, quantity: Literal["fetch", "push"], size_bytes: int) -> Silence:
    """Watch the receiving host's counter while one transfer follows the other."""
    cell = Cell(quantity, "ps", size_bytes)
    at = TaskAddresses((ps.site,), (worker.site,), TaskAddress())
    with (
        tempfile.TemporaryDirectory() as logs,
        running(SESSION.groups(at, ()), logs=Path(logs)) as cluster,
    ):
        workload = named_workload(short.WORKLOAD)
        cluster.call(["worker0"], "build", [cell], workload, timeout_s=BUILD_S)
        pid = cluster.pid("worker0" if quantity == "fetch" else "ps0")
        watch = _Watch(pid)
        first = _received(pid)
        with watch:
            limits = Limits(precision=0.0, max_samples=STEPS, budget_s=0.0, exactly=STEPS)
            ((taken, _),) = cluster.call(["worker0"], "burst", 0, limits)
        last = _received(pid)
    steps = STEPS + WARMUP_CALLS
    payload = (last[0] - first[0]) - HEADER_BYTES * (last[1] - first[1])
    step_s = float(np.median(taken.samples_s))
    total_s = sum(taken.warmup_s) + sum(taken.samples_s)
    return Silence(
        quantity,
        size_bytes,
        step_s,
        watch.silent_s() / total_s * step_s,
        payload / steps / size_bytes,
    )


class _Watch:
    """Looks at a host's counter as often as it can, for the length of a block."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._seen: list[tuple[float, int]] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.is_set():
            self._seen.append((time.perf_counter(), _received(self._pid)[0]))
            time.sleep(LOOK_S)

    def silent_s(self) -> float:
        """Seconds of standing counters; where we looked too late to tell, bytes arrived."""
        return silent_s(self._seen)


def silent_s(seen: Sequence[tuple[float, int]]) -> float:
    """Seconds that a counter stood still, in stretches of ``SILENT_S`` at least."""
    total_s, began_s = 0.0, seen[0][0]
    for (then_s, before), (now_s, now) in pairwise(seen):
        if now > before:
            total_s += then_s - began_s if then_s - began_s >= SILENT_S else 0.0
            began_s = now_s
    return total_s


def _received(pid: int) -> tuple[int, int]:
    """Bytes and packets that the interface of a process's host has received."""
    for line in Path(f"/proc/{pid}/net/dev").read_text().splitlines():
        name, _, counts = line.partition(":")
        if name.strip() == "eth0":
            values = counts.split()
            return int(values[0]), int(values[1])
    raise RuntimeError(f"process {pid} has no eth0")
