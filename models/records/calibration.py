"""Calibration: every raw sample that was taken on the hardware, and where it was taken."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from nworkers.models.base.allowed import Ge, Gt, Le, MinLen
from nworkers.models.records.environment_facts import fact_value
from nworkers.models.records.profile import Profile
from nworkers.models.records.workload import Workload

#: What one call of a cell does:
#:
#: - ``noop``: nothing; on path ``coordinator`` an empty scheduled function: one for each worker,
#:   scheduled at once and waited for, so that the time grows by the coordinator's serial cost. On a
#:   GPU one number of its memory is brought back to the host, which every other cell there ends
#:   with, but for pushes: these end with their own bytes.
#: - ``gemm``: one matrix product; ``fetch_gemm``: one whose weights come from the ps.
#: - ``fetch``, ``push``: variables from the ps, gradients to it (with their apply).
#: - ``exchange``: both at once, independent of each other; ``fetch_push``: a push that waits for
#:   the fetch, as a training step's does.
#: - ``apply``: an optimiser's update on the ps, of a gradient that lies there already.
#: - ``step``: a whole training step; ``gradient``: its gradients, without the apply.
#: - ``allreduce``: a sum over the workers, on all of them.
#: - ``to_python``: a tensor of this process brought into Python as a numpy array.
#: - ``copy_in``, ``copy_out``: host memory to the device and back.
#:
#: On a GPU ``fetch`` and ``push`` go into its memory and out of it; what a ps holds is on that
#: task's processor.
#: - ``input``: one batch of the input pipeline.
#: - ``soak``: a large fetch again and again, for minutes.
Quantity = Literal[
    "noop",
    "gemm",
    "fetch",
    "fetch_gemm",
    "push",
    "exchange",
    "fetch_push",
    "apply",
    "step",
    "gradient",
    "allreduce",
    "to_python",
    "copy_in",
    "copy_out",
    "input",
    "soak",
]
#: What runs a cell: a session of a process without any cluster; of a worker's own server with
#: nothing on the ps, or with a part of the graph there; collectives between the workers' servers;
#: ParameterServerStrategy's coordinator; MultiWorkerMirroredStrategy.
Executor = Literal["process", "server", "ps", "collective", "coordinator", "mirrored"]
#: Of a cell that updates; empty of the others.
CellOptimizer = Literal["", "sgd", "momentum", "adam"]
Stop = Literal["precision", "samples", "time", "window", "count"]
Seconds = Annotated[float, Gt(0), Le(1e6)]


@dataclass(frozen=True)
class Cell:
    """One thing that is measured; what does not apply stays at its default.

    ``workers`` is how many workers run the cell at once; ``size_bytes`` is what one step moves, in
    all its ``tensors``, which are spread over ``ps`` tasks; ``flows`` is the number of connections
    between two hosts that carry it; ``features, batch, hidden`` shape the product
    [batch×features]·[features×hidden]; ``idle_s`` is a pause before each step, outside its time;
    ``overlap_bytes`` is an all-reduce in flight while the cell runs, or on path ``process`` a copy
    into the GPU; ``device`` is ``""`` for the processor, else ``gpu``, which is the first of the
    worker's host; only in an all-reduce each worker has one of its own.
    """

    quantity: Quantity
    path: Executor
    size_bytes: Annotated[int, Ge(0)] = 0
    tensors: Annotated[int, Ge(1)] = 1
    workers: Annotated[int, Ge(1)] = 1
    features: Annotated[int, Ge(0)] = 0
    batch: Annotated[int, Ge(0)] = 0
    hidden: Annotated[int, Ge(0)] = 0
    idle_s: Annotated[float, Ge(0), Le(1)] = 0.0
    ps: Annotated[int, Ge(1)] = 1
    flows: Annotated[int, Ge(1)] = 1
    optimizer: CellOptimizer = ""
    overlap_bytes: Annotated[int, Ge(0)] = 0
    device: Literal["", "gpu"] = ""

    @property
    def built(self) -> Cell:
        """The cell that is built for it: alone or beside others, a worker's session runs it."""
        return replace(self, workers=1) if self.path in ("server", "ps") else self

    @property
    def flops(self) -> float:
        """2·m·k·n of one matrix product."""
        return 2.0 * self.features * self.batch * self.hidden

    @property
    def plain(self) -> bool:
        """One ps, one connection, one kind of update, a processor, and nothing beside it."""
        special = (self.ps, self.flows, self.optimizer, self.overlap_bytes, self.device)
        return special == (1, 1, "", 0, "")

    @property
    def id(self) -> str:
        """Seeds the random numbers of its bursts, and never changes."""
        parts: list[str] = [self.quantity, self.path]
        if self.hidden:
            parts.append(f"{self.features}/{self.batch}/{self.hidden}")
        elif self.batch:
            parts.append(f"batch {self.batch}")
        if self.size_bytes and not self.hidden:
            parts.append(f"{self.size_bytes} B")
        if self.tensors > 1:
            parts.append(f"{self.tensors} tensors")
        if self.ps > 1:
            parts.append(f"{self.ps} ps")
        if self.flows > 1:
            parts.append(f"{self.flows} flows")
        if self.overlap_bytes:
            beside = "a copy" if self.path == "process" else "an all-reduce"
            parts.append(f"beside {beside} of {self.overlap_bytes} B")
        if self.workers > 1:
            parts.append(f"{self.workers} workers")
        if self.idle_s and self.path == "server":
            parts.append(f"after {1e3 * self.idle_s:g} ms")
        parts += [word for word in (self.optimizer, self.device) if word]
        return " ".join(parts)

    @property
    def name(self) -> str:
        """What readers see."""
        return self.id


@dataclass(frozen=True)
class Processor:
    """Processor seconds that a burst of ``operations`` took, all workers together.

    ``host_s`` is what the whole host spent busy, so that it holds the kernel's work, which is in
    no task's count. ``chief_s`` is the coordinator's own on path ``coordinator``.
    """

    operations: Annotated[int, Gt(0)]
    worker_s: Annotated[float, Ge(0)]
    ps_s: Annotated[float, Ge(0)]
    host_s: Annotated[float, Ge(0)]
    wall_s: Seconds
    chief_s: Annotated[float, Ge(0)] = 0.0


@dataclass(frozen=True)
class Burst:
    """The samples of one cell by one worker in one round, in the order in which they were taken."""

    cell: Cell
    round: Annotated[int, Ge(0)]
    worker: Annotated[int, Ge(0)]
    cold_s: Seconds
    warmup_s: tuple[Seconds, ...]
    samples_s: Annotated[tuple[Seconds, ...], MinLen(1)]
    outliers: tuple[int, ...]
    stop: Stop
    processor: Processor | None = None


@dataclass(frozen=True)
class Skipped:
    """A cell that could not be measured, and why."""

    cell: Cell
    reason: str


@dataclass(frozen=True)
class Memory:
    """What training takes of a device's memory: ``floor_bytes + per_sample_bytes · batch``.

    ``floor_bytes`` is beyond what the process held before it built anything, and
    ``available_bytes`` what was free then. ``largest_batch`` is the largest per-worker batch that
    fits; ``extrapolated`` where it was computed from the line instead of run.
    """

    floor_bytes: Annotated[float, Ge(0)]
    per_sample_bytes: Annotated[float, Ge(0)]
    available_bytes: Annotated[int, Gt(0)]
    largest_batch: Annotated[int, Ge(0)]
    extrapolated: bool


@dataclass(frozen=True)
class ConcurrentFlows:
    """Transfers of ``size_bytes`` each that one ps sent over ``flows`` connections, all at once.

    ``ends_s`` is [round][flow], seconds since the common beginning; plain sockets, no TensorFlow.
    """

    flows: Annotated[int, Ge(2)]
    size_bytes: Annotated[int, Gt(0)]
    ends_s: Annotated[tuple[Annotated[tuple[Seconds, ...], MinLen(2)], ...], MinLen(1)]


@dataclass(frozen=True)
class Environment:
    """Facts from an allow-list; the process environment is never dumped.

    ``facts`` maps a name such as ``cpu_model`` to its value, as text.
    """

    measured_at: str
    hardware: str
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def stolen_share(self) -> float:
        """Of the cores' time, what a hypervisor gave to others meanwhile; 0 where not known."""
        return fact_value(self.facts, "stolen_share") or 0.0


@dataclass(frozen=True)
class TaskHost:
    """Where one task of a cluster ran; tasks of equal ``host`` shared a machine. No addresses."""

    task: str
    host: Annotated[int, Ge(0)]
    cores: Annotated[float, Gt(0)]
    environment: Environment


@dataclass(frozen=True)
class Neighbour:
    """Another process that was busy during a round; ``share`` is of one core, over the round.

    ``comm`` is what the kernel calls it: no arguments, no user.
    """

    round: Annotated[int, Ge(0)]
    comm: str
    share: Annotated[float, Ge(0)]


@dataclass(frozen=True)
class Planned:
    """What a calibration set out to measure, so that another run can go on with it.

    ``options`` maps an option of the command that decides what is measured to its text; every cell
    is measured once in each of ``rounds``. ``only`` names the quantities, all where it is empty.
    """

    options: dict[str, str]
    rounds: Annotated[int, Ge(1)]
    cells: tuple[Cell, ...]
    only: tuple[Quantity, ...] = ()


@dataclass(frozen=True)
class Calibration:
    """What ``scale calibrate`` writes: samples, environment and the profile fitted to them.

    ``threads`` is the size chosen for TensorFlow's pools, None for its default; ``pipeline`` the
    ``module:function`` whose input was measured.
    ``environment`` is the first run's; ``resumed`` holds that of each run that went on with it.
    ``crowds`` were measured once, where there is a network between the tasks.
    ``complete`` says that every planned cell was measured in every round, ``stopped`` why not.
    ``memory`` is of a training step on the processor, ``gpu_memory`` of one on a GPU; ``gpus`` is
    how many the first worker's host has, 0 where cells of the processor alone were measured.
    ``memory_skipped`` says why that of a device (``cpu``, ``gpu``) could not be measured.
    """

    environment: Environment
    link_kind: Literal["loopback", "network"]
    evidence: Literal["one host", "emulated hosts", "cluster"]
    cores: Annotated[float, Gt(0)]
    ps: Annotated[int, Ge(0)]
    workers: Annotated[int, Gt(0)]
    rounds: Annotated[int, Ge(0)]
    complete: bool
    workload: Workload
    bursts: tuple[Burst, ...]
    skipped: tuple[Skipped, ...] = ()
    profile: Profile | None = None
    tasks: tuple[TaskHost, ...] = ()
    memory: Memory | None = None
    crowds: tuple[ConcurrentFlows, ...] = ()
    threads: Annotated[int, Gt(0)] | None = None
    pipeline: str = ""
    planned: Planned | None = None
    stopped: str = ""
    neighbours: tuple[Neighbour, ...] = ()
    resumed: tuple[Environment, ...] = ()
    gpu_memory: Memory | None = None
    gpus: Annotated[int, Ge(0)] = 0
    memory_skipped: dict[str, str] = field(default_factory=dict)

    @property
    def batch(self) -> int | None:
        """The batch that the training step was measured around, where the file tells it."""
        text = self.planned.options.get("batch", "") if self.planned else ""
        return int(text) if text.isdecimal() else None

    @property
    def worker_hosts(self) -> tuple[int, ...]:
        """The host of each worker, numbered from 0; empty where no task told."""
        return tuple(t.host for t in self.tasks if t.task.startswith("worker"))


def as_calibrated(profile: Profile, calibration: Calibration) -> Profile:
    """A profile with what its calibration tells beside samples: its batch, and memory.

    That is of the smallest host, and of a sample. Profiles that were fitted by an earlier version
    know none of it.
    """
    environments = [task.environment for task in calibration.tasks] or [calibration.environment]
    told_kib = [fact_value(found.facts, "memory_total") for found in environments]
    known = [1024.0 * kib for kib in told_kib if kib]
    measured = calibration.memory
    workloads = tuple(
        replace(of, activation_bytes_per_sample=measured.per_sample_bytes)
        if measured is not None and of.workload == calibration.workload.name
        else of
        for of in profile.device.workloads
    )
    return replace(
        profile,
        batch=calibration.batch,
        device=replace(profile.device, workloads=workloads),
        host=replace(profile.host, memory_bytes=min(known, default=None)),
    )


def typical_rounds(bursts: Iterable[Burst]) -> int:
    """Rounds in which the median cell was measured.

    Not the number of rounds begun: a refinement adds rounds of a few cells, and those make the
    others no firmer.
    """
    rounds: dict[Cell, set[int]] = {}
    for burst in bursts:
        rounds.setdefault(burst.cell, set()).add(burst.round)
    return statistics.median_low([len(found) for found in rounds.values()]) if rounds else 0


def samples_sha256(bursts: Iterable[Burst]) -> str:
    """Hash of the samples that a fit used, so that a profile can be told from its samples."""
    digest = hashlib.sha256()
    for burst in bursts:
        cell = _hashed(burst.cell)
        digest.update(f"{cell} {burst.round} {burst.worker} {burst.samples_s}".encode())
    return digest.hexdigest()


def _hashed(cell: Cell) -> str:
    """What a hash takes of a cell: this text stays, whatever the record's fields become."""
    return (
        f"Cell(quantity={cell.quantity!r}, path={cell.path!r}, size_bytes={cell.size_bytes}, "
        f"tensors={cell.tensors}, workers={cell.workers}, features={cell.features}, "
        f"batch={cell.batch}, hidden={cell.hidden}, rest_s={cell.idle_s}, ps={cell.ps}, "
        f"flows={cell.flows}, optimizer={cell.optimizer!r}, overlap_bytes={cell.overlap_bytes}, "
        f"device={cell.device!r})"
    )


def select(
    bursts: Iterable[Burst], *, quantity: Quantity, path: Executor, workers: int | None = None
) -> Iterator[Burst]:
    """The bursts of one quantity on one path, by default at any number of workers."""
    for burst in bursts:
        cell = burst.cell
        if cell.quantity == quantity and cell.path == path and workers in (None, cell.workers):
            yield burst
