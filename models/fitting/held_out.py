"""Goodness of fit: errors on sizes that the fit never saw, and the curves that show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from nworkers.models.fitting import laws
from nworkers.models.fitting.laws import Law
from nworkers.models.fitting.observations import FittedLaw
from nworkers.models.records.calibration import Burst, Calibration, Cell, Quantity
from nworkers.models.records.profile import Candidate, FitRow, Profile, parameters

#: Quantities that a law explains by size, each with errors of its own, and the law's name.
FITTED: dict[Quantity, str] = {
    "gemm": "gemm",
    "fetch": "transfers",
    "push": "transfers",
    "fetch_push": "transfers",
    "apply": "transfers",
    "to_python": "python",
    "step": "step",
    "gradient": "gradient",
    "allreduce": "allreduce",
    "input": "input",
}
#: Every fourth size and the largest are held out only where so many are left to fit.
LEAST_SIZES = 5
#: How a Profile ends a name that a law's inverse stands for.
_INVERSES = {
    "gemm_flops_per_s": "per_flop_s",
    "gemm_bandwidth_bytes_per_s": "per_byte_s",
    ".bandwidth_bytes_per_s": ".per_byte_s",
}


def held_out_cells(bursts: Iterable[Burst]) -> frozenset[Cell]:
    """Every fourth size and the largest, of each quantity: reported, never fitted."""
    groups: dict[str, set[Cell]] = {}
    for burst in bursts:
        cell = burst.cell
        alone = cell.workers == 1 or cell.quantity == "allreduce"
        if cell.plain and alone and cell.tensors == 1 and cell.quantity in FITTED:
            groups.setdefault(f"{cell.quantity} {cell.path} {cell.workers}", set()).add(cell)
    held: set[Cell] = set()
    for cells in groups.values():
        ordered = sorted(cells, key=lambda c: (c.size_bytes, c.flops, c.batch))
        if len(ordered) >= LEAST_SIZES:
            held |= {c for k, c in enumerate(ordered) if k % 4 == 2}
            held.add(ordered[-1])
    return frozenset(held)


@dataclass(frozen=True)
class Curve:
    """One quantity, measured and fitted, for a plot; residuals are measured over fitted − 1."""

    title: str
    x_label: str
    x: tuple[float, ...]
    measured_s: tuple[float, ...]
    held_out: tuple[bool, ...]
    line_x: tuple[float, ...]
    line_s: tuple[float, ...]
    residuals: tuple[float, ...]


def _medians(bursts: Iterable[Burst], law: Law, quantity: str) -> dict[Cell, float]:
    """Median over rounds of each cell's round medians, of the first worker."""
    rounds: dict[Cell, list[float]] = {}
    for burst in bursts:
        cell = burst.cell
        if cell.quantity == quantity and burst.worker == 0 and law.row(cell) is not None:
            rounds.setdefault(cell, []).append(float(np.median(burst.samples_s)))
    return {cell: float(np.median(values)) for cell, values in rounds.items()}


def fit_rows(
    bursts: Iterable[Burst],
    fitted: Mapping[str, FittedLaw],
    candidates: Mapping[str, tuple[Candidate, ...]],
    held_out: frozenset[Cell],
) -> tuple[FitRow, ...]:
    """A row for each quantity that was measured."""
    taken = list(bursts)
    rows: list[FitRow] = []
    for quantity, name in FITTED.items():
        family = fitted.get(name)
        if family is None:
            continue
        medians = _medians(taken, family.law, quantity)
        errors = [
            abs(model / medians[cell] - 1)
            for cell in held_out
            if cell in medians and (model := family.law.seconds(cell, family.values)) is not None
        ]
        if medians:
            rows.append(
                FitRow(
                    quantity,
                    len(medians) - len(errors),
                    len(errors),
                    float(np.median(errors)) if errors else None,
                    float(max(errors)) if errors else None,
                    candidates.get(quantity, ()),
                )
            )
    return tuple(rows)


def curves(calibration: Calibration, profile: Profile) -> tuple[Curve, ...]:
    """Every quantity of a fit as points and a line, one tensor and one worker at a time."""
    held_out = held_out_cells(calibration.bursts)
    values = law_values(profile)
    workload = calibration.workload.name
    labels: dict[Quantity, tuple[str, str]] = {
        "gemm": ("local GEMM", "floating-point operations"),
        "fetch": ("fetch from the ps", "bytes"),
        "push": ("push to the ps, with its apply", "bytes"),
        "allreduce": ("all-reduce", "bytes"),
        "step": (f"training step of {workload}", "batch"),
        "gradient": (f"gradients of {workload}", "batch"),
    }
    shown: list[Curve] = []
    for quantity, (title, x_label) in labels.items():
        law = law_of(profile, quantity)
        assert law is not None
        medians = _medians(calibration.bursts, law, quantity)
        most = max((cell.workers for cell in medians), default=1)
        chosen = [c for c in medians if c.tensors == 1 and c.workers == most]
        shapes = [(_abscissa(cell), cell) for cell in chosen if cell.path != "mirrored"]
        points = sorted(shapes, key=lambda point: point[0])
        fitted = {cell: law.seconds(cell, values) for _, cell in points}
        line = {cell: seconds for cell, seconds in fitted.items() if seconds is not None}
        if not points or len(line) < len(points):
            continue
        dense = _dense(points, law, values)
        shown.append(_curve(title, x_label, points, medians, line, dense, held_out))
    return tuple(shown)


def _curve(
    title: str,
    x_label: str,
    points: list[tuple[float, Cell]],
    medians: Mapping[Cell, float],
    line: Mapping[Cell, float],
    dense: Mapping[float, float],
    held_out: frozenset[Cell],
) -> Curve:
    return Curve(
        title,
        x_label,
        tuple(x for x, _ in points),
        tuple(medians[cell] for _, cell in points),
        tuple(cell in held_out for _, cell in points),
        tuple(dense),
        tuple(dense.values()),
        tuple(medians[cell] / line[cell] - 1 for _, cell in points),
    )


def _dense(
    points: list[tuple[float, Cell]], law: Law, values: Mapping[str, float]
) -> dict[float, float]:
    """The law between the points; of products, whose shapes differ, at the points alone."""
    first, last = points[0], points[-1]
    if first[1].hidden:
        between = dict(points)
    else:
        cell = first[1]
        between = {
            float(x): replace(cell, size_bytes=int(x))
            if cell.size_bytes
            else replace(cell, batch=int(x))
            for x in np.unique(np.geomspace(max(first[0], 1.0), last[0], 200).round())
        }
    found = {x: law.seconds(cell, values) for x, cell in between.items()}
    return {x: seconds for x, seconds in found.items() if seconds is not None}


def _abscissa(cell: Cell) -> float:
    if cell.hidden:
        return cell.flops
    return float(cell.size_bytes or cell.batch)


def law_values(profile: Profile) -> dict[str, float]:
    """A profile's estimates under the names that laws use: rates as their inverses."""
    found: dict[str, float] = {}
    own = f"device.workloads[{profile.workload}]."
    for path, parameter in parameters(profile):
        name = path.removeprefix(own)
        for rate, inverse in _INVERSES.items():
            if name.endswith(rate):
                found[name.removesuffix(rate) + inverse] = 1.0 / parameter.estimate
        found[name] = parameter.estimate
    found["collective.session.dispatch_s"] = found["host.server_dispatch_s"]
    if "collective.session_latency_s" in found:
        found["collective.session.latency_s"] = found["collective.session_latency_s"]
    return found


def law_of(profile: Profile, quantity: Quantity) -> Law | None:
    """The law that a profile holds of a quantity, to be used with its `law_values`."""
    device, link = profile.device, profile.link
    match quantity:
        case "gemm":
            return laws.gemm(device.gemm_law, [s.from_flops for s in device.gemm_segments])
        case "noop" | "fetch" | "push" | "fetch_push" | "apply":
            breaks = {
                kind: [segment.from_bytes for segment in path.segments]
                for kind, path in (("fetch", link.fetch), ("push", link.push))
            }
            optimizers = [update.optimizer for update in profile.host.apply]
            return laws.transfers(
                breaks,
                optimizers,
                several=link.fetch.several_s is not None,
                credits={"fetch": link.fetch.credit_bytes, "push": link.push.credit_bytes},
            )
        case "allreduce":
            return laws.all_reduce(profile.collective.algorithm)
        case "to_python":
            return laws.python()
        case "input":
            return laws.pipeline()
        case "step" | "gradient":
            knee = any(
                getattr(w, quantity).plateau_s is not None
                for w in device.workloads
                if w.workload == profile.workload
            )
            return laws.step(quantity, quantity, knee=knee)
    return None
