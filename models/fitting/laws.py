"""Laws: how long a measured cell takes, as a sum of positive terms.

Bandwidths and rates stand as their inverses, so that every law is linear in its parameters, but for
one set of terms of which only the largest may count. Parameters are named by their place in a
Profile.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nworkers.models.base.all_reduce_terms import ALGORITHMS, Algorithm
from nworkers.models.records.calibration import Cell, Executor
from nworkers.models.records.profile import GemmLaw

Row = tuple[float, ...]
TransferKind = Literal["fetch", "push"]
StepQuantity = Literal["step", "gradient"]
End = Literal["worker", "ps"]
GEMM_LAWS: tuple[GemmLaw, ...] = ("rate", "sum", "max", "segments")
TRANSFER_KINDS: tuple[TransferKind, ...] = ("fetch", "push")
REDUCING: tuple[Executor, ...] = ("collective", "mirrored")
STEPS: tuple[StepQuantity, ...] = ("step", "gradient")


@dataclass(frozen=True)
class Law:
    """Seconds of a cell: Σ coefficient · parameter.

    ``row`` gives a coefficient for each parameter, or None where the law says nothing of a cell.
    Of the columns in ``largest`` only the largest term counts. Parameters in ``optional`` may be
    missing from a calibration; the others are what every profile needs.
    """

    name: str
    parameters: tuple[str, ...]
    row: Callable[[Cell], Row | None]
    largest: tuple[int, ...] = ()
    optional: frozenset[str] = frozenset()

    def seconds(self, cell: Cell, values: Mapping[str, float]) -> float | None:
        """The law's time of a cell, or None where it says nothing or a value is missing."""
        row = self.row(cell)
        if row is None:
            return None
        used = {k: x for k, x in enumerate(row) if x}
        if any(self.parameters[k] not in values for k in used):
            return None
        terms = {k: x * values[self.parameters[k]] for k, x in used.items()}
        capped = [terms.pop(k) for k in self.largest if k in terms]
        return sum(terms.values()) + max(capped, default=0.0)


def _law(
    name: str,
    parameters: Sequence[str],
    terms: Callable[[Cell], Mapping[str, float] | None],
    *,
    largest: Sequence[str] = (),
    optional: Sequence[str] = (),
) -> Law:
    places = {parameter: k for k, parameter in enumerate(parameters)}

    def row(cell: Cell) -> Row | None:
        found = terms(cell)
        if found is None:
            return None
        made = [0.0] * len(places)
        for parameter, coefficient in found.items():
            made[places[parameter]] = coefficient
        return tuple(made)

    return Law(
        name,
        tuple(parameters),
        row,
        tuple(places[parameter] for parameter in largest),
        frozenset(optional),
    )


def transfers(
    breaks: Mapping[str, Sequence[float]],
    optimizers: Collection[str] = (),
    *,
    several: bool = False,
    credits: Mapping[str, float] | None = None,
) -> Law:
    """Steps through a worker's own server: empty, fetching, pushing, both, and updates on the ps.

    A transfer is Hockney's α + n/β (*Parallel Computing* 20, 1994), with what every tensor after
    the first adds, and what it adds that there are several at all. Beyond a break, in bytes a
    tensor, α and β are others: protocols switch by jumps. A push that follows a fetch in its step
    has a latency of its own, since the ps has asked for the gradient by then. A push's update costs
    what it costs alone, per byte; what the update costs at least is in the push's latency.

    Args:
        breaks: of ``fetch`` and ``push``, ascending.
        optimizers: whose updates were measured alone.
        several: whether more than one tensor costs more than each further one does.
        credits: bytes that pass before the rate of the largest tensors holds, by quantity.
    """
    passing = credits or {}
    names = ["host.server_dispatch_s", "link.dispatch_s"]
    for kind in TRANSFER_KINDS:
        names += [f"link.{kind}.per_tensor_s", *([f"link.{kind}.several_s"] if several else [])]
        for segment in range(1 + len(breaks.get(kind, ()))):
            place = segment_name(kind, segment)
            names += [f"{place}.latency_s", f"{place}.per_byte_s"]
    updates = [f"host.apply[{o}].{part}" for o in optimizers for part in ("floor_s", "per_byte_s")]
    extra = ["link.push.after_fetch_s", *updates]

    def moved(kind: TransferKind, cell: Cell) -> dict[str, float]:
        ends = breaks.get(kind, ())
        segment = bisect_right(ends, cell.size_bytes / cell.tensors)
        place = segment_name(kind, segment)
        passed = passing.get(kind, 0.0) if segment == len(ends) else 0.0
        terms = {
            f"{place}.latency_s": 1.0,
            f"link.{kind}.per_tensor_s": cell.tensors - 1.0,
            f"{place}.per_byte_s": max(0.0, cell.size_bytes - passed),
        }
        if several:
            terms[f"link.{kind}.several_s"] = float(cell.tensors > 1)
        if kind == "push" and "sgd" in optimizers:
            terms["host.apply[sgd].per_byte_s"] = float(cell.size_bytes)
        return terms

    def terms(cell: Cell) -> dict[str, float] | None:
        if cell.path not in ("server", "ps") or cell.workers > 1 or not _simple(cell):
            return None
        dispatch = {"host.server_dispatch_s": 1.0, "link.dispatch_s": float(cell.path == "ps")}
        size = float(cell.size_bytes)
        match cell.quantity:
            case "noop":
                return dispatch
            case "fetch":
                return dispatch | moved("fetch", cell)
            case "push":
                return dispatch | moved("push", cell)
            case "fetch_push":
                pushed = moved("push", cell)
                latency = next(name for name in pushed if name.endswith("latency_s"))
                pushed["link.push.after_fetch_s"] = pushed.pop(latency)
                return dispatch | moved("fetch", cell) | pushed
            case "apply" if cell.optimizer in optimizers:
                place = f"host.apply[{cell.optimizer}]"
                return dispatch | {f"{place}.floor_s": 1.0, f"{place}.per_byte_s": size}
        return None

    optional = [*extra, *(name for name in names if name.endswith("several_s"))]
    return _law("several" if several else "line", [*names, *extra], terms, optional=optional)


def segment_name(kind: str, segment: int) -> str:
    """Where a Profile keeps the latency and bandwidth of a size segment, counted from 0."""
    return f"link.{kind}.segments[{segment - 1}]" if segment else f"link.{kind}"


def _simple(cell: Cell) -> bool:
    """One ps, one connection, a processor, and nothing beside it."""
    return (cell.ps, cell.flows, cell.overlap_bytes, cell.device) == (1, 1, 0, "")


def gemm(kind: GemmLaw, breaks: Sequence[float] = ()) -> Law:
    """A product: overhead + flops/rate, plus bytes/bandwidth, or the larger of the two.

    The last is the roofline (Williams, Waterman and Patterson, *Comm. ACM* 52, 2009). Bytes are
    those of both operands and the result, each moved once. Beyond a break, in flops, overhead and
    rate are others: the runtime gives a product to more threads where it is large enough.
    """
    flop, byte = "device.per_flop_s", "device.per_byte_s"
    both = (byte,) if kind in ("sum", "max") else ()
    places = ["device", *(f"device.gemm_segments[{k}]" for k in range(len(breaks)))]

    def terms(cell: Cell) -> dict[str, float] | None:
        if cell.path != "process" or not cell.plain:
            return None
        if cell.quantity == "noop":
            return {"device.dispatch_s": 1.0}
        if cell.quantity != "gemm":
            return None
        place = places[bisect_right(breaks, cell.flops)]
        found = {
            "device.dispatch_s": 1.0,
            f"{place}.gemm_overhead_s": 1.0,
            f"{place}.per_flop_s": cell.flops,
        }
        return found | dict.fromkeys(both, matrix_bytes(cell))

    rates = [f"{p}.{name}" for p in places for name in ("gemm_overhead_s", "per_flop_s")]
    names = ("device.dispatch_s", *rates, *both)
    return _law(kind, names, terms, largest=(flop, byte) if kind == "max" else ())


def matrix_bytes(cell: Cell) -> float:
    """Bytes of a product's operands and result, in float32."""
    return 4.0 * (
        cell.batch * cell.features + cell.features * cell.hidden + cell.batch * cell.hidden
    )


def step(quantity: StepQuantity, name: str, *, knee: bool) -> Law:
    """A training step in one process: floor + per sample, from a knee on if it has one.

    Below the knee a device is not saturated, and a smaller batch takes no less time.
    """
    per_sample, plateau = f"{name}.per_sample_s", f"{name}.plateau_s"
    more = (plateau,) if knee else ()

    def terms(cell: Cell) -> dict[str, float] | None:
        if cell.quantity != quantity or cell.path != "process" or not cell.plain:
            return None
        return {f"{name}.floor_s": 1.0, per_sample: float(cell.batch)} | dict.fromkeys(more, 1.0)

    return _law(
        f"{name} with a knee" if knee else name,
        (f"{name}.floor_s", per_sample, *more),
        terms,
        largest=(per_sample, plateau) if knee else (),
    )


def all_reduce(algorithm: Algorithm) -> Law:
    """Collectives between the workers' servers, and those of MultiWorkerMirroredStrategy.

    Both paths move the same bytes in the same way, but a strategy's hop takes longer, and so each
    has a latency of its own after a dispatch of its own. What a worker spends on adding up is in
    the bandwidth: in a ring it grows with the very bytes that are moved.
    """
    exchanged = ALGORITHMS[algorithm]

    def terms(cell: Cell) -> dict[str, float] | None:
        mirrored = cell.path == "mirrored"
        of = "collective" if mirrored else "collective.session"
        if cell.quantity == "noop" and (mirrored or (cell.path, cell.workers) == ("server", 1)):
            return {f"{of}.dispatch_s": 1.0}
        if cell.quantity != "allreduce" or not cell.plain or cell.tensors > 1:
            return None
        hops, moved = exchanged(cell.size_bytes, cell.workers)
        return {
            f"{of}.dispatch_s": 1.0,
            f"{of}.latency_s": hops,
            "collective.per_byte_s": moved,
        }

    session = ("collective.session.dispatch_s", "collective.session.latency_s")
    mirrored = ("collective.dispatch_s", "collective.latency_s")
    return _law(algorithm, (*session, *mirrored, "collective.per_byte_s"), terms, optional=mirrored)


def python() -> Law:
    """A tensor of a worker's own server brought into Python, the step's dispatch included."""

    def terms(cell: Cell) -> dict[str, float] | None:
        if cell.quantity != "to_python" or cell.path != "server":
            return None
        return {"host.python.latency_s": 1.0, "host.python.per_byte_s": float(cell.size_bytes)}

    return _law("python", ("host.python.latency_s", "host.python.per_byte_s"), terms)


def coordinator() -> Law:
    """An empty function of a ClusterCoordinator, and what each further one costs its process."""

    def terms(cell: Cell) -> dict[str, float] | None:
        if (cell.quantity, cell.path) != ("noop", "coordinator"):
            return None
        return {
            "host.coordinator.latency_s": 1.0,
            "host.coordinator.serial_s": cell.workers - 1.0,
        }

    return _law("coordinator", ("host.coordinator.latency_s", "host.coordinator.serial_s"), terms)


def pipeline() -> Law:
    """A batch of the input pipeline: floor + per sample."""

    def terms(cell: Cell) -> dict[str, float] | None:
        if cell.quantity != "input":
            return None
        return {"host.input.floor_s": 1.0, "host.input.per_sample_s": float(cell.batch)}

    return _law("input", ("host.input.floor_s", "host.input.per_sample_s"), terms)


def demand(end: End) -> Law:
    """Processor seconds of an operation at one end, of cells in which all workers take part."""
    dispatch = f"host.dispatch_{end}_s"
    names = [dispatch]
    for kind in TRANSFER_KINDS:
        names += [f"host.{kind}_{end}.per_{of}_s" for of in ("request", "tensor", "byte")]

    def terms(cell: Cell) -> dict[str, float] | None:
        if cell.path != "ps" or not cell.plain:
            return None
        if cell.quantity == "noop":
            return {dispatch: 1.0}
        if cell.quantity not in ("fetch", "push"):
            return None
        place = f"host.{cell.quantity}_{end}"
        return {
            dispatch: 1.0,
            f"{place}.per_request_s": 1.0,
            f"{place}.per_tensor_s": cell.tensors - 1.0,
            f"{place}.per_byte_s": float(cell.size_bytes),
        }

    return _law(f"processor of the {end}", names, terms)


def collective_demand(algorithm: Algorithm, *, loaded: bool) -> Law:
    """Processor seconds of one worker in an all-reduce through its server.

    Threads of a worker that waits for its neighbour spin, which costs nobody anything: what a hop
    takes where many compete shows with many all-reduces in flight.

    Args:
        loaded: whether there are cells of many; without them a hop's spinning counts.
    """
    exchanged = ALGORITHMS[algorithm]
    per_hop, per_byte = (f"collective.processor_per_{n}_s" for n in ("hop", "byte"))
    spinning = "collective.spinning_per_hop_s"

    def terms(cell: Cell) -> dict[str, float] | None:
        if cell.quantity != "allreduce" or cell.path != "collective" or not cell.plain:
            return None
        hops, moved = exchanged(cell.size_bytes, cell.workers)
        asked = {per_hop: cell.tensors * hops, per_byte: moved}
        if loaded and cell.tensors == 1:
            asked[spinning] = hops
        return asked

    names = (per_hop, per_byte, *((spinning,) if loaded else ()))
    return _law("processor of a collective", names, terms)


def both_ways(measured: Cell) -> Law:
    """The exchange with the most bytes in flight: each direction while the other is busy."""

    def terms(cell: Cell) -> dict[str, float] | None:
        moved = float(cell.workers * cell.size_bytes)
        return {"both_ways.per_byte_s": moved} if cell == measured else None

    return _law("both ways", ("both_ways.per_byte_s",), terms)


def together(workers: int) -> Law:
    """Fetches of one tensor by all workers at once."""

    def terms(cell: Cell) -> dict[str, float] | None:
        fetch = cell.quantity == "fetch" and cell.path == "ps" and cell.plain
        if not fetch or cell.workers != workers or cell.tensors > 1:
            return None
        return {"together.latency_s": 1.0, "together.per_byte_s": float(cell.size_bytes)}

    return _law("together", ("together.latency_s", "together.per_byte_s"), terms)
