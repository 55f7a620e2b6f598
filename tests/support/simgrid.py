"""SimGrid, a general simulator of distributed systems, as a peer.

``run`` takes a training job to SimGrid (`simgrid.cpp`), which shares links max-min fairly;
``by_scale`` takes it to this package's simulator, with the very same compute times.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np

from nworkers.models.base.statistics import Floats
from nworkers.models.costs.all_reduce import all_reduce
from nworkers.models.costs.phase import Phase
from nworkers.models.records.profile import Collective, Parameter
from nworkers.simulator.engine.base import Engine
from nworkers.simulator.step.variates import Given
from tests.support.costs import costs
from tests.support.factories import parameter, profile
from tests.support.runs import EVENTS, trained

ROOT = Path(__file__).parents[2]
SOURCE = Path(__file__).with_name("simgrid.cpp")
BUILT = ROOT / "build" / "simgrid" / "training"
HEADER = Path("/usr/include/simgrid/s4u.hpp")
INSTALL = "apt-get install libsimgrid-dev g++"

Mode = Literal["async", "sync", "ring"]
#: scale's name for each.
STRATEGIES: dict[Mode, str] = {"async": "ps-async", "sync": "ps-sync", "ring": "allreduce"}


class PeerFailed(Exception):
    """SimGrid cannot be had here, or refused its input."""


@dataclass(frozen=True)
class Job:
    """Training in which every task has a host of its own.

    Each worker takes ``compute_s[worker, step]`` seconds to compute, and begins anew with the first
    when all are taken, until the last worker has taken its steps. A message takes ``latency_s``,
    and its bytes share the full-duplex links of both hosts, of ``bandwidth_bytes_per_s`` in each
    direction. ``shards_bytes`` has the variables of each ps; under ``ring``, all that is reduced.
    ``starts_s`` is when each worker begins; all at 0 unless told.
    """

    mode: Mode
    shards_bytes: tuple[int, ...]
    compute_s: Floats
    bandwidth_bytes_per_s: float
    latency_s: float
    starts_s: tuple[float, ...] = ()

    @property
    def workers(self) -> int:
        return len(self.compute_s)

    @property
    def steps(self) -> int:
        return int(self.compute_s.shape[1])

    @property
    def ps(self) -> int:
        return 0 if self.mode == "ring" else len(self.shards_bytes)


@dataclass(frozen=True)
class Run:
    """When each step ended, [worker, step], and how long the simulation itself took."""

    ends_s: Floats
    wall_s: float


@dataclass(frozen=True)
class Flow:
    """Bytes from one host to another; hosts are numbers from 0."""

    start_s: float
    source: int
    destination: int
    size_bytes: int


def unavailable() -> str:
    """Why SimGrid cannot be had here; "" if it can."""
    missing = [] if shutil.which("g++") else ["g++"]
    missing += [] if HEADER.exists() else ["libsimgrid-dev"]
    return f"{' and '.join(missing)} missing: {INSTALL}" if missing else ""


def compile() -> Path:
    """The program, built unless it is newer than its source.

    Raises:
        PeerFailed: there is no compiler or no SimGrid, or the compiler failed.
    """
    if BUILT.exists() and BUILT.stat().st_mtime > SOURCE.stat().st_mtime:
        return BUILT
    if missing := unavailable():
        raise PeerFailed(missing)
    BUILT.parent.mkdir(parents=True, exist_ok=True)
    # Built beside and moved, so that nobody runs half a program.
    with tempfile.TemporaryDirectory(dir=BUILT.parent) as folder:
        built = Path(folder) / BUILT.name
        command = ["g++", "-O2", "-std=c++17", str(SOURCE), "-lsimgrid", "-o", str(built)]
        compiled = subprocess.run(command, capture_output=True, text=True, check=False)
        if compiled.returncode:
            raise PeerFailed(compiled.stderr)
        os.replace(built, BUILT)
    return BUILT


def _simulate(words: Iterable[object]) -> list[list[float]]:
    """What the program answers, line by line."""
    told = subprocess.run(
        [compile()],
        input=" ".join(map(str, words)),
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        raise PeerFailed(told.stderr)
    return [[float(word) for word in line.split()] for line in told.stdout.splitlines()]


def run(job: Job) -> Run:
    """Train on SimGrid.

    Raises:
        PeerFailed
    """
    (wall_s,), *ends_s = _simulate(
        chain(
            (job.mode, job.workers, job.ps, job.steps, job.bandwidth_bytes_per_s, job.latency_s),
            job.shards_bytes,
            job.starts_s or (0.0,) * job.workers,
            job.compute_s.ravel().tolist(),
        )
    )
    return Run(np.array(ends_s), wall_s)


def run_flows(
    flows: Sequence[Flow], *, hosts: int, bandwidth_bytes_per_s: float, latency_s: float
) -> list[float]:
    """When each flow ends on SimGrid, in seconds.

    Raises:
        PeerFailed
    """
    _, *ends_s = _simulate(
        chain(
            ("flows", hosts, len(flows), bandwidth_bytes_per_s, latency_s),
            *((f.start_s, f.source, f.destination, f.size_bytes) for f in flows),
        )
    )
    return [end_s for (end_s,) in ends_s]


def by_scale(job: Job, engine: Engine = EVENTS) -> Run:
    """Train on an engine of this package's simulator; the only function that knows it.

    Factors multiply a compute phase of one second, so that they are the compute times themselves.
    """
    assert not any(job.starts_s), "a start is drawn there, not told"
    beta, alpha = job.bandwidth_bytes_per_s, job.latency_s
    ring: tuple[Phase, ...] = ()
    if job.mode == "ring":
        (size,) = job.shards_bytes
        links: Collective[Parameter] = Collective(
            True, parameter(alpha), parameter(beta, "B/s"), imported=True
        )
        ring = all_reduce(replace(profile(), collective=links).drawn(None), job.workers, size)
    shards = [
        costs(
            latency_s=alpha,
            transfer_s=size / beta,
            size_bytes=float(size),
            compute_s=1.0,
            shared=beta,
            collective=ring,
        )
        for size in job.shards_bytes
    ]
    step = replace(
        shards[0],
        fetch=tuple(chain.from_iterable(shard.fetch for shard in shards)),
        push=tuple(chain.from_iterable(shard.push for shard in shards)),
    )
    began_s = time.perf_counter()
    training = trained(
        step,
        job.workers,
        engine=engine,
        variates=Given({"compute": job.compute_s}),
        warmup=0,
        steps=job.steps,
        strategy=STRATEGIES[job.mode],
        ps=max(1, job.ps),
    )
    wall_s = time.perf_counter() - began_s
    return Run(training.steps_s.cumsum(axis=1), wall_s)
