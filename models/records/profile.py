"""Profile: the fitted cost model of some hardware, in sections that can be exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args

import numpy as np

from nworkers.models.base.all_reduce_terms import Algorithm
from nworkers.models.base.allowed import Ge, Gt, Le, Lt, MinLen, OneOf
from nworkers.models.base.errors import InputError
from nworkers.models.base.leaves import mapped

Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Discipline = Literal["fair", "fifo"]
Evidence = Literal["one host", "emulated hosts", "cluster"]
Duplex = Literal["full", "half"]
DeviceKind = Literal["cpu", "gpu"]
GemmLaw = Literal["rate", "sum", "max", "segments"]
Criterion = Literal["bic", "left out"]
Section = Literal["device", "host", "link", "collective", "noise"]
SECTIONS: tuple[Section, ...] = get_args(Section)
#: Evidence of a link that is known by its name alone.
NOMINAL: Literal["nominal link"] = "nominal link"
#: Paths of what is no parameter, but may be stated.
CORES = "host.cores"
MEMORY = "host.memory_bytes"
SPREAD = "noise.compute"


#: What the numbers of a record are: parameters in a profile, plain floats in a draw of it, unknowns
#: in a law that is to be fitted.
N = TypeVar("N")
Leaf = TypeVar("Leaf")


@dataclass(frozen=True)
class Identified:
    """A fitted number that the data determine, with what is known of its uncertainty.

    ``draws`` are joint: draw k of every parameter of one profile belongs together, because latency
    and bandwidth are correlated and break-even is a crossing.
    """

    estimate: Positive
    interval: tuple[Positive, Positive]
    unit: str
    samples: Annotated[int, Ge(0)]
    draws: Annotated[tuple[Positive, ...], MinLen(1)]


@dataclass(frozen=True)
class NotIdentified:
    """A number that the data leave open, because what it stands for is too small to see.

    ``too_small_to_see`` is where the fit left it: next to nothing within what was measured, and no
    number to report. Draws as of `Identified`.
    """

    too_small_to_see: Positive
    unit: str
    samples: Annotated[int, Ge(0)]
    draws: Annotated[tuple[Positive, ...], MinLen(1)]


def _class_name(value: object) -> str:
    names = value if isinstance(value, dict) else vars(value) if is_dataclass(value) else ()
    return "NotIdentified" if "too_small_to_see" in names else "Identified"


Parameter = Annotated[Identified | NotIdentified, OneOf(_class_name)]


PARAMETERS = (Identified, NotIdentified)


def value_at(parameter: Parameter, draw: int | range | None) -> float:
    """What a prediction takes: the value in a draw or in each of several; for None the estimate.

    What is too small to see counts as what the fit left of it.
    """
    if isinstance(draw, range):
        each: Any = np.take(parameter.draws, draw, mode="wrap")
        return each  # type: ignore[no-any-return]
    if draw is not None:
        return parameter.draws[draw % len(parameter.draws)]
    if isinstance(parameter, NotIdentified):
        return parameter.too_small_to_see
    return parameter.estimate


def scaled(parameter: Parameter, factor: float) -> Parameter:
    """The parameter times a constant."""
    draws = tuple(factor * value for value in parameter.draws)
    if isinstance(parameter, NotIdentified):
        small = factor * parameter.too_small_to_see
        return replace(parameter, too_small_to_see=small, draws=draws)
    low, high = parameter.interval
    return replace(
        parameter,
        estimate=factor * parameter.estimate,
        interval=(factor * low, factor * high),
        draws=draws,
    )


@dataclass(frozen=True)
class ThreadedProducts:
    """Products of a step that run on one thread, and from ``from_batch`` samples on on all threads.

    ``share`` is theirs of a sample's operations, ``products`` how many they are.
    """

    from_batch: Annotated[int, Ge(1)]
    share: Annotated[float, Gt(0), Le(1)]
    products: Annotated[int, Ge(1)]


@dataclass(frozen=True)
class Threads(Generic[N]):
    """What a step's products take by how many threads they are on.

    A sample takes ``alone_per_sample_s`` where each product is on one, and the step's
    ``per_sample_s`` where all are on all; each that is on all takes ``join_s`` beside, None where
    that does not show.
    """

    alone_per_sample_s: N
    join_s: N | None
    products: Annotated[tuple[ThreadedProducts, ...], MinLen(1)]


@dataclass(frozen=True)
class StepTime(Generic[N]):
    """Seconds of one step: floor_s + per_sample_s · batch, between the batches measured.

    With a plateau the second term is at least ``plateau_s``: so long take batches that leave the
    device unsaturated. With ``threads`` it depends on how many of them the products are on.
    """

    floor_s: N
    per_sample_s: N
    plateau_s: N | None = None
    threads: Threads[N] | None = None


@dataclass(frozen=True)
class WorkloadTime(Generic[N]):
    """The measured step of one workload on the device.

    ``step`` is all of it in one process. A worker computes as long for a sample, but begins after a
    wait and leaves the update to others: ``gradient_floor_s`` is its floor, in place of the step's.
    ``processor`` is the processor time of a worker's gradients, over all threads.
    ``activation_bytes_per_sample`` is what a sample more takes of memory; None if not measured.
    """

    workload: str
    batches: tuple[int, int]
    step: StepTime[N]
    gradient_floor_s: N
    processor: StepTime[N]
    activation_bytes_per_sample: NotNegative | None = None

    @property
    def gradient(self) -> StepTime[N]:
        """The step of a worker: forward and backward, without the update."""
        return replace(self.step, floor_s=self.gradient_floor_s)


@dataclass(frozen=True)
class GemmSegment(Generic[N]):
    """Overhead and rate of products of at least ``from_flops`` operations."""

    from_flops: NotNegative
    gemm_overhead_s: N
    gemm_flops_per_s: N


@dataclass(frozen=True)
class Products(Generic[N]):
    """Matrix products by one of the laws of `nworkers.models.costs.laws.product_s`.

    ``segments`` ascend from 0 operations on; ``bandwidth_bytes_per_s`` is None where the law counts
    no bytes.
    """

    segments: Annotated[tuple[GemmSegment[N], ...], MinLen(1)]
    law: GemmLaw = "rate"
    bandwidth_bytes_per_s: N | None = None


@dataclass(frozen=True)
class Device(Generic[N]):
    """What computes. ``dispatch_s`` is a no-op step in one process.

    ``gemm_flops`` are the operations of the smallest and the largest product that was measured.
    ``busy_share`` is what of a GPU one worker keeps busy while it computes. Several workers have it
    one after the other (``fifo``) or even shares of it.
    """

    name: str
    dispatch_s: N
    products: Products[N]
    gemm_flops: tuple[Positive, Positive]
    workloads: tuple[WorkloadTime[N], ...] = ()
    kind: DeviceKind = "cpu"
    busy_share: Annotated[float, Gt(0), Le(1)] = 1.0
    discipline: Discipline = "fifo"


@dataclass(frozen=True)
class Demand(Generic[N]):
    """Processor seconds (service demand) of one operation at one end of the link."""

    per_request_s: N
    per_tensor_s: N
    per_byte_s: N


@dataclass(frozen=True)
class Apply(Generic[N]):
    """An optimiser's update of a variable on the ps: floor_s + per_byte_s · its bytes."""

    optimizer: str
    floor_s: N
    per_byte_s: N


@dataclass(frozen=True)
class Copy(Generic[N]):
    """Bringing a tensor into Python, the step's dispatch included."""

    latency_s: N
    bandwidth_bytes_per_s: N


@dataclass(frozen=True)
class Coordinator(Generic[N]):
    """A ClusterCoordinator's empty function, and what each further one costs its one process."""

    latency_s: N
    serial_s: N


@dataclass(frozen=True)
class Host(Generic[N]):
    """Cores, the runtime's dispatch, and the processor time that each operation takes.

    ``server_dispatch_s`` is a no-op step through a worker's own server. ``dispatch_*`` are the
    processor seconds of a step that does nothing but touch the ps, at either end; a fetch's and a
    push's come on top. ``os_overhead_share`` is the busy time of the host beyond its tasks',
    per second of theirs. ``apply`` holds the optimisers that were measured, ``input`` the
    pipeline's time of a batch, ``memory_bytes`` what all tasks of a host share. Many workers at
    once get to use ``usable_share`` of the cores' time, and their gradients take
    ``compute_under_load`` times the processor seconds of gradients alone. ``apart_ps_s`` are the
    processor seconds that each doubling of a ps's tensors takes more where others lie on other ps,
    of which up to ``most_ps`` were measured. None where something was not measured.
    """

    cores: Positive
    server_dispatch_s: N
    dispatch_worker_s: N
    dispatch_ps_s: N
    fetch_worker: Demand[N]
    fetch_ps: Demand[N]
    push_worker: Demand[N]
    push_ps: Demand[N]
    os_overhead_share: NotNegative
    concurrency: Annotated[int, Ge(1)]
    apply: tuple[Apply[N], ...] = ()
    python: Copy[N] | None = None
    coordinator: Coordinator[N] | None = None
    input: StepTime[N] | None = None
    memory_bytes: Positive | None = None
    usable_share: Annotated[float, Gt(0), Le(1)] | None = None
    compute_under_load: Annotated[float, Ge(1)] | None = None
    apart_ps_s: NotNegative | None = None
    most_ps: Annotated[int, Ge(1)] = 1


@dataclass(frozen=True)
class Candidate:
    """A law that was tried; a lower ``score`` is better.

    ``criterion`` is ``bic``, or ``left out`` for the mean error on observations left out in turn.
    """

    law: str
    criterion: Criterion
    score: float
    chosen: bool = False


@dataclass(frozen=True)
class Segment(Generic[N]):
    """Latency and bandwidth of tensors of at least ``from_bytes``, where a protocol switches."""

    from_bytes: NotNegative
    latency_s: N
    bandwidth_bytes_per_s: N


@dataclass(frozen=True)
class TransferPath(Generic[N]):
    """One direction between a worker and a ps, on top of the step's dispatch.

    ``segments`` ascend from 0 bytes on, and ``bandwidth_bytes_per_s`` is what one flow gets.
    ``per_tensor_s`` is what every tensor after the first adds, ``several_s`` what it adds that
    there is more than one, ``after_fetch_s`` a push's latency in a step that has fetched; None
    where nothing calls for it. ``credit_bytes`` of the largest tensors pass before their bandwidth
    holds, as a token bucket lets them.
    """

    per_tensor_s: N
    several_s: N | None
    segments: Annotated[tuple[Segment[N], ...], MinLen(1)]
    after_fetch_s: N | None = None
    credit_bytes: NotNegative = 0.0


def straight_path(latency_s: N, per_tensor_s: N, bandwidth_bytes_per_s: N) -> TransferPath[N]:
    """A path of one latency and one bandwidth."""
    return TransferPath(per_tensor_s, None, (Segment(0.0, latency_s, bandwidth_bytes_per_s),))


@dataclass(frozen=True)
class FlowWeights:
    """How unequally ``flows`` transfers of so many bytes share a link that begin at once.

    ``log_deviation`` is that of their weights' logarithm; 0 where they share equally.
    """

    flows: Annotated[int, Ge(2)]
    size_bytes: Positive
    log_deviation: NotNegative


@dataclass(frozen=True)
class Link(Generic[N]):
    """What carries tensors. ``dispatch_s`` is what a part of the graph on the ps adds to a step.

    ``shared_bandwidth_bytes_per_s`` is the rate that all flows share, in each direction; None
    where no limit showed itself beyond the processors. ``wire_latency_s`` is what the wire adds to
    a latency one way, within the paths' latencies; None where it is not known apart. ``duplex``
    says whether the directions share that rate; None where the data do not tell. ``both_ways_*`` is
    what each direction carries while the other is busy; None where that was not measured.
    ``candidates`` are the kinds of sharing that were tried, ``flow_weights`` what was
    seen of transfers that begin at once.
    """

    kind: Literal["loopback", "network"]
    evidence: Evidence | Literal["imported", "nominal link"]
    dispatch_s: N
    fetch: TransferPath[N]
    push: TransferPath[N]
    shared_bandwidth_bytes_per_s: N | None
    discipline: Discipline
    discipline_evidence: Literal["measured", "assumed"]
    size_bytes: tuple[Positive, Positive]
    tensors: tuple[int, int]
    wire_latency_s: N | None = None
    duplex: Duplex | None = None
    both_ways_bandwidth_bytes_per_s: N | None = None
    candidates: tuple[Candidate, ...] = ()
    flow_weights: tuple[FlowWeights, ...] = ()


@dataclass(frozen=True)
class InnerTier(Generic[N]):
    """All-reduces among the workers of one host, in segments that ascend from 0 bytes on.

    ``workers`` and ``size_bytes`` are the smallest and the largest that were measured.
    """

    workers: tuple[int, int]
    size_bytes: tuple[Positive, Positive]
    segments: Annotated[tuple[Segment[N], ...], MinLen(1)]


@dataclass(frozen=True)
class Collective(Generic[N]):
    """All-reduce between workers: latency of a hop and bandwidth of ``algorithm``.

    Both are None where none was measured: a prediction then takes them from the link
    (`nworkers.models.costs.laws.unmeasured_hop`). ``workers`` and ``size_bytes`` are the smallest
    and the largest that were measured. ``imported`` where another tool did, which counts no
    processor time. ``dispatch_s`` is an empty step of MultiWorkerMirroredStrategy,
    ``session_latency_s`` the hop of a collective in a plain session; ``processor_*`` is a worker's
    processor time; ``compute_loss`` is how much longer gradients take beside an all-reduce, per
    second of it. ``segments`` are those beyond the first, where a library switches its protocol
    with the size. With ``per_host`` workers on each host, latency and bandwidth are those between
    hosts (`nworkers.models.base.all_reduce_terms.two_tier_terms`); ``inner`` is what is inside one.
    """

    measured: bool
    latency_s: N | None = None
    bandwidth_bytes_per_s: N | None = None
    imported: bool = False
    workers: tuple[int, int] | None = None
    size_bytes: tuple[Positive, Positive] | None = None
    algorithm: Algorithm = "ring"
    dispatch_s: N | None = None
    session_latency_s: N | None = None
    processor_per_hop_s: N | None = None
    processor_per_byte_s: N | None = None
    compute_loss: NotNegative | None = None
    segments: tuple[Segment[N], ...] = ()
    per_host: Annotated[int, Ge(1)] | None = None
    inner: InnerTier[N] | None = None

    def __post_init__(self) -> None:
        """Files of earlier versions hold a small fetch's numbers where nothing was measured."""
        if not self.measured:
            object.__setattr__(self, "latency_s", None)
            object.__setattr__(self, "bandwidth_bytes_per_s", None)


@dataclass(frozen=True)
class Noise:
    """Variation as data. Every number multiplies a fitted time.

    ``within`` maps an operation to equally probable values of a sample over the median of its
    burst, ascending, each the mean of its share of the samples. ``between`` has, for each round,
    every operation's median over the fit. ``autocorrelation`` is that of successive samples of a
    burst, by their ranks: slow phases last.
    """

    within: dict[str, Annotated[tuple[Positive, ...], MinLen(1)]]
    between: Annotated[tuple[dict[str, Positive], ...], MinLen(1)]
    autocorrelation: dict[str, Annotated[float, Ge(0), Lt(1)]] = field(default_factory=dict)


@dataclass(frozen=True)
class FitRow:
    """How well one operation is fitted, on what the fit used and on what it never saw.

    ``candidates`` are the laws that were tried, where there was a choice.
    """

    operation: str
    cells: int
    held_out: int
    median_error: NotNegative | None
    worst_error: NotNegative | None
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
class GpuSection(Generic[N]):
    """A GPU of a host with ``count`` of them: what a worker on it has in place of other sections.

    ``copy_in`` and ``copy_out`` bring a tensor to it and back, the empty step that ends on it
    included. ``fetch`` and ``push`` join a ps's memory and the GPU's; ``server_dispatch_s`` is the
    empty step of a worker's server that ends on it, and ``ps_dispatch_s`` what a ps adds to that.
    They are None where they were not measured: a transfer then goes through the host's memory.
    ``collective`` is between GPUs, where a host has several. ``sharing_evidence`` says whether two
    workers at once told how it is shared. ``noise`` is what varies there, ``fit`` how well it is
    fitted.
    """

    count: Annotated[int, Ge(1)]
    device: Device[N]
    noise: Noise
    fit: tuple[FitRow, ...]
    copy_in: Copy[N] | None = None
    copy_out: Copy[N] | None = None
    server_dispatch_s: N | None = None
    ps_dispatch_s: N | None = None
    fetch: TransferPath[N] | None = None
    push: TransferPath[N] | None = None
    collective: Collective[N] | None = None
    sharing_evidence: Literal["measured", "assumed"] = "assumed"
    memory_bytes: Positive | None = None


@dataclass(frozen=True)
class Drawn:
    """The sections of a profile with plain numbers: one joint draw, or the estimates."""

    device: Device[float]
    host: Host[float]
    link: Link[float]
    collective: Collective[float]


#: Rounds that lie as far apart on fewer machines than this are told.
FAR_APART = 0.05


@dataclass(frozen=True)
class RoundLevels:
    """How far whole rounds of a calibration lie apart.

    ``factors`` are each round's times over those of all rounds, of the cells that all of them have.
    ``probability`` is that rounds of other machines lie as far apart or further.
    """

    factors: Annotated[tuple[Positive, ...], MinLen(1)]
    probability: Annotated[float, Ge(0)]

    @property
    def far_apart(self) -> bool:
        return self.probability < FAR_APART

    @property
    def slowest_to_fastest(self) -> float:
        return max(self.factors) / min(self.factors)


@dataclass(frozen=True)
class Profile:
    """The cost model of some hardware; every prediction is made from one of these.

    ``stand_ins`` names, of each section that is not the user's, the profile that it is from; of the
    link's ``bandwidth`` also alone, where a wire hid what the software passes. ``stated`` has the
    paths of what the user said instead. ``batch`` is what the step of ``workload`` was measured
    around; None where nothing tells it, as for ``round_levels``.
    """

    name: str
    hardware: str
    measured_at: str
    samples_sha256: str
    rounds: Annotated[int, Ge(1)]
    provisional: bool
    device: Device[Parameter]
    host: Host[Parameter]
    link: Link[Parameter]
    collective: Collective[Parameter]
    noise: Noise
    fit: tuple[FitRow, ...]
    workload: str
    imported: tuple[Imported, ...] = ()
    stand_ins: dict[Section | Literal["bandwidth"], str] = field(default_factory=dict)
    stated: tuple[str, ...] = ()
    gpu: GpuSection[Parameter] | None = None
    batch: int | None = None
    round_levels: RoundLevels | None = None

    @property
    def draws(self) -> int:
        """How many joint draws there are."""
        return len(self.device.dispatch_s.draws)

    def drawn(self, draw: int | range | None) -> Drawn:
        """Its numbers in a joint draw or in each of several; for None their estimates."""
        if draw not in self._drawn:

            def section(record: Any) -> Any:
                return mapped(record, PARAMETERS, lambda parameter: value_at(parameter, draw))

            sections = map(section, (self.device, self.host, self.link, self.collective))
            self._drawn[draw] = Drawn(*sections)
        return self._drawn[draw]

    @cached_property
    def _drawn(self) -> dict[int | range | None, Drawn]:
        """What was drawn already: every step of a study asks again."""
        return {}


def parameters(record: object, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
    """Every parameter below a record, by the name that readers see (``link.fetch.latency_s``)."""
    found: Iterator[tuple[str, Parameter]] = named(record, prefix, PARAMETERS)
    yield from found


def named(
    record: object, prefix: str, kind: type[Leaf] | tuple[type[Leaf], ...]
) -> Iterator[tuple[str, Leaf]]:
    """Every leaf of a kind below a record, by the name that readers see."""
    if isinstance(record, kind):
        leaf: Leaf = record
        yield prefix, leaf
        return
    for label, item in _labelled(record):
        name = f"{prefix}{label}" if label.startswith("[") or not prefix else f"{prefix}.{label}"
        yield from named(item, name, kind)


def _labelled(record: object) -> Iterator[tuple[str, object]]:
    """What is below a record, each with its part of the name.

    The first segment of a path or of products is named as if there were no others.
    """
    if isinstance(record, tuple):
        for place, item in enumerate(record):
            label = getattr(item, "workload", "") or getattr(item, "optimizer", "") or place
            yield f"[{label}]", item
    elif isinstance(record, Device):
        first, *others = _labelled(record.products)
        yield "dispatch_s", record.dispatch_s
        yield from (first, others[0])
        yield "workloads", record.workloads
        yield from others[1:]
    elif isinstance(record, Products):
        yield "gemm_overhead_s", record.segments[0].gemm_overhead_s
        yield "gemm_flops_per_s", record.segments[0].gemm_flops_per_s
        yield "gemm_bandwidth_bytes_per_s", record.bandwidth_bytes_per_s
        yield "gemm_segments", record.segments[1:]
    elif isinstance(record, InnerTier):
        yield "latency_s", record.segments[0].latency_s
        yield "bandwidth_bytes_per_s", record.segments[0].bandwidth_bytes_per_s
        yield "segments", record.segments[1:]
    elif isinstance(record, TransferPath):
        yield "latency_s", record.segments[0].latency_s
        yield "per_tensor_s", record.per_tensor_s
        yield "bandwidth_bytes_per_s", record.segments[0].bandwidth_bytes_per_s
        yield "segments", record.segments[1:]
        yield "after_fetch_s", record.after_fetch_s
        yield "several_s", record.several_s
    elif is_dataclass(record):
        for entry in fields(record):
            yield entry.name, getattr(record, entry.name)


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
        # A wire that was asked for stands in for nothing.
        stand_ins={
            section: base
            for section, base in profile.stand_ins.items()
            if section not in ("link", "bandwidth", "collective")
        },
        link=other.link,
        collective=replace(
            other.collective,
            dispatch_s=dispatch_s,
            inner=profile.collective.inner or other.collective.inner,
        ),
    )
