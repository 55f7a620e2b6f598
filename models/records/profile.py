"""Profile: the fitted cost model of some hardware, in sections that can be exchanged."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Len, Lt

from nworkers.models.base.all_reduce_terms import Algorithm
from nworkers.models.base.errors import InputError

Positive = Annotated[float, Gt(0)]
Discipline = Literal["fair", "fifo"]
Evidence = Literal["one host", "emulated hosts", "cluster"]
Duplex = Literal["full", "half"]
GemmLaw = Literal["rate", "sum", "max", "segments"]
Criterion = Literal["bic", "left out"]


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
    """Seconds of one step: floor_s + per_sample_s · batch, between the batches measured.

    With a plateau the second term is at least ``plateau_s``: so long take batches that leave the
    device unsaturated.
    """

    floor_s: Parameter
    per_sample_s: Parameter
    plateau_s: Parameter | None = None

    def at(self, batch: int, draw: int | None) -> float:
        least_s = self.plateau_s.at(draw) if self.plateau_s else 0.0
        return self.floor_s.at(draw) + max(least_s, batch * self.per_sample_s.at(draw))


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
class GemmSegment:
    """Overhead and rate of products of at least ``from_flops`` operations."""

    from_flops: Positive
    gemm_overhead_s: Parameter
    gemm_flops_per_s: Parameter


@dataclass(frozen=True)
class Device:
    """What computes. ``dispatch_s`` is a no-op step in one process.

    A product takes its overhead and flops/rate; under ``gemm_law`` ``sum`` also bytes/bandwidth,
    under ``max`` the larger of the two. ``gemm_segments`` has the overhead and the rate of larger
    products where they jump, in ascending order.
    """

    name: str
    dispatch_s: Parameter
    gemm_overhead_s: Parameter
    gemm_flops_per_s: Parameter
    gemm_flops: tuple[Positive, Positive]
    workloads: tuple[WorkloadTime, ...] = ()
    gemm_law: GemmLaw = "rate"
    gemm_bandwidth_bytes_per_s: Parameter | None = None
    gemm_segments: tuple[GemmSegment, ...] = ()

    def product_s(self, flops: float, draw: int | None) -> float:
        """Seconds of so many operations at the rate of products of that size."""
        above = [s for s in self.gemm_segments if flops >= s.from_flops]
        of = above[-1] if above else self
        return of.gemm_overhead_s.at(draw) + flops / of.gemm_flops_per_s.at(draw)


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
class Apply:
    """An optimiser's update of a variable on the ps: floor_s + per_byte_s · its bytes."""

    optimizer: str
    floor_s: Parameter
    per_byte_s: Parameter


@dataclass(frozen=True)
class Copy:
    """Bringing a tensor into Python, the step's dispatch included."""

    latency_s: Parameter
    bandwidth_bytes_per_s: Parameter


@dataclass(frozen=True)
class Coordinator:
    """A ClusterCoordinator's empty function, and what each further one costs its one process."""

    latency_s: Parameter
    serial_s: Parameter


@dataclass(frozen=True)
class Host:
    """Cores, the runtime's dispatch, and the processor time that each operation takes.

    ``server_dispatch_s`` is a no-op step through a worker's own server. ``dispatch_*`` are the
    processor seconds of a step that does nothing but touch the ps, at either end; a fetch's and a
    push's come on top. ``kernel_share`` is the busy time of the host beyond its tasks', per second
    of theirs. ``apply`` holds the optimisers that were measured, ``input`` the pipeline's time of a
    batch; None where something was not measured.
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
    apply: tuple[Apply, ...] = ()
    python: Copy | None = None
    coordinator: Coordinator | None = None
    input: StepTime | None = None


@dataclass(frozen=True)
class Candidate:
    """A law that was tried; a lower ``score`` is better.

    ``criterion`` is ``bic``, or ``left out`` for the mean error on observations left out in turn.
    """

    law: str
    criterion: Criterion
    score: float
    chosen: bool = False


#: What a transfer takes at least of what it would without the credit of a token bucket.
LEAST_SHARE = 0.05


@dataclass(frozen=True)
class Segment:
    """Latency and bandwidth of tensors of at least ``from_bytes``, where a protocol switches."""

    from_bytes: Positive
    latency_s: Parameter
    bandwidth_bytes_per_s: Parameter


@dataclass(frozen=True)
class TransferPath:
    """One direction between a worker and a ps, on top of the step's dispatch.

    Hockney's α + n/β (*Parallel Computing* 20, 1994), with what every tensor after the first adds.
    ``bandwidth`` is what one flow gets. ``segments`` has the larger tensors' α and β where they
    jump, in ascending order; ``credit_bytes`` of the largest pass before β holds, as a token bucket
    lets them. ``after_fetch_s`` is a push's latency in a step that has fetched,
    ``several_s`` what it adds that there is more than one tensor; None where nothing calls for it.
    """

    latency_s: Parameter
    per_tensor_s: Parameter
    bandwidth_bytes_per_s: Parameter
    segments: tuple[Segment, ...] = ()
    after_fetch_s: Parameter | None = None
    several_s: Parameter | None = None
    credit_bytes: Annotated[float, Ge(0)] = 0.0

    def segment(self, size_bytes: float) -> TransferPath | Segment:
        """What holds for a tensor of so many bytes."""
        above = [s for s in self.segments if size_bytes >= s.from_bytes]
        return above[-1] if above else self

    def latency_of(self, sizes: tuple[float, ...], draw: int | None, *, after_fetch: bool) -> float:
        """Seconds before the bytes of so many tensors move, all in one step."""
        if not sizes:
            return 0.0
        first_s = max(self.segment(size).latency_s.at(draw) for size in set(sizes))
        if after_fetch and self.after_fetch_s is not None:
            first_s = self.after_fetch_s.at(draw)
        if self.several_s is not None and len(sizes) > 1:
            first_s += self.several_s.at(draw)
        return first_s + self.per_tensor_s.at(draw) * (len(sizes) - 1)

    def sustained(self, draw: int | None) -> float:
        """Bytes per second of one flow in the largest tensors; small ones fit into buffers."""
        return self.segment(math.inf).bandwidth_bytes_per_s.at(draw)

    def transfer_of(self, sizes: tuple[float, ...], draw: int | None) -> float:
        """Seconds in which their bytes move, alone on the link."""
        moved_s = sum(n / self.segment(n).bandwidth_bytes_per_s.at(draw) for n in sizes)
        if self.credit_bytes:
            largest = self.segment(math.inf)
            ruled = sum(n for n in sizes if self.segment(n) is largest)
            passed_s = min(self.credit_bytes, ruled) / largest.bandwidth_bytes_per_s.at(draw)
            # Not nothing: on a busy link they wait as all others do.
            moved_s = max(LEAST_SHARE * moved_s, moved_s - passed_s)
        return moved_s


@dataclass(frozen=True)
class FlowWeights:
    """How unequally ``flows`` transfers of so many bytes share a link that begin at once.

    ``log_deviation`` is that of their weights' logarithm; 0 where they share equally.
    """

    flows: Annotated[int, Ge(2)]
    size_bytes: Positive
    log_deviation: Annotated[float, Ge(0)]


@dataclass(frozen=True)
class Link:
    """What carries tensors. ``dispatch_s`` is what a part of the graph on the ps adds to a step.

    ``shared_bandwidth_bytes_per_s`` is the rate that all flows share, in each direction; None
    where no limit showed itself beyond the processors. ``wire_latency_s`` is what the wire adds to
    a latency one way, within the paths' latencies; None where it is not known apart. ``duplex``
    says whether the directions share that rate; None where the data do not tell. ``both_ways_*`` is
    what each direction carries while the other is busy; None where that was not measured.
    ``candidates`` are the kinds of sharing that were tried, ``uneven`` what was seen of transfers
    that begin at once.
    """

    kind: Literal["loopback", "network"]
    evidence: Evidence | Literal["imported"]
    dispatch_s: Parameter
    fetch: TransferPath
    push: TransferPath
    shared_bandwidth_bytes_per_s: Parameter | None
    discipline: Discipline
    discipline_evidence: Literal["measured", "assumed"]
    size_bytes: tuple[Positive, Positive]
    tensors: tuple[int, int]
    wire_latency_s: Parameter | None = None
    duplex: Duplex | None = None
    both_ways_bandwidth_bytes_per_s: Parameter | None = None
    candidates: tuple[Candidate, ...] = ()
    uneven: tuple[FlowWeights, ...] = ()


@dataclass(frozen=True)
class Collective:
    """All-reduce between workers: latency of a hop and bandwidth of ``algorithm``.

    ``workers`` and ``size_bytes`` are the smallest and the largest that were measured. ``imported``
    where another tool did, which counts no processor time. ``dispatch_s`` is an empty step of
    MultiWorkerMirroredStrategy, ``session_latency_s`` the hop of a collective in a plain session;
    ``processor_*`` is a worker's processor time; ``compute_loss`` is how much longer gradients take
    beside an all-reduce, per second of it.
    """

    measured: bool
    latency_s: Parameter
    bandwidth_bytes_per_s: Parameter
    imported: bool = False
    workers: tuple[int, int] | None = None
    size_bytes: tuple[Positive, Positive] | None = None
    algorithm: Algorithm = "ring"
    dispatch_s: Parameter | None = None
    session_latency_s: Parameter | None = None
    processor_per_hop_s: Parameter | None = None
    processor_per_byte_s: Parameter | None = None
    compute_loss: Annotated[float, Ge(0)] | None = None


@dataclass(frozen=True)
class Noise:
    """Variation as data. Every number multiplies a fitted time.

    ``within`` maps an operation to equally probable values of a sample over the median of its
    burst, ascending, each the mean of its share of the samples. ``between`` has, for each round,
    every operation's median over the fit. ``autocorrelation`` is that of successive samples of a
    burst, by their ranks: slow phases last.
    """

    within: dict[str, Annotated[tuple[Positive, ...], Len(1)]]
    between: Annotated[tuple[dict[str, Positive], ...], Len(1)]
    autocorrelation: dict[str, Annotated[float, Ge(0), Lt(1)]] = field(default_factory=dict)


@dataclass(frozen=True)
class FitRow:
    """How well one operation is fitted, on what the fit used and on what it never saw.

    ``candidates`` are the laws that were tried, where there was a choice.
    """

    operation: str
    cells: int
    held_out: int
    median_error: Annotated[float, Ge(0)] | None
    worst_error: Annotated[float, Ge(0)] | None
    candidates: tuple[Candidate, ...] = ()


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
        for place, item in enumerate(record):
            label = getattr(item, "workload", "") or getattr(item, "optimizer", "") or place
            yield from parameters(item, f"{prefix}[{label}]")
    elif is_dataclass(record):
        for entry in fields(record):
            path = f"{prefix}.{entry.name}" if prefix else entry.name
            yield from parameters(getattr(record, entry.name), path)


def with_link(profile: Profile, other: Profile) -> Profile:
    """This profile's device and host with another's link: "my compute, that network".

    The processor demand of a request stays the host's own, and so do device and dispatches.

    Raises:
        InputError: the other profile was measured on loopback, which says nothing about a wire.
    """
    if other.link.kind == "loopback":
        raise InputError(
            "link", f"{other.name} (loopback)", "a profile measured between hosts (a network)"
        )
    dispatch_s = profile.collective.dispatch_s or other.collective.dispatch_s
    return replace(
        profile,
        name=f"{profile.name} with the link of {other.name}",
        link=other.link,
        collective=replace(other.collective, dispatch_s=dispatch_s),
    )
