"""Fit: a Calibration's samples turned into a Profile, with joint draws and held-out errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nworkers.models.base.all_reduce_terms import ALGORITHMS
from nworkers.models.base.errors import InputError
from nworkers.models.fitting import laws
from nworkers.models.fitting.flow_weights import fit_flow_weights, seen_discipline
from nworkers.models.fitting.held_out import fit_rows, held_out_cells
from nworkers.models.fitting.laws import Law
from nworkers.models.fitting.link_sharing import Sharing, sharing
from nworkers.models.fitting.observations import (
    FittedLaw,
    Observations,
    Resampling,
    demands,
    determined,
    fit_law,
    times,
)
from nworkers.models.fitting.precision import PROVISIONAL_ROUNDS
from nworkers.models.fitting.residual_noise import residual_noise
from nworkers.models.fitting.select_law import (
    Choice,
    all_reduce_law,
    gemm_law,
    step_law,
    transfer_law,
)
from nworkers.models.records.calibration import (
    Burst,
    Calibration,
    Cell,
    samples_sha256,
    typical_rounds,
)
from nworkers.models.records.profile import (
    Apply,
    Candidate,
    Collective,
    Coordinator,
    Copy,
    Demand,
    Device,
    GemmSegment,
    Host,
    Link,
    Parameter,
    Profile,
    Segment,
    StepTime,
    TransferPath,
    WorkloadTime,
)

#: Laws that every profile needs; the others are left out where nothing tells of them.
NEEDED = ("transfers", "gemm", "processor of the worker", "processor of the ps")


@dataclass(frozen=True)
class _Found:
    """All fitted laws by the name of what they explain, and the parameters of all of them."""

    fitted: dict[str, FittedLaw]
    choices: dict[str, Choice]

    @property
    def candidates(self) -> dict[str, tuple[Candidate, ...]]:
        """The laws that were tried, by quantity."""
        return {q: tried for choice in self.choices.values() for q, tried in choice.tried.items()}

    @property
    def parameters(self) -> dict[str, Parameter]:
        return {n: p for family in self.fitted.values() for n, p in family.parameters.items()}


def fit_profile(
    calibration: Calibration,
    *,
    draws: int = 200,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Profile:
    """Fit every section of a profile.

    Laws are chosen by what the cells' medians call for (`select_law`), then fitted to
    all rounds and, for the draws, to rounds drawn again; deviations are widened for few rounds by
    Student's factor (``student_inflation``).

    Args:
        progress: told the families fitted so far and their number.

    Raises:
        InputError: a quantity that every profile needs was not measured.
    """
    bursts = calibration.bursts
    if not bursts:
        raise InputError("bursts", "none", "a calibration that measured something")
    rng = np.random.default_rng(seed)
    rounds = sorted({burst.round for burst in bursts})
    held_out = held_out_cells(bursts)
    resampling = Resampling.of(rounds, draws, rng)
    found = _fit(calibration, held_out, resampling, seed, progress)
    transfers = found.fitted["transfers"]
    shared = sharing(
        bursts,
        transfers,
        cores=calibration.cores,
        one_host=calibration.evidence == "one host",
        kernel=1.0 + _kernel_share(bursts),
        seen=seen_discipline(calibration.crowds),
    )
    return _profile(calibration, found, shared, held_out, rounds)


def _fit(
    calibration: Calibration,
    held_out: frozenset[Cell],
    resampling: Resampling,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> _Found:
    bursts = calibration.bursts
    first = [b for b in bursts if b.worker == 0]
    bank = times([b for b in first if b.cell not in held_out], seed)
    most = max((b.cell.workers for b in bursts if b.cell.plain and b.cell.path == "ps"), default=1)
    # Demand counts where tasks compete for cores; a task alone spins while it waits.
    loaded = [b for b in first if b.processor and b.cell.path == "ps" and b.cell.workers == most]
    spent = demands([b for b in first if b.cell.path != "ps"], "worker")
    choices = {
        "transfers": transfer_law(bank),
        "gemm": gemm_law(bank),
        "step": step_law("step", bank),
        "gradient": step_law("gradient", bank),
        "allreduce": all_reduce_law(bank),
    }
    reduce = next(name for name in ALGORITHMS if name == choices["allreduce"].law.name)
    loaded_reduce = any(cell.quantity == "allreduce" and cell.tensors > 1 for cell, _ in spent)
    families: list[tuple[str, Law, Observations]] = [
        *((name, choice.law, bank) for name, choice in choices.items()),
        ("processor of the worker", laws.demand("worker"), demands(loaded, "worker")),
        ("processor of the ps", laws.demand("ps"), demands(loaded, "ps")),
        ("processor of gradients", laws.step("gradient", "processor", knee=False), spent),
        (
            "processor of a collective",
            laws.collective_demand(reduce, loaded=loaded_reduce),
            spent,
        ),
        ("together", laws.together(most), bank),
        *(("both ways", laws.both_ways(cell), bank) for cell in _most_in_flight(bank)),
        ("python", laws.python(), bank),
        ("coordinator", laws.coordinator(), bank),
        ("input", laws.pipeline(), bank),
    ]
    fitted: dict[str, FittedLaw] = {}
    for done, (name, law, observed) in enumerate(families):
        # What a profile can do without, a line of two parameters must have two points for.
        if name in NEEDED or determined(law, observed):
            fitted[name] = fit_law(law, observed, resampling)
        if progress is not None:
            progress(done + 1, len(families))
    return _Found(fitted, choices)


def _most_in_flight(bank: Observations) -> list[Cell]:
    """The exchange of the most bytes, where they dwarf a latency; short ones fit into queues."""
    found = {
        cell for cell, _ in bank if cell.quantity == "exchange" and cell.plain and cell.tensors == 1
    }
    return sorted(found, key=lambda c: (c.workers * c.size_bytes, c.workers))[-1:]


def _inverse(parameter: Parameter, unit: str, factor: float = 1.0) -> Parameter:
    """``factor`` over the parameter: seconds per byte as bytes per second."""
    low, high = parameter.interval
    return replace(
        parameter,
        estimate=factor / parameter.estimate,
        interval=(factor / high, factor / low),
        unit=unit,
        draws=tuple(factor / d for d in parameter.draws),
    )


def _profile(
    calibration: Calibration,
    found: _Found,
    shared: Sharing,
    held_out: frozenset[Cell],
    rounds: Sequence[int],
) -> Profile:
    bursts, fitted = calibration.bursts, found.parameters
    link = _link(calibration, found, shared)
    workload = _workload_time(calibration, fitted)
    flops = [b.cell.flops for b in bursts if b.cell.plain and b.cell.quantity == "gemm"]
    bandwidth = fitted.get("device.per_byte_s")
    return Profile(
        name=calibration.environment.hardware,
        hardware=calibration.environment.hardware,
        measured_at=calibration.environment.measured_at,
        samples_sha256=samples_sha256(bursts),
        rounds=len(rounds),
        provisional=typical_rounds(bursts) < PROVISIONAL_ROUNDS,
        device=Device(
            name="/CPU:0",
            dispatch_s=fitted["device.dispatch_s"],
            gemm_overhead_s=fitted["device.gemm_overhead_s"],
            gemm_flops_per_s=_inverse(fitted["device.per_flop_s"], "flop/s"),
            gemm_flops=(min(flops), max(flops)),
            workloads=(workload,) if workload else (),
            gemm_law=next(k for k in laws.GEMM_LAWS if k == found.fitted["gemm"].law.name),
            gemm_bandwidth_bytes_per_s=_inverse(bandwidth, "bytes/s") if bandwidth else None,
            gemm_segments=tuple(
                GemmSegment(
                    from_flops,
                    fitted[f"device.gemm_segments[{k}].gemm_overhead_s"],
                    _inverse(fitted[f"device.gemm_segments[{k}].per_flop_s"], "flop/s"),
                )
                for k, from_flops in enumerate(found.choices["gemm"].breaks.get("gemm", ()))
            ),
        ),
        host=_host(calibration, fitted),
        link=link,
        collective=_collective(calibration, found, link),
        noise=residual_noise(bursts, rounds),
        fit=fit_rows(bursts, found.fitted, found.candidates, held_out),
        workload=calibration.workload.name,
    )


def _link(calibration: Calibration, found: _Found, shared: Sharing) -> Link:
    fitted = found.parameters
    moved = [
        b.cell for b in calibration.bursts if b.cell.plain and b.cell.quantity in ("fetch", "push")
    ]
    sizes = [cell.size_bytes for cell in moved]
    both = fitted.get("both_ways.per_byte_s")
    return Link(
        kind=calibration.link_kind,
        evidence=calibration.evidence,
        dispatch_s=fitted["link.dispatch_s"],
        fetch=_path("fetch", found),
        push=_path("push", found),
        shared_bandwidth_bytes_per_s=_shared(shared, fitted),
        discipline=shared.discipline or "fair",
        discipline_evidence="measured" if shared.discipline else "assumed",
        size_bytes=(float(min(sizes)), float(max(sizes))),
        tensors=(1, max(cell.tensors for cell in moved)),
        duplex=shared.duplex,
        both_ways_bandwidth_bytes_per_s=_inverse(both, "bytes/s") if both else None,
        candidates=shared.candidates,
        uneven=fit_flow_weights(calibration.crowds),
    )


def _path(kind: laws.TransferKind, found: _Found) -> TransferPath:
    fitted = found.parameters
    segments = [
        Segment(
            from_bytes,
            fitted[f"{place}.latency_s"],
            _inverse(fitted[f"{place}.per_byte_s"], "bytes/s"),
        )
        for k, from_bytes in enumerate(found.choices["transfers"].breaks[kind])
        for place in [laws.segment_name(kind, k + 1)]
    ]
    return TransferPath(
        fitted[f"link.{kind}.latency_s"],
        fitted[f"link.{kind}.per_tensor_s"],
        _inverse(fitted[f"link.{kind}.per_byte_s"], "bytes/s"),
        tuple(segments),
        fitted.get(f"link.{kind}.after_fetch_s"),
        fitted.get(f"link.{kind}.several_s"),
        found.choices["transfers"].credits[kind],
    )


def _shared(shared: Sharing, fitted: Mapping[str, Parameter]) -> Parameter | None:
    """The chosen rate, as uncertain as the transfers at once that it was told from."""
    together = fitted.get("together.per_byte_s")
    if shared.bandwidth_bytes_per_s is None or together is None:
        return None
    rate = shared.bandwidth_bytes_per_s
    return _inverse(together, "bytes/s", rate * together.estimate)


def _host(calibration: Calibration, fitted: Mapping[str, Parameter]) -> Host:
    def demand(name: str) -> Demand:
        return Demand(
            fitted[f"host.{name}.per_request_s"],
            fitted[f"host.{name}.per_tensor_s"],
            fitted[f"host.{name}.per_byte_s"],
        )

    optimizers = dict.fromkeys(b.cell.optimizer for b in calibration.bursts if b.cell.optimizer)
    python = fitted.get("host.python.latency_s"), fitted.get("host.python.per_byte_s")
    coordinator = "host.coordinator.latency_s" in fitted
    return Host(
        cores=calibration.cores,
        server_dispatch_s=fitted["host.server_dispatch_s"],
        dispatch_worker_s=fitted["host.dispatch_worker_s"],
        dispatch_ps_s=fitted["host.dispatch_ps_s"],
        fetch_worker=demand("fetch_worker"),
        fetch_ps=demand("fetch_ps"),
        push_worker=demand("push_worker"),
        push_ps=demand("push_ps"),
        kernel_share=_kernel_share(calibration.bursts),
        concurrency=calibration.workers,
        apply=tuple(
            Apply(o, fitted[f"host.apply[{o}].floor_s"], fitted[f"host.apply[{o}].per_byte_s"])
            for o in optimizers
            if f"host.apply[{o}].floor_s" in fitted
        ),
        python=Copy(python[0], _inverse(python[1], "bytes/s")) if python[0] and python[1] else None,
        coordinator=Coordinator(
            fitted["host.coordinator.latency_s"], fitted["host.coordinator.serial_s"]
        )
        if coordinator
        else None,
        input=_line("host.input", fitted),
    )


def _collective(calibration: Calibration, found: _Found, link: Link) -> Collective:
    family, fitted = found.fitted.get("allreduce"), found.parameters
    gradient = found.fitted.get("gradient")
    if family is None:
        # Between the same tasks over the same wire: as a fetch, until it is measured.
        return Collective(False, link.fetch.latency_s, link.fetch.bandwidth_bytes_per_s)
    cells = [b.cell for b in calibration.bursts if b.cell.quantity == "allreduce"]
    # Training runs under the strategy; the sessions' path stands for it where it was not measured.
    path = "collective" if "collective.latency_s" in fitted else "collective.session"
    return Collective(
        measured=True,
        latency_s=fitted[f"{path}.latency_s"],
        bandwidth_bytes_per_s=_inverse(fitted["collective.per_byte_s"], "bytes/s"),
        workers=(min(c.workers for c in cells), max(c.workers for c in cells)),
        size_bytes=(
            float(min(c.size_bytes for c in cells)),
            float(max(c.size_bytes for c in cells)),
        ),
        algorithm=next(name for name in ALGORITHMS if name == family.law.name),
        dispatch_s=fitted[f"{path}.dispatch_s"],
        session_latency_s=fitted["collective.session.latency_s"],
        processor_per_hop_s=fitted.get("collective.processor_per_hop_s"),
        processor_per_byte_s=fitted.get("collective.processor_per_byte_s"),
        compute_loss=_compute_loss(calibration.bursts, family, gradient) if gradient else None,
    )


def _compute_loss(bursts: Iterable[Burst], reduce: FittedLaw, gradient: FittedLaw) -> float | None:
    """What gradients take beyond their time alone, per second of the all-reduce beside them.

    The median over all such cells. Where workers share a host it holds what they cost each other.
    """
    taken: dict[Cell, list[float]] = {}
    for burst in bursts:
        cell = burst.cell
        if cell.quantity == "gradient" and cell.overlap_bytes and burst.worker == 0:
            taken.setdefault(cell, []).append(float(np.median(burst.samples_s)))
    losses = []
    for cell, medians in taken.items():
        seconds = float(np.median(medians))
        alone_s = gradient.law.seconds(
            Cell("gradient", "process", batch=cell.batch), gradient.values
        )
        like = Cell("allreduce", "collective", cell.overlap_bytes, workers=cell.workers)
        reduce_s = reduce.law.seconds(like, reduce.values)
        if alone_s and reduce_s:
            losses.append((seconds - alone_s) / min(seconds, reduce_s))
    return max(0.0, float(np.median(losses))) if losses else None


def _kernel_share(bursts: Iterable[Burst]) -> float:
    """Busy time of the host beyond its tasks', per second of theirs, over all remote bursts.

    What the host did while the process without a cluster ran is other people's, and taken off.
    """
    taken = [(b.cell.path, b.processor) for b in bursts if b.processor]
    quiet = [p for path, p in taken if path == "process"]
    remote = [p for path, p in taken if path == "ps"]
    wall_s = sum(p.wall_s for p in quiet)
    others = sum(p.host_s - p.worker_s for p in quiet) / wall_s if wall_s else 0.0
    tasks_s = sum(p.worker_s + p.ps_s for p in remote)
    host_s = sum(p.host_s - max(0.0, others) * p.wall_s for p in remote)
    return max(0.0, host_s / tasks_s - 1.0) if tasks_s else 0.0


def _workload_time(
    calibration: Calibration, fitted: Mapping[str, Parameter]
) -> WorkloadTime | None:
    step, gradient, processor = (_line(n, fitted) for n in ("step", "gradient", "processor"))
    # An interrupted calibration may hold one without the others.
    if step is None or gradient is None or processor is None:
        return None
    batches = [
        b.cell.batch
        for b in calibration.bursts
        if b.cell.plain and b.cell.path == "process" and b.cell.quantity == "step"
    ]
    return WorkloadTime(
        workload=calibration.workload.name,
        batches=(min(batches), max(batches)),
        step=step,
        gradient=gradient,
        processor=processor,
    )


def _line(name: str, fitted: Mapping[str, Parameter]) -> StepTime | None:
    if f"{name}.floor_s" not in fitted:
        return None
    return StepTime(
        fitted[f"{name}.floor_s"], fitted[f"{name}.per_sample_s"], fitted.get(f"{name}.plateau_s")
    )
