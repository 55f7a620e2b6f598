"""Laws of cells: which measured cells a formula explains, and the unknowns that it has.

Formulas are those of predictions (`nworkers.models.costs.laws`); what stands here is what a call of
a cell consists of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar

from nworkers.models.base.all_reduce_terms import ALGORITHMS, Algorithm
from nworkers.models.base.leaves import leaves, mapped
from nworkers.models.base.linear import Linear, Number, Unknown
from nworkers.models.costs.laws import (
    all_reduce_s,
    bytes_s,
    coordinator_s,
    copy_s,
    latency_s,
    product_s,
    request_s,
    step_s,
    transfer_s,
    update_s,
)
from nworkers.models.records.calibration import Cell
from nworkers.models.records.profile import (
    PARAMETERS,
    Apply,
    Coordinator,
    Copy,
    Demand,
    GemmLaw,
    GemmSegment,
    N,
    Products,
    Segment,
    StepTime,
    ThreadedProducts,
    Threads,
    TransferPath,
    named,
    value_at,
)

TransferKind = Literal["fetch", "push"]
End = Literal["worker", "ps"]
TRANSFER_KINDS: tuple[TransferKind, ...] = ("fetch", "push")
Leaf = TypeVar("Leaf")


@dataclass(frozen=True, eq=False)
class Law:
    """Seconds of the cells that a formula explains.

    ``record`` holds the formula's parameters, each an `Unknown`. ``formula`` takes such a record,
    of unknowns or of numbers, and a cell; it gives None where it says nothing of the cell, or where
    an optional parameter is missing. ``places`` says where a Profile has each field of the record.
    """

    name: str
    record: Any
    formula: Callable[[Any, Cell], Any]
    places: Mapping[str, str]
    _forms: dict[Cell, Linear | None] = field(default_factory=dict, repr=False)

    @cached_property
    def unknowns(self) -> tuple[Unknown, ...]:
        """In the order of the record's fields."""
        return tuple(leaves(self.record, Unknown))

    def form(self, cell: Cell) -> Linear | None:
        """The coefficients of the law's time of a cell."""
        if cell not in self._forms:
            self._forms[cell] = self.formula(self.record, cell)
        return self._forms[cell]

    def explains(self, cell: Cell) -> bool:
        return self.form(cell) is not None

    def seconds(self, record: Any, cell: Cell) -> float | None:
        """The law's time of a cell by a record of numbers."""
        seconds: float | None = self.formula(record, cell)
        return seconds

    def filled(self, values: Mapping[str, float]) -> Any:
        """The record with numbers, by their names in a Profile; None for those not given."""
        found = {unknown: values.get(name) for name, unknown in self.named(self.record, Unknown)}
        return mapped(self.record, Unknown, found.get)

    def named(
        self, record: Any, kind: type[Leaf] | tuple[type[Leaf], ...]
    ) -> Iterator[tuple[str, Leaf]]:
        """The leaves of a record of this law, each by its name in a Profile."""
        for entry in fields(record):
            place = self.places.get(entry.name, self.places.get("", ""))
            name = place if entry.name in self.places else f"{place}.{entry.name}"
            yield from named(getattr(record, entry.name), name, kind)


def estimates(record: Any) -> Any:
    """A record's parameters as plain numbers."""
    return mapped(record, PARAMETERS, lambda parameter: value_at(parameter, None))


@dataclass(frozen=True)
class Session(Generic[N]):
    """What steps through a worker's own server take."""

    server_dispatch_s: N
    ps_dispatch_s: N
    fetch: TransferPath[N]
    push: TransferPath[N]
    apply: tuple[Apply[N], ...] = ()


def transfers(
    breaks: Mapping[TransferKind, Sequence[float]],
    optimizers: Collection[str] = (),
    *,
    several: bool = False,
    credits: Mapping[TransferKind, float] | None = None,
) -> Law:
    """Steps through a worker's own server: empty, fetching, pushing, both, and updates on the ps.

    A push's update costs what it costs alone, per byte; what the update costs at least is in the
    push's latency.

    Args:
        breaks: bytes a tensor beyond which latency and bandwidth are others, ascending.
        optimizers: whose updates were measured alone.
        several: whether more than one tensor costs more than each further one does.
        credits: bytes that pass before the rate of the largest tensors holds.
    """

    def path(kind: TransferKind) -> TransferPath[Linear]:
        return TransferPath(
            Unknown("s/tensor"),
            Unknown(optional=True) if several else None,
            tuple(
                Segment(from_bytes, Unknown(), Unknown("bytes/s", rate=True))
                for from_bytes in (0.0, *breaks.get(kind, ()))
            ),
            Unknown(optional=True) if kind == "push" else None,
            (credits or {}).get(kind, 0.0),
        )

    updates = tuple(
        Apply(o, Unknown(optional=True), Unknown("s/byte", optional=True)) for o in optimizers
    )
    return Law(
        "several" if several else "line",
        Session(Unknown(), Unknown(), path("fetch"), path("push"), updates),
        session_s,
        {
            "server_dispatch_s": "host.server_dispatch_s",
            "ps_dispatch_s": "link.dispatch_s",
            "fetch": "link.fetch",
            "push": "link.push",
            "apply": "host.apply",
        },
    )


def session_s(known: Session[Number], cell: Cell) -> Number | None:
    """Seconds of a step of one worker."""
    if cell.path not in ("server", "ps") or cell.workers > 1 or not _simple(cell):
        return None
    dispatch_s = known.server_dispatch_s
    if cell.path == "ps":
        dispatch_s = dispatch_s + known.ps_dispatch_s
    sizes = (cell.size_bytes / cell.tensors,) * cell.tensors
    match cell.quantity:
        case "noop":
            return dispatch_s
        case "fetch":
            return dispatch_s + _moved_s(known.fetch, sizes)
        case "push":
            return dispatch_s + _pushed_s(known, sizes)
        case "fetch_push" if known.push.after_fetch_s is not None:
            fetched_s = _moved_s(known.fetch, sizes)
            return dispatch_s + fetched_s + _pushed_s(known, sizes, after_fetch=True)
        case "apply":
            for update in known.apply:
                if update.optimizer == cell.optimizer:
                    return dispatch_s + update.floor_s + update_s(update, cell.size_bytes)
    return None


def _moved_s(
    path: TransferPath[Number], sizes: Sequence[float], *, after_fetch: bool = False
) -> Number:
    return latency_s(path, sizes, after_fetch=after_fetch) + transfer_s(path, sizes)


def _pushed_s(
    known: Session[Number], sizes: Sequence[float], *, after_fetch: bool = False
) -> Number:
    pushed_s = _moved_s(known.push, sizes, after_fetch=after_fetch)
    for update in known.apply:
        if update.optimizer == "sgd":
            pushed_s = pushed_s + update_s(update, sum(sizes))
    return pushed_s


def _simple(cell: Cell) -> bool:
    """One ps, one connection, a processor, and nothing beside it."""
    return (cell.ps, cell.flows, cell.overlap_bytes, cell.device) == (1, 1, 0, "")


@dataclass(frozen=True)
class LocalProducts(Generic[N]):
    """What matrix products in one process take, and a no-op step."""

    dispatch_s: N
    products: Products[N]


def gemm(law: GemmLaw, breaks: Sequence[float] = ()) -> Law:
    """Products in one process by one of their laws.

    Beyond a break, in flops, overhead and rate are others: the runtime gives a product to more
    threads where it is large enough.
    """
    segments = tuple(
        GemmSegment(from_flops, Unknown(), Unknown("flop/s", rate=True))
        for from_flops in (0.0, *breaks)
    )
    counted = law in ("sum", "max")
    bandwidth = Unknown("bytes/s", rate=True) if counted else None
    return Law(
        law,
        LocalProducts(Unknown(), Products(segments, law, bandwidth)),
        local_product_s,
        {"dispatch_s": "device.dispatch_s", "products": "device"},
    )


def local_product_s(known: LocalProducts[Number], cell: Cell) -> Number | None:
    """Seconds of a no-op or of a product in one process."""
    if cell.path != "process" or not cell.plain:
        return None
    if cell.quantity == "noop":
        return known.dispatch_s
    if cell.quantity != "gemm":
        return None
    return known.dispatch_s + product_s(known.products, cell.flops, matrix_bytes(cell))


def matrix_bytes(cell: Cell) -> float:
    """Bytes of a product's operands and result, in float32."""
    return 4.0 * (
        cell.batch * cell.features + cell.features * cell.hidden + cell.batch * cell.hidden
    )


@dataclass(frozen=True)
class Steps(Generic[N]):
    """A training step in one process, and the gradients of a worker that has waited.

    Both compute alike, so that a sample costs as much in the one as in the other.
    """

    step: StepTime[N]
    gradient_floor_s: N


def steps(
    *, knee: bool = False, threaded: tuple[ThreadedProducts, ...] = (), joins: bool = False
) -> Law:
    """Steps and gradients in one process.

    Args:
        knee: whether all batches below one take as long.
        threaded: from which batch on products are on all threads.
        joins: whether each of them takes longer there, whatever the batch.
    """
    threads: Threads[Linear] | None = None
    if threaded:
        threads = Threads(Unknown("s/sample"), Unknown() if joins else None, threaded)
    time: StepTime[Linear] = StepTime(
        Unknown(), Unknown("s/sample"), Unknown() if knee else None, threads
    )
    name = "step with a knee" if knee else "step with threads" if threaded else "step"
    return Law(name, Steps(time, Unknown()), one_step_s, {"step": "step", "": "step"})


def one_step_s(known: Steps[Number], cell: Cell) -> Number | None:
    """Seconds of a step in one process, or of its gradients alone."""
    if cell.path != "process" or not cell.plain:
        return None
    if cell.quantity == "gradient":
        return step_s(replace(known.step, floor_s=known.gradient_floor_s), cell.batch)
    return step_s(known.step, cell.batch) if cell.quantity == "step" else None


def gradient_demand(threaded: tuple[ThreadedProducts, ...] = ()) -> Law:
    """Processor seconds of a worker's gradients, which other threads may take more of."""

    def seconds(known: StepTime[Number], cell: Cell) -> Number | None:
        gradient = (cell.quantity, cell.path) == ("gradient", "process") and cell.plain
        return step_s(known, cell.batch) if gradient else None

    threads: Threads[Linear] | None = None
    if threaded:
        threads = Threads(Unknown("s/sample"), None, threaded)
    record: StepTime[Linear] = StepTime(Unknown(), Unknown("s/sample"), threads=threads)
    return Law("processor", record, seconds, {"": "processor"})


@dataclass(frozen=True)
class AllReduces(Generic[N]):
    """What collectives take, of plain sessions and of MultiWorkerMirroredStrategy.

    Both move the same bytes in the same way, but a strategy's hop takes longer, and so each has a
    latency of its own after a dispatch of its own. What a worker spends on adding up is in the
    bandwidth: in a ring it grows with the very bytes that are moved.
    """

    session_dispatch_s: N
    session_latency_s: N
    dispatch_s: N | None
    latency_s: N | None
    bandwidth_bytes_per_s: N
    algorithm: Algorithm


def all_reduce(algorithm: Algorithm) -> Law:
    """Collectives between the workers' servers, and those of MultiWorkerMirroredStrategy."""
    record: AllReduces[Linear] = AllReduces(
        Unknown(),
        Unknown(),
        Unknown(optional=True),
        Unknown(optional=True),
        Unknown("bytes/s", rate=True),
        algorithm,
    )
    return Law(algorithm, record, all_reduced_s, {"": "collective"})


def all_reduced_s(known: AllReduces[Number], cell: Cell) -> Number | None:
    """Seconds of a collective, or of the empty step that it is in."""
    if not cell.plain:
        return None
    mirrored = cell.path == "mirrored"
    dispatch_s, hop_s = known.session_dispatch_s, known.session_latency_s
    if mirrored:
        if known.dispatch_s is None or known.latency_s is None:
            return None
        dispatch_s, hop_s = known.dispatch_s, known.latency_s
    if cell.quantity == "noop" and (mirrored or (cell.path, cell.workers) == ("server", 1)):
        return dispatch_s
    if cell.quantity != "allreduce" or cell.tensors > 1:
        return None
    terms = ALGORITHMS[known.algorithm](cell.size_bytes, cell.workers)
    hops_s, moved_s = all_reduce_s(terms, hop_s, 1.0 / known.bandwidth_bytes_per_s)
    return dispatch_s + hops_s + moved_s


def python() -> Law:
    """A tensor of a worker's own server brought into Python."""
    record: Copy[Linear] = Copy(Unknown(), Unknown("bytes/s", rate=True))
    return Law("python", record, copied_s, {"": "host.python"})


def copied_s(known: Copy[Number], cell: Cell) -> Number | None:
    """Seconds of a tensor brought into Python."""
    if cell.quantity != "to_python" or cell.path != "server":
        return None
    return copy_s(known, cell.size_bytes)


def device_copy(quantity: Literal["copy_in", "copy_out"]) -> Law:
    """A tensor brought to a GPU or back; its cells are written as a processor's."""

    def seconds(known: Copy[Number], cell: Cell) -> Number | None:
        return copy_s(known, cell.size_bytes) if cell.quantity == quantity and cell.plain else None

    record: Copy[Linear] = Copy(Unknown(), Unknown("bytes/s", rate=True))
    return Law(quantity, record, seconds, {"": f"gpu.{quantity}"})


def coordinator() -> Law:
    """Empty functions of a ClusterCoordinator."""

    def seconds(known: Coordinator[Number], cell: Cell) -> Number | None:
        if (cell.quantity, cell.path) != ("noop", "coordinator"):
            return None
        return coordinator_s(known, cell.workers)

    return Law("coordinator", Coordinator(Unknown(), Unknown()), seconds, {"": "host.coordinator"})


def pipeline() -> Law:
    """A batch of the input pipeline."""
    record: StepTime[Linear] = StepTime(Unknown(), Unknown("s/sample"))
    return Law("input", record, delivered_s, {"": "host.input"})


def delivered_s(known: StepTime[Number], cell: Cell) -> Number | None:
    """Seconds of a batch of the input pipeline."""
    return step_s(known, cell.batch) if cell.quantity == "input" else None


@dataclass(frozen=True)
class Demands(Generic[N]):
    """Processor seconds at one end of the link: of an empty step, and of requests on top."""

    dispatch_s: N
    fetch: Demand[N]
    push: Demand[N]


def demand(end: End) -> Law:
    """Processor seconds of an operation at one end, of cells in which all workers take part."""

    def seconds(known: Demands[Number], cell: Cell) -> Number | None:
        if cell.path != "ps" or not cell.plain:
            return None
        if cell.quantity == "noop":
            return known.dispatch_s
        if cell.quantity not in ("fetch", "push"):
            return None
        asked = known.fetch if cell.quantity == "fetch" else known.push
        spent_s = request_s(asked, cell.tensors) + bytes_s(asked, cell.size_bytes)
        return known.dispatch_s + spent_s

    def asked() -> Demand[Linear]:
        return Demand(Unknown(), Unknown("s/tensor"), Unknown("s/byte"))

    places = {
        "dispatch_s": f"host.dispatch_{end}_s",
        "fetch": f"host.fetch_{end}",
        "push": f"host.push_{end}",
    }
    return Law(f"processor of the {end}", Demands(Unknown(), asked(), asked()), seconds, places)


@dataclass(frozen=True)
class CollectiveDemand(Generic[N]):
    """Processor seconds of a hop and of a byte, and of a hop's spinning where it is told apart."""

    processor_per_hop_s: N
    processor_per_byte_s: N
    spinning_per_hop_s: N | None


def collective_demand(algorithm: Algorithm, *, loaded: bool) -> Law:
    """Processor seconds of one worker in an all-reduce through its server.

    Threads of a worker that waits for its neighbour spin, which costs nobody anything: what a hop
    takes where many compete shows with many all-reduces in flight.

    Args:
        loaded: whether there are cells of many; without them a hop's spinning counts.
    """

    def seconds(known: CollectiveDemand[Number], cell: Cell) -> Number | None:
        if cell.quantity != "allreduce" or cell.path != "collective" or not cell.plain:
            return None
        hops, moved = ALGORITHMS[algorithm](cell.size_bytes, cell.workers)
        terms = cell.tensors * hops, moved
        hops_s, moved_s = all_reduce_s(terms, known.processor_per_hop_s, known.processor_per_byte_s)
        if cell.tensors == 1 and known.spinning_per_hop_s is not None:
            hops_s = hops_s + hops * known.spinning_per_hop_s
        return hops_s + moved_s

    spinning = Unknown("s/hop") if loaded else None
    record = CollectiveDemand(Unknown("s/hop"), Unknown("s/byte"), spinning)
    return Law("processor of a collective", record, seconds, {"": "collective"})


@dataclass(frozen=True)
class BothWays(Generic[N]):
    """What each direction of the link carries while the other is busy."""

    bandwidth_bytes_per_s: N


def both_ways(measured: Cell) -> Law:
    """The exchange with the most bytes in flight."""

    def seconds(known: BothWays[Number], cell: Cell) -> Number | None:
        if cell != measured:
            return None
        return cell.workers * cell.size_bytes / known.bandwidth_bytes_per_s

    places = {"bandwidth_bytes_per_s": "link.both_ways_bandwidth_bytes_per_s"}
    return Law("both ways", BothWays(Unknown("bytes/s", rate=True)), seconds, places)


@dataclass(frozen=True)
class Together(Generic[N]):
    """A fetch by several workers at once: what it takes at least, and what each of them gets."""

    latency_s: N
    bandwidth_bytes_per_s: N


def together(workers: int) -> Law:
    """Fetches of one tensor by all workers at once."""

    def seconds(known: Together[Number], cell: Cell) -> Number | None:
        fetch = cell.quantity == "fetch" and cell.path == "ps" and cell.plain
        if not fetch or cell.workers != workers or cell.tensors > 1:
            return None
        return known.latency_s + cell.size_bytes / known.bandwidth_bytes_per_s

    record = Together(Unknown(), Unknown("bytes/s", rate=True))
    return Law("together", record, seconds, {"": "link.shared"})
