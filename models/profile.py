"""Profile: the fitted cost model of some hardware, in sections that can be exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Len

from scale.models.errors import InputError

Positive = Annotated[float, Gt(0)]
Discipline = Literal["fair", "fifo"]
Evidence = Literal["one host", "emulated hosts", "cluster"]


@dataclass(frozen=True)
class Parameter:
    """One fitted number with what is known of its uncertainty.

    ``draws`` are joint: draw k of every parameter of one profile belongs together, because latency
    and bandwidth are correlated and break-even is a crossing. ``identified`` is False where the
    data leave the number open; it then stands for "too small to see".
    """

    estimate: Positive
    interval: tuple[Positive, Positive]
    unit: str
    samples: Annotated[int, Ge(0)]
    identified: bool
    draws: Annotated[tuple[Positive, ...], Len(1)]

    def at(self, draw: int | None) -> float:
        """The value in a draw, or the estimate for None."""
        return self.estimate if draw is None else self.draws[draw % len(self.draws)]


@dataclass(frozen=True)
class StepTime:
    """Seconds of one step: floor_s + per_sample_s · batch, between the batches measured."""

    floor_s: Parameter
    per_sample_s: Parameter

    def at(self, batch: int, draw: int | None) -> float:
        return self.floor_s.at(draw) + batch * self.per_sample_s.at(draw)


@dataclass(frozen=True)
class WorkloadTime:
    """The measured step of one workload on the device.

    ``step`` is all of it in one process; ``gradient`` stops before the apply, as a worker does;
    ``processor`` is the processor time of ``gradient``, over all threads.
    """

    workload: str
    batches: tuple[int, int]
    step: StepTime
    gradient: StepTime
    processor: StepTime


@dataclass(frozen=True)
class Device:
    """What computes. ``dispatch_s`` is a no-op step in one process."""

    name: str
    dispatch_s: Parameter
    gemm_overhead_s: Parameter
    gemm_flops_per_s: Parameter
    gemm_flops: tuple[Positive, Positive]
    workloads: tuple[WorkloadTime, ...] = ()


@dataclass(frozen=True)
class Demand:
    """Processor seconds (service demand) of one operation at one end of the link."""

    per_request_s: Parameter
    per_tensor_s: Parameter
    per_byte_s: Parameter

    def at(self, tensors: int, size_bytes: float, draw: int | None) -> float:
        return (
            self.per_request_s.at(draw)
            + self.per_tensor_s.at(draw) * max(0, tensors - 1)
            + self.per_byte_s.at(draw) * size_bytes
        )


@dataclass(frozen=True)
class Host:
    """Cores, the runtime's dispatch, and the processor time that each operation takes.

    ``server_dispatch_s`` is a no-op step through a worker's own server. ``dispatch_*`` are the
    processor seconds of a step that does nothing but touch the ps, at either end; a fetch's and a
    push's come on top. ``kernel_share`` is the busy time of the host beyond its tasks', per second
    of theirs.
    """

    cores: Positive
    server_dispatch_s: Parameter
    dispatch_worker_s: Parameter
    dispatch_ps_s: Parameter
    fetch_worker: Demand
    fetch_ps: Demand
    push_worker: Demand
    push_ps: Demand
    kernel_share: Annotated[float, Ge(0)]
    concurrency: Annotated[int, Ge(1)]


@dataclass(frozen=True)
class Path:
    """One direction between a worker and a ps, on top of the step's dispatch.

    Hockney's α + n/β (*Parallel Computing* 20, 1994), with what every tensor after the first adds.
    ``bandwidth`` is what one flow gets.
    """

    latency_s: Parameter
    per_tensor_s: Parameter
    bandwidth_bytes_per_s: Parameter


@dataclass(frozen=True)
class Link:
    """What carries tensors. ``dispatch_s`` is what a part of the graph on the ps adds to a step.

    ``shared_bandwidth_bytes_per_s`` is the rate that all flows share, in each direction; None
    where no limit showed itself beyond the processors. ``wire_latency_s`` is what the wire adds to
    a latency one way, within the paths' latencies; None where it is not known apart.
    """

    kind: Literal["loopback", "network"]
    evidence: Evidence | Literal["imported"]
    dispatch_s: Parameter
    fetch: Path
    push: Path
    shared_bandwidth_bytes_per_s: Parameter | None
    discipline: Discipline
    discipline_evidence: Literal["measured", "assumed"]
    size_bytes: tuple[Positive, Positive]
    tensors: tuple[int, int]
    wire_latency_s: Parameter | None = None


@dataclass(frozen=True)
class Collective:
    """All-reduce between workers: per-hop latency and bandwidth of a ring.

    ``imported`` where another tool measured it, which counts no processor time; ``workers`` and
    ``size_bytes`` are then the smallest and the largest that it measured.
    """

    measured: bool
    latency_s: Parameter
    bandwidth_bytes_per_s: Parameter
    imported: bool = False
    workers: tuple[int, int] | None = None
    size_bytes: tuple[Positive, Positive] | None = None


@dataclass(frozen=True)
class Noise:
    """Variation as data. Every number multiplies a fitted time.

    ``within`` maps an operation to equally probable values of a sample over the median of its
    burst, ascending, each the mean of its share of the samples. ``between`` has, for each round,
    every operation's median over the fit.
    """

    within: dict[str, Annotated[tuple[Positive, ...], Len(1)]]
    between: Annotated[tuple[dict[str, Positive], ...], Len(1)]


@dataclass(frozen=True)
class FitRow:
    """How well one operation is fitted, on what the fit used and on what it never saw."""

    operation: str
    cells: int
    held_out: int
    median_error: Annotated[float, Ge(0)] | None
    worst_error: Annotated[float, Ge(0)] | None


@dataclass(frozen=True)
class Imported:
    """Parameters that come from another tool's table, by their paths; the others are the base's."""

    format: str
    source: str
    sha256: str
    rows: Annotated[int, Ge(1)]
    base: str
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Profile:
    """The cost model of some hardware; every prediction is made from one of these."""

    name: str
    hardware: str
    measured_at: str
    samples_sha256: str
    rounds: Annotated[int, Ge(1)]
    provisional: bool
    device: Device
    host: Host
    link: Link
    collective: Collective
    noise: Noise
    fit: tuple[FitRow, ...]
    workload: str
    imported: tuple[Imported, ...] = ()

    @property
    def draws(self) -> int:
        """How many joint draws there are."""
        return len(self.device.dispatch_s.draws)


def parameters(record: object, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
    """Every Parameter below a record, by its dotted path (``link.fetch.latency_s``)."""
    if isinstance(record, Parameter):
        yield prefix, record
    elif isinstance(record, tuple):
        for item in record:
            label = getattr(item, "workload", "")
            yield from parameters(item, f"{prefix}[{label}]" if label else prefix)
    elif is_dataclass(record):
        for entry in fields(record):
            path = f"{prefix}.{entry.name}" if prefix else entry.name
            yield from parameters(getattr(record, entry.name), path)


def with_link(profile: Profile, other: Profile) -> Profile:
    """This profile's device and host with another's link: "my compute, that network".

    The processor demand of a request stays the host's own, and so do device and dispatch.

    Raises:
        InputError: the other profile was measured on loopback, which says nothing about a wire.
    """
    if other.link.kind == "loopback":
        raise InputError(
            "--link", f"{other.name} (loopback)", "a profile measured between hosts (a network)"
        )
    return replace(
        profile,
        name=f"{profile.name} with the link of {other.name}",
        link=other.link,
        collective=other.collective,
    )
