"""GPU section: what cells that ran on a GPU tell, by the laws that hold for processors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from nworkers.models.fitting import laws
from nworkers.models.fitting.held_out import fit_rows, held_out_cells
from nworkers.models.fitting.laws import AllReduces, Law, LocalProducts, Session, Steps
from nworkers.models.fitting.observations import (
    FittedLaw,
    Observations,
    Resampling,
    demands,
    determined,
    fit_law,
    times,
)
from nworkers.models.fitting.residual_noise import residual_noise
from nworkers.models.fitting.round_spread import RoundSpread
from nworkers.models.fitting.section_parts import collective, device, workload_time
from nworkers.models.fitting.select_law import all_reduce_law, gemm_law, step_law, transfer_law
from nworkers.models.records.calibration import Burst, Calibration, Cell, Quantity
from nworkers.models.records.profile import (
    Candidate,
    Copy,
    Discipline,
    GpuSection,
    Noise,
    Parameter,
    Profile,
    StepTime,
)

#: An overhead, a rate, and one to tell that they fit.
LEAST_SHAPES = 3
#: A worker that two at once do not slow down keeps no more than this of a GPU busy.
_HALF = 0.5


def on_gpu_cells(bursts: Iterable[Burst]) -> tuple[Burst, ...]:
    """The bursts on a GPU, written as those of a processor, whose laws they follow."""
    return tuple(
        replace(burst, cell=replace(burst.cell, device=""))
        for burst in bursts
        if burst.cell.device == "gpu"
    )


def with_gpu(profile: Profile, calibration: Calibration, *, seed: int = 1) -> Profile:
    """The profile with a section for the GPU, where the calibration tells of products on one.

    Profiles that were fitted by an earlier version have none.
    """
    seen = on_gpu_cells(calibration.bursts)
    shapes = {burst.cell for burst in seen if burst.cell.quantity == "gemm" and burst.cell.plain}
    if profile.gpu is not None or len(shapes) < LEAST_SHAPES:
        return profile
    return replace(profile, gpu=fit_gpu(calibration, draws=profile.draws, seed=seed))


@dataclass(frozen=True)
class _Fits:
    """Laws of the GPU's cells; None where nothing tells of one."""

    gemm: FittedLaw[LocalProducts[Parameter]]
    copy_in: FittedLaw[Copy[Parameter]] | None
    copy_out: FittedLaw[Copy[Parameter]] | None
    steps: FittedLaw[Steps[Parameter]] | None
    processor: FittedLaw[StepTime[Parameter]] | None
    session: FittedLaw[Session[Parameter]] | None
    allreduce: FittedLaw[AllReduces[Parameter]] | None
    spread: RoundSpread
    tried: dict[str, tuple[Candidate, ...]]

    def of(self, quantity: Quantity) -> FittedLaw[Any] | None:
        """The law that explains a quantity by size, if one does."""
        match quantity:
            case "gemm":
                return self.gemm
            case "copy_in":
                return self.copy_in
            case "copy_out":
                return self.copy_out
            case "fetch" | "push" | "fetch_push":
                return self.session
            case "step" | "gradient":
                return self.steps
            case "allreduce":
                return self.allreduce
        return None


def fit_gpu(calibration: Calibration, *, draws: int, seed: int = 1) -> GpuSection[Parameter]:
    """Fit the section of a host's GPU, with draws that belong to those of its other sections.

    Raises:
        InputError: there are no products, or not even a processor's empty step.
    """
    seen = on_gpu_cells(calibration.bursts)
    rounds = sorted({burst.round for burst in calibration.bursts})
    first = [b for b in (*seen, *_beside(calibration, seen)) if b.worker == 0]
    fits = _fitted(first, rounds, draws, seed)
    # Only the largest products of a GPU take longer than an empty step, so that the rate needs them
    # all: errors are those of another fit, which never saw what is held out.
    held_out = held_out_cells(seen)
    apart = _fitted([b for b in first if b.cell not in held_out], rounds, 2, seed)
    share, discipline, evidence = _sharing(calibration.bursts)
    record = fits.session.record if fits.session else None
    memory = calibration.gpu_memory
    time = workload_time(calibration.workload.name, seen, fits.steps, fits.processor)
    if time and memory:
        time = replace(time, activation_bytes_per_sample=memory.per_sample_bytes)
    return GpuSection(
        # Earlier versions did not count them, and used the first.
        count=max(1, calibration.gpus),
        device=replace(
            device("/GPU:0", seen, fits.gemm, time),
            kind="gpu",
            busy_share=share,
            discipline=discipline,
        ),
        noise=_noise(seen, rounds, fits.spread),
        fit=fit_rows(first, apart.of, fits.tried, held_out),
        copy_in=fits.copy_in.record if fits.copy_in else None,
        copy_out=fits.copy_out.record if fits.copy_out else None,
        server_dispatch_s=record.server_dispatch_s if record else None,
        ps_dispatch_s=record.ps_dispatch_s if record else None,
        fetch=record.fetch if record else None,
        push=record.push if record else None,
        # They take no processor worth counting.
        collective=collective(seen, fits.allreduce) if fits.allreduce else None,
        sharing_evidence=evidence,
        memory_bytes=float(memory.available_bytes) if memory else None,
    )


def _fitted(bursts: Sequence[Burst], rounds: Sequence[int], draws: int, seed: int) -> _Fits:
    """Every law that the bursts tell of, as a processor's are chosen and fitted."""
    bank = times(bursts, seed)
    gemm, steps, reduced = gemm_law(bank), step_law(bank), all_reduce_law(bank)
    spread = RoundSpread.of(bank, [gemm.law, steps.law])
    resampling = Resampling.of(rounds, draws, np.random.default_rng(seed), spread)
    spent = demands([b for b in bursts if b.cell.path == "process"], "worker")
    tried = gemm.tried | steps.tried | reduced.tried

    def wanted(law: Law, observed: Observations) -> FittedLaw[Any] | None:
        return fit_law(law, observed, resampling) if determined(law, observed) else None

    session = None
    if {"fetch", "push"} <= {burst.cell.quantity for burst in bursts}:
        chosen = transfer_law(bank)
        tried |= chosen.tried
        session = wanted(chosen.law, bank)
    return _Fits(
        gemm=fit_law(gemm.law, bank, resampling),
        copy_in=wanted(laws.device_copy("copy_in"), bank),
        copy_out=wanted(laws.device_copy("copy_out"), bank),
        steps=wanted(steps.law, bank),
        processor=wanted(laws.gradient_demand(), spent),
        session=session,
        allreduce=wanted(reduced.law, bank),
        spread=spread,
        tried=tried,
    )


def _beside(calibration: Calibration, seen: Sequence[Burst]) -> list[Burst]:
    """What the GPU's laws need of other cells.

    The ps are on processors, whoever asks them. An empty step that ends on the GPU brings one float
    back; the smallest copy out of it does just that, where no empty step was measured. A run that
    was cut short may have neither: then a processor's stands for it.
    """
    known = {(burst.cell.quantity, burst.cell.path) for burst in seen}
    found = [
        burst
        for burst in calibration.bursts
        if burst.cell.plain
        and burst.cell.path == "ps"
        and burst.cell.quantity in ("noop", "apply")
        and (burst.cell.quantity, "ps") not in known
    ]
    if ("noop", "process") not in known:
        empty = Cell("noop", "process")
        copies = [burst for burst in seen if burst.cell.quantity == "copy_out"]
        least = min((b.cell for b in copies), key=lambda cell: cell.size_bytes, default=empty)
        taken = copies or calibration.bursts
        found += [replace(burst, cell=empty) for burst in taken if burst.cell == least]
    return found


def _sharing(bursts: Iterable[Burst]) -> tuple[float, Discipline, Literal["measured", "assumed"]]:
    """What of a GPU one worker keeps busy, and how two have it: by how much longer both take.

    Without pauses, two that take as long as one leave at least half of it to each other. With
    pauses that are longer than a step, workers who take turns wait once and are out of each other's
    way from then on; those who have even shares, and began together, stay together. Where nothing
    was measured they take turns: contexts of several processes never run at the same time (NVIDIA,
    *Multi-Process Service*, "Considerations").
    """
    taken: dict[tuple[int, bool], list[float]] = {}
    for burst in bursts:
        cell = burst.cell
        if cell.device and (cell.quantity, cell.path) == ("gradient", "server"):
            key = cell.workers, cell.idle_s > 0.0
            taken.setdefault(key, []).append(float(np.median(burst.samples_s)))
    medians = {key: float(np.median(times)) for key, times in taken.items()}
    if not {(1, False), (2, False)} <= medians.keys():
        return 1.0, "fifo", "assumed"
    longer = medians[2, False] / medians[1, False]
    share = float(np.clip(_HALF * longer, _HALF, 1.0))
    paused = medians.get((2, True), 0.0) / medians.get((1, True), 1.0)
    # Half-way between those who are out of the way and those who meet in every step.
    fair = share > _HALF and paused > (1.0 + longer) / 2.0
    return share, "fair" if fair else "fifo", "measured"


def _noise(seen: Sequence[Burst], rounds: Sequence[int], spread: RoundSpread) -> Noise:
    """Variation of what was measured there; of the rest, the host's holds."""
    found = residual_noise(seen, rounds, spread)
    moved = {burst.cell.quantity for burst in seen} & {"fetch", "push"}
    known = [
        name
        for name in found.within
        if name == "compute" or name.removesuffix("_transfer") in moved
    ]
    return Noise(
        {name: found.within[name] for name in known},
        tuple({name: of[name] for name in known} for of in found.between),
        {name: found.autocorrelation[name] for name in known},
    )
