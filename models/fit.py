"""Fit: a Calibration's samples turned into a Profile, with joint draws and held-out errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scale.models.calibration import (
    Burst,
    Calibration,
    Cell,
    samples_sha256,
    typical_rounds,
)
from scale.models.designs import (
    DEMAND,
    PROCESS,
    SESSION,
    demand_row,
    process_row,
    session_row,
    step_row,
    together_row,
)
from scale.models.errors import InputError
from scale.models.goodness import fit_rows, held_out_cells
from scale.models.positive import solve
from scale.models.precision import PROVISIONAL_ROUNDS
from scale.models.profile import (
    Collective,
    Demand,
    Device,
    Host,
    Link,
    Parameter,
    Path,
    Profile,
    StepTime,
    WorkloadTime,
)
from scale.models.residuals import residual_noise
from scale.models.statistics import Floats, interval90, student_inflation

#: Bootstrapped medians kept of each burst.
BANK = 64
#: Two flows slower than one by more than this beyond the processors' share tell of a shared link.
SHARED_MARGIN = 1.25

Key = tuple[Cell, int]


@dataclass(frozen=True)
class _Family:
    """Cells that one positive linear model explains: a row of the design for each cell."""

    names: tuple[str, ...]
    rows: Mapping[Cell, Sequence[float]]
    bank: Mapping[Key, Floats]


def fit_profile(
    calibration: Calibration,
    *,
    draws: int = 200,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Profile:
    """Fit every section of a profile.

    Uncertainty is a bootstrap of rounds first and samples second, the same rounds for every
    quantity, so that draws are joint; deviations are widened for few rounds by Student's factor
    (``student_inflation``).

    Raises:
        InputError: a quantity that every profile needs was not measured.
    """
    if not calibration.bursts:
        raise InputError("bursts", "none", "a calibration that measured something")
    rng = np.random.default_rng(seed)
    rounds = sorted({burst.round for burst in calibration.bursts})
    held_out = held_out_cells(calibration.bursts)
    families = _families(calibration, held_out, rng)
    everything = dict.fromkeys(rounds, 1)
    best: dict[str, float] = {}
    identified: dict[str, bool] = {}
    for family in families:
        theta, seen = _solve(family, list(everything), rng=None, start=None)
        best.update(zip(family.names, theta, strict=True))
        identified.update(zip(family.names, seen, strict=True))
    samples: dict[str, list[float]] = {name: [] for name in best}
    for draw in range(draws):
        chosen = [int(r) for r in rng.choice(rounds, size=len(rounds))]
        for family in families:
            start = np.array([best[name] for name in family.names])
            theta, _ = _solve(family, chosen, rng=rng, start=start)
            for name, value in zip(family.names, theta, strict=True):
                samples[name].append(float(value))
        if progress is not None:
            progress(draw + 1, draws)
    inflation = student_inflation(len(rounds))
    counts = {name: len(family.bank) for family in families for name in family.names}
    fitted = {
        name: _parameter(name, best[name], samples[name], identified[name], inflation, counts[name])
        for name in best
    }
    return _profile(calibration, fitted, held_out, rounds)


def _families(
    calibration: Calibration, held_out: frozenset[Cell], rng: np.random.Generator
) -> list[_Family]:
    bursts = calibration.bursts
    plain = [b for b in bursts if b.cell.plain]
    alone = [b for b in plain if b.cell.workers == 1 and b.worker == 0]
    used = [b for b in alone if b.cell not in held_out]
    most = max((b.cell.workers for b in plain if b.cell.path == "ps"), default=1)
    # Demand counts where tasks compete for cores; a task alone spins while it waits.
    loaded = [b for b in plain if b.processor and b.cell.path == "ps" and b.cell.workers == most]
    families = [
        _family(chosen, names, row, _times(chosen, rng))
        for names, row in ((SESSION, session_row), (PROCESS, process_row))
        for chosen in [[b for b in used if row(b.cell) is not None]]
    ]
    for end in ("worker", "ps"):
        names = tuple(f"host.{name.format(end)}" for name in DEMAND)
        families.append(_family(loaded, names, demand_row, _demands(loaded, end)))
    for quantity, name in (("step", "step"), ("gradient", "gradient")):
        chosen = [b for b in used if b.cell.quantity == quantity and b.cell.path == "process"]
        if chosen:
            names = (f"{name}.floor_s", f"{name}.per_sample_s")
            families.append(_family(chosen, names, step_row, _times(chosen, rng)))
    gradients = [b for b in alone if b.cell.quantity == "gradient" and b.processor]
    if gradients:
        names = ("processor.floor_s", "processor.per_sample_s")
        families.append(_family(gradients, names, step_row, _demands(gradients, "worker")))
    together = [b for b in loaded if most > 1 and b.worker == 0]
    transfers = [b for b in together if b.cell.quantity == "fetch" and b.cell.tensors == 1]
    if len({b.cell.size_bytes for b in transfers}) >= 2:
        names = ("together.latency_s", "together.per_byte_s")
        families.append(_family(transfers, names, together_row, _times(transfers, rng)))
    return families


def _family(
    bursts: Iterable[Burst],
    names: tuple[str, ...],
    row: Callable[[Cell], Sequence[float] | None],
    bank: Mapping[Key, Floats],
) -> _Family:
    rows = {b.cell: r for b in bursts if (r := row(b.cell)) is not None}
    design = np.array(list(rows.values()), dtype=float).reshape(len(rows), len(names))
    missing = [n for n, column in zip(names, design.T, strict=True) if not column.any()]
    if missing or not len(rows):
        raise InputError(
            "bursts", f"none that tell {', '.join(missing or names)}", "a complete calibration"
        )
    return _Family(names, rows, {key: value for key, value in bank.items() if key[0] in rows})


def _times(bursts: Iterable[Burst], rng: np.random.Generator) -> dict[Key, Floats]:
    """Of each cell and round the median, then bootstrapped medians of the same samples."""
    bank: dict[Key, Floats] = {}
    for burst in bursts:
        samples = np.asarray(burst.samples_s)[-500:]
        resampled = rng.choice(samples, size=(BANK, samples.size))
        medians = np.median(resampled, axis=1)
        bank[burst.cell, burst.round] = np.concatenate(
            [[np.median(np.asarray(burst.samples_s))], medians]
        )
    return bank


def _demands(bursts: Iterable[Burst], end: str) -> dict[Key, Floats]:
    """Of each cell and round the processor seconds of one operation at one end."""
    bank: dict[Key, Floats] = {}
    for burst in bursts:
        if burst.processor:
            total = burst.processor.worker_s if end == "worker" else burst.processor.ps_s
            # Never nothing: clocks tick in nanoseconds, and logarithms need more than zero.
            value = max(total / burst.processor.operations, 1e-9)
            bank[burst.cell, burst.round] = np.array([value])
    return bank


def _solve(
    family: _Family, rounds: Sequence[int], *, rng: np.random.Generator | None, start: Floats | None
) -> tuple[Floats, tuple[bool, ...]]:
    """Fit one family to some rounds; with ``rng``, to a resample of each round's samples."""
    x: list[Sequence[float]] = []
    y: list[float] = []
    for cell, row in family.rows.items():
        for number in rounds:
            bank = family.bank.get((cell, number))
            if bank is not None:
                pick = 0 if rng is None or bank.size == 1 else int(rng.integers(1, bank.size))
                x.append(row)
                y.append(float(bank[pick]))
    design = np.asarray(x, dtype=float)
    if not design.size or not design.any(axis=0).all():
        # The resampled rounds of an interrupted calibration lack a quantity: no news from them.
        assert start is not None
        return start, ()
    solution = solve(design, np.asarray(y), start)
    return solution.theta, solution.identified


def _parameter(
    name: str, best: float, draws: Sequence[float], seen: bool, inflation: float, samples: int
) -> Parameter:
    """Widen the draws about the estimate, in the logarithm; 1/bandwidth becomes bandwidth."""
    deviation = np.log(np.asarray(draws) / best) * (inflation if seen else 1.0)
    values = best * np.exp(np.clip(deviation, -2.0, 2.0))
    unit = "s"
    if name.endswith(("per_byte_s", "per_flop_s")):
        unit = "s/byte" if name.endswith("byte_s") else "s/flop"
    elif name.endswith(("per_tensor_s", "per_sample_s")):
        unit = "s/tensor" if name.endswith("tensor_s") else "s/sample"
    low, high = interval90(values)
    return Parameter(best, (low, high), unit, samples, seen, tuple(float(v) for v in values))


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
    fitted: Mapping[str, Parameter],
    held_out: frozenset[Cell],
    rounds: Sequence[int],
) -> Profile:
    bursts = calibration.bursts

    def path(kind: str) -> Path:
        return Path(
            fitted[f"link.{kind}.latency_s"],
            fitted[f"link.{kind}.per_tensor_s"],
            _inverse(fitted[f"link.{kind}.per_byte_s"], "bytes/s"),
        )

    def demand(name: str) -> Demand:
        return Demand(
            fitted[f"host.{name}.per_request_s"],
            fitted[f"host.{name}.per_tensor_s"],
            fitted[f"host.{name}.per_byte_s"],
        )

    fetch = path("fetch")
    moved = [b.cell for b in bursts if b.cell.plain and b.cell.quantity in ("fetch", "push")]
    sizes = [cell.size_bytes for cell in moved]
    flops = [b.cell.flops for b in bursts if b.cell.plain and b.cell.quantity == "gemm"]
    host = Host(
        cores=calibration.cores,
        server_dispatch_s=fitted["host.server_dispatch_s"],
        dispatch_worker_s=fitted["host.dispatch_worker_s"],
        dispatch_ps_s=fitted["host.dispatch_ps_s"],
        fetch_worker=demand("fetch_worker"),
        fetch_ps=demand("fetch_ps"),
        push_worker=demand("push_worker"),
        push_ps=demand("push_ps"),
        kernel_share=_kernel_share(bursts),
        concurrency=calibration.workers,
    )
    workload = _workload_time(calibration, fitted)
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
        ),
        host=host,
        link=Link(
            kind=calibration.link_kind,
            evidence=calibration.evidence,
            dispatch_s=fitted["link.dispatch_s"],
            fetch=fetch,
            push=path("push"),
            shared_bandwidth_bytes_per_s=_shared(calibration, fitted),
            discipline="fair",
            discipline_evidence="assumed",
            size_bytes=(float(min(sizes)), float(max(sizes))),
            tensors=(1, max(cell.tensors for cell in moved)),
        ),
        collective=Collective(
            measured=False,
            latency_s=fetch.latency_s,
            bandwidth_bytes_per_s=fetch.bandwidth_bytes_per_s,
        ),
        noise=residual_noise(bursts, rounds),
        fit=fit_rows(calibration, fitted, held_out),
        workload=calibration.workload.name,
    )


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


def _shared(calibration: Calibration, fitted: Mapping[str, Parameter]) -> Parameter | None:
    """The rate that flows share, where several are slower than the processors make them.

    With K flows a byte takes each worker s_K seconds. Without a common limit that is the larger of
    one flow's s_1 and K times its processor demand over the cores; beyond it, the link is shared
    and passes K/s_K bytes a second.
    """
    together = fitted.get("together.per_byte_s")
    if together is None or not together.identified:
        return None
    fetches = (b.cell for b in calibration.bursts if b.cell.plain and b.cell.path == "ps")
    flows = max(cell.workers for cell in fetches)
    ends = [fitted[f"host.fetch_{end}.per_byte_s"] for end in ("worker", "ps")]
    link = fitted["link.fetch.per_byte_s"]

    def exceeds(draw: int | None) -> bool:
        demand = sum(end.at(draw) for end in ends)
        alone = max(link.at(draw), flows * demand / calibration.cores)
        return together.at(draw) > SHARED_MARGIN * alone

    draws = range(len(together.draws))
    if not exceeds(None) or sum(exceeds(d) for d in draws) < 0.95 * len(draws):
        return None
    return _inverse(together, "bytes/s", flows)


def _workload_time(
    calibration: Calibration, fitted: Mapping[str, Parameter]
) -> WorkloadTime | None:
    # An interrupted calibration may hold one without the others.
    if not {"step.floor_s", "gradient.floor_s", "processor.floor_s"} <= fitted.keys():
        return None
    steps = (b.cell for b in calibration.bursts if b.cell.plain and b.cell.path == "process")
    batches = [cell.batch for cell in steps if cell.quantity == "step"]

    def line(name: str) -> StepTime:
        return StepTime(fitted[f"{name}.floor_s"], fitted[f"{name}.per_sample_s"])

    return WorkloadTime(
        workload=calibration.workload.name,
        batches=(min(batches), max(batches)),
        step=line("step"),
        gradient=line("gradient"),
        processor=line("processor"),
    )
