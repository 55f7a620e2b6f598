"""Fit: a Calibration's samples turned into a Profile, with joint draws and held-out errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.fitting import laws
from nworkers.models.fitting.busy_cores import compute_under_load, usable_share
from nworkers.models.fitting.flow_weights import fit_flow_weights, seen_discipline
from nworkers.models.fitting.gpu_section import with_gpu
from nworkers.models.fitting.held_out import STEPS, fit_rows, held_out_cells
from nworkers.models.fitting.laws import (
    AllReduces,
    BothWays,
    CollectiveDemand,
    Demands,
    Law,
    LocalProducts,
    Session,
    Steps,
    Together,
)
from nworkers.models.fitting.link_sharing import Sharing, sharing
from nworkers.models.fitting.observations import (
    FittedLaw,
    Observations,
    R,
    Resampling,
    demands,
    determined,
    fit_law,
    times,
)
from nworkers.models.fitting.precision import PROVISIONAL_ROUNDS
from nworkers.models.fitting.residual_noise import residual_noise
from nworkers.models.fitting.round_spread import RoundSpread, round_levels
from nworkers.models.fitting.section_parts import collective, device, workload_time
from nworkers.models.fitting.select_law import (
    Choice,
    all_reduce_law,
    gemm_law,
    step_law,
    transfer_law,
)
from nworkers.models.fitting.several_ps import apart_per_doubling_s, most_ps
from nworkers.models.records.calibration import (
    Burst,
    Calibration,
    Cell,
    Quantity,
    as_calibrated,
    samples_sha256,
    typical_rounds,
)
from nworkers.models.records.environment_facts import fact_value
from nworkers.models.records.profile import (
    Candidate,
    Collective,
    Coordinator,
    Copy,
    Host,
    Link,
    Parameter,
    Profile,
    StepTime,
    scaled,
    value_at,
)


@dataclass(frozen=True)
class _Fits:
    """Every fitted law; None where nothing tells of one that a profile can do without."""

    session: FittedLaw[Session[Parameter]]
    gemm: FittedLaw[LocalProducts[Parameter]]
    steps: FittedLaw[Steps[Parameter]] | None
    steps_apart: FittedLaw[Steps[Parameter]] | None
    allreduce: FittedLaw[AllReduces[Parameter]] | None
    worker: FittedLaw[Demands[Parameter]]
    ps: FittedLaw[Demands[Parameter]]
    processor: FittedLaw[StepTime[Parameter]] | None
    collective: FittedLaw[CollectiveDemand[Parameter]] | None
    together: FittedLaw[Together[Parameter]] | None
    both_ways: FittedLaw[BothWays[Parameter]] | None
    python: FittedLaw[Copy[Parameter]] | None
    coordinator: FittedLaw[Coordinator[Parameter]] | None
    input: FittedLaw[StepTime[Parameter]] | None
    spread: RoundSpread
    candidates: dict[str, tuple[Candidate, ...]]

    def of(self, quantity: Quantity) -> FittedLaw[Any] | None:
        """The law that explains a quantity by size, if one does."""
        match quantity:
            case "gemm":
                return self.gemm
            case "fetch" | "push" | "fetch_push" | "apply":
                return self.session
            case "to_python":
                return self.python
            case "step" | "gradient":
                return self.steps_apart
            case "allreduce":
                return self.allreduce
            case "input":
                return self.input
        return None


def fit_profile(
    calibration: Calibration,
    *,
    draws: int = 200,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Profile:
    """Fit every section of a profile.

    Laws are chosen by what the cells' medians call for (`select_law`), then fitted to
    all rounds and, for the draws, to rounds drawn again, as far apart as those of other machines
    where there are few (`round_spread`).

    Args:
        progress: told the families fitted so far and their number.

    Raises:
        InputError: a quantity that every profile needs was not measured.
    """
    bursts = calibration.bursts
    if not bursts:
        raise InputError("bursts", "none", "a calibration that measured something")
    rounds = sorted({burst.round for burst in bursts})
    held_out = held_out_cells(bursts)
    fits = _fit(calibration, held_out, rounds, draws, seed, progress)
    shared = sharing(
        bursts,
        fits.session,
        cores=calibration.cores,
        one_host=calibration.evidence == "one host",
        kernel=(1.0 + _os_overhead_share(bursts)) / (_usable_share(calibration) or 1.0),
        seen=seen_discipline(calibration.crowds),
    )
    return _profile(calibration, fits, shared, held_out, rounds)


def _fit(
    calibration: Calibration,
    held_out: frozenset[Cell],
    rounds: Sequence[int],
    draws: int,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> _Fits:
    bursts = calibration.bursts
    first = [b for b in bursts if b.worker == 0]
    bank = times([b for b in first if b.cell not in held_out], seed)
    most = max((b.cell.workers for b in bursts if b.cell.plain and b.cell.path == "ps"), default=1)
    # Demand counts where tasks compete for cores; a task alone spins while it waits. On one host
    # two compete as more do, and what their idle cores cost is known apart (`busy_cores`).
    least = 2 if most > 2 and calibration.evidence == "one host" else most
    loaded = [b for b in first if b.processor and b.cell.path == "ps" and b.cell.workers >= least]
    spent = demands([b for b in first if b.cell.path != "ps"], "worker")
    session, gemm = transfer_law(bank), gemm_law(bank)
    # A batch that is asked for may be among few that tell of its number of threads: all are fitted,
    # and errors are those of another fit, which never saw what is held out.
    left = [b for b in first if b.cell in held_out and b.cell.quantity in STEPS]
    stepped = bank | times(left, seed)
    steps, reduced = chosen_steps(calibration, stepped), all_reduce_law(bank)
    loaded_reduce = any(cell.quantity == "allreduce" and cell.tensors > 1 for cell, _ in spent)
    chosen = [choice.law for choice in (session, gemm, steps, reduced)]
    spread = RoundSpread.of(bank, chosen)
    resampling = Resampling.of(rounds, draws, np.random.default_rng(seed), spread)
    collective = laws.collective_demand(reduced.law.record.algorithm, loaded=loaded_reduce)
    in_flight = _most_in_flight(bank)
    done = 0

    def told() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, len(fields(_Fits)) - 3)

    def needed(law: Law, observed: Observations) -> FittedLaw[Any]:
        made = fit_law(law, observed, resampling)
        told()
        return made

    def wanted(law: Law, observed: Observations) -> FittedLaw[Any] | None:
        # What a profile can do without, a line of two parameters must have two points for.
        made = fit_law(law, observed, resampling) if determined(law, observed) else None
        told()
        return made

    threads = steps.law.record.step.threads
    demanded = laws.gradient_demand(threads.products if threads else ())
    if not determined(demanded, spent):
        demanded = laws.gradient_demand()

    # Random numbers are drawn in this order.
    return _Fits(
        session=needed(session.law, bank),
        gemm=needed(gemm.law, bank),
        steps=wanted(steps.law, stepped),
        steps_apart=steps_apart(calibration, held_out, seed),
        allreduce=wanted(reduced.law, bank),
        worker=needed(laws.demand("worker"), demands(loaded, "worker")),
        ps=needed(laws.demand("ps"), demands(loaded, "ps")),
        processor=wanted(demanded, spent),
        collective=wanted(collective, spent),
        together=wanted(laws.together(most), bank),
        both_ways=wanted(laws.both_ways(in_flight), bank) if in_flight else None,
        python=wanted(laws.python(), bank),
        coordinator=wanted(laws.coordinator(), bank),
        input=wanted(laws.pipeline(), bank),
        spread=spread,
        candidates=session.tried | gemm.tried | steps.tried | reduced.tried,
    )


def chosen_steps(calibration: Calibration, bank: Observations) -> Choice:
    """The law of steps and gradients, by the L2 cache where the file tells of it."""
    told_kib = fact_value(calibration.environment.facts, "l2_cache")
    cache_bytes = 1024.0 * told_kib if told_kib else None
    return step_law(bank, calibration.workload, cache_bytes)


def steps_apart(
    calibration: Calibration, held_out: frozenset[Cell], seed: int = 1
) -> FittedLaw[Steps[Parameter]] | None:
    """Steps and gradients chosen and fitted without the batches that are held out."""
    first = [b for b in calibration.bursts if b.worker == 0 and b.cell.quantity in STEPS]
    bank = times([b for b in first if b.cell not in held_out], seed)
    law = chosen_steps(calibration, bank).law
    if not determined(law, bank):
        return None
    rounds = sorted({number for _, number in bank})
    spread = RoundSpread.of(bank, [law])
    return fit_law(law, bank, Resampling.of(rounds, 2, np.random.default_rng(seed), spread))


def _most_in_flight(bank: Observations) -> Cell | None:
    """The exchange of the most bytes, where they dwarf a latency; short ones fit into queues."""
    found = {
        cell for cell, _ in bank if cell.quantity == "exchange" and cell.plain and cell.tensors == 1
    }
    return max(found, key=lambda c: (c.workers * c.size_bytes, c.workers), default=None)


def _profile(
    calibration: Calibration,
    fits: _Fits,
    shared: Sharing,
    held_out: frozenset[Cell],
    rounds: Sequence[int],
) -> Profile:
    bursts = calibration.bursts
    workload = workload_time(calibration.workload.name, bursts, fits.steps, fits.processor)
    made = Profile(
        name=calibration.environment.hardware,
        hardware=calibration.environment.hardware,
        measured_at=calibration.environment.measured_at,
        samples_sha256=samples_sha256(bursts),
        rounds=len(rounds),
        provisional=typical_rounds(bursts) < PROVISIONAL_ROUNDS,
        device=device("/CPU:0", bursts, fits.gemm, workload),
        host=_host(calibration, fits),
        link=_link(calibration, fits, shared),
        collective=_collective(calibration, fits),
        noise=residual_noise(bursts, rounds, fits.spread),
        fit=fit_rows(bursts, fits.of, fits.candidates, held_out),
        workload=calibration.workload.name,
        round_levels=round_levels(bursts),
    )
    return with_gpu(as_calibrated(made, calibration), calibration)


def _link(calibration: Calibration, fits: _Fits, shared: Sharing) -> Link[Parameter]:
    moved = [
        b.cell for b in calibration.bursts if b.cell.plain and b.cell.quantity in ("fetch", "push")
    ]
    sizes = [cell.size_bytes for cell in moved]
    session, both_ways = fits.session.record, fits.both_ways
    return Link(
        kind=calibration.link_kind,
        evidence=calibration.evidence,
        dispatch_s=session.ps_dispatch_s,
        fetch=session.fetch,
        push=session.push,
        shared_bandwidth_bytes_per_s=_shared(shared, fits),
        discipline=shared.discipline or "fair",
        discipline_evidence="measured" if shared.discipline else "assumed",
        size_bytes=(float(min(sizes)), float(max(sizes))),
        tensors=(1, max(cell.tensors for cell in moved)),
        duplex=shared.duplex,
        both_ways_bandwidth_bytes_per_s=both_ways.record.bandwidth_bytes_per_s
        if both_ways
        else None,
        candidates=shared.candidates,
        flow_weights=fit_flow_weights(calibration.crowds),
    )


def _shared(shared: Sharing, fits: _Fits) -> Parameter | None:
    """The chosen rate, as uncertain as the transfers at once that it was told from."""
    if shared.bandwidth_bytes_per_s is None or fits.together is None:
        return None
    seen = fits.together.record.bandwidth_bytes_per_s
    return scaled(seen, shared.bandwidth_bytes_per_s / value_at(seen, None))


def _host(calibration: Calibration, fits: _Fits) -> Host[Parameter]:
    worker, ps = fits.worker.record, fits.ps.record
    return Host(
        cores=calibration.cores,
        server_dispatch_s=fits.session.record.server_dispatch_s,
        dispatch_worker_s=worker.dispatch_s,
        dispatch_ps_s=ps.dispatch_s,
        fetch_worker=worker.fetch,
        fetch_ps=ps.fetch,
        push_worker=worker.push,
        push_ps=ps.push,
        os_overhead_share=_os_overhead_share(calibration.bursts),
        usable_share=_usable_share(calibration),
        compute_under_load=compute_under_load(
            calibration.bursts, calibration.workload, fits.worker, fits.ps, fits.processor
        )
        if fits.processor
        else None,
        apart_ps_s=apart_per_doubling_s(calibration.bursts, fits.ps),
        most_ps=most_ps(calibration.bursts),
        concurrency=calibration.workers,
        # An optimiser whose updates were measured in no simple cell has none.
        apply=tuple(update for update in fits.session.record.apply if update.floor_s),
        python=_record(fits.python),
        coordinator=_record(fits.coordinator),
        input=_record(fits.input),
    )


def _record(fitted: FittedLaw[R] | None) -> R | None:
    return None if fitted is None else fitted.record


def _collective(calibration: Calibration, fits: _Fits) -> Collective[Parameter]:
    if fits.allreduce is None:
        return Collective(measured=False)
    reduced, demand = fits.allreduce.record, _record(fits.collective)
    made = collective(calibration.bursts, fits.allreduce)
    # Training runs under the strategy; the sessions' path stands for it where it was not measured.
    if reduced.dispatch_s is not None and reduced.latency_s is not None:
        made = replace(made, dispatch_s=reduced.dispatch_s, latency_s=reduced.latency_s)
    return replace(
        made,
        processor_per_hop_s=demand.processor_per_hop_s if demand else None,
        processor_per_byte_s=demand.processor_per_byte_s if demand else None,
        compute_loss=_compute_loss(calibration.bursts, fits),
    )


def _compute_loss(bursts: Iterable[Burst], fits: _Fits) -> float | None:
    """What gradients take beyond their time alone, per second of the all-reduce beside them.

    The median over all such cells. Where workers share a host it holds what they cost each other.
    """
    reduced, steps = fits.allreduce, fits.steps
    if reduced is None or steps is None:
        return None
    taken: dict[Cell, list[float]] = {}
    for burst in bursts:
        cell = burst.cell
        if cell.quantity == "gradient" and cell.overlap_bytes and burst.worker == 0:
            taken.setdefault(cell, []).append(float(np.median(burst.samples_s)))
    losses = []
    for cell, medians in taken.items():
        seconds = float(np.median(medians))
        alone_s = steps.seconds(Cell("gradient", "process", batch=cell.batch))
        like = Cell("allreduce", "collective", cell.overlap_bytes, workers=cell.workers)
        reduce_s = reduced.seconds(like)
        if alone_s and reduce_s:
            losses.append((seconds - alone_s) / min(seconds, reduce_s))
    return max(0.0, float(np.median(losses))) if losses else None


def _os_overhead_share(bursts: Iterable[Burst]) -> float:
    """Busy time of the host beyond its tasks', per second of theirs, over all remote bursts.

    What the host did while the process without a cluster ran is other people's, and taken off.
    """
    taken = [(b.cell, b.processor) for b in bursts if b.processor]
    quiet = [p for cell, p in taken if cell.path == "process"]
    remote = [p for cell, p in taken if cell.path == "ps" and not cell.device]
    wall_s = sum(p.wall_s for p in quiet)
    others = sum(p.host_s - p.worker_s for p in quiet) / wall_s if wall_s else 0.0
    tasks_s = sum(p.worker_s + p.ps_s for p in remote)
    host_s = sum(p.host_s - max(0.0, others) * p.wall_s for p in remote)
    return max(0.0, host_s / tasks_s - 1.0) if tasks_s else 0.0


def _usable_share(calibration: Calibration) -> float | None:
    return usable_share(
        calibration.bursts,
        cores=calibration.cores,
        one_host=calibration.evidence == "one host",
        system=1.0 + _os_overhead_share(calibration.bursts),
    )
