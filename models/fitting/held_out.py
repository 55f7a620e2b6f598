"""Held out: errors on sizes that the fit never saw, and the curves that show them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from nworkers.models.fitting.laws import (
    AllReduces,
    LocalProducts,
    Session,
    Steps,
    all_reduced_s,
    copied_s,
    delivered_s,
    local_product_s,
    one_step_s,
    session_s,
)
from nworkers.models.fitting.observations import FittedLaw
from nworkers.models.records.calibration import Burst, Calibration, Cell, Quantity
from nworkers.models.records.profile import Candidate, Drawn, FitRow, Profile

#: Quantities that a law explains by size, each with errors of its own.
FITTED: tuple[Quantity, ...] = (
    "gemm",
    "fetch",
    "push",
    "fetch_push",
    "apply",
    "to_python",
    "step",
    "gradient",
    "allreduce",
    "input",
    "copy_in",
    "copy_out",
)
#: Fitted with what is held out of them too: few batches tell of a bend. Their errors are those of
#: another fit, which never saw it (`nworkers.models.fitting.fit.steps_apart`).
STEPS: frozenset[Quantity] = frozenset({"step", "gradient"})
#: Every fourth size and the largest are held out only where so many are left to fit.
LEAST_SIZES = 5
#: Seconds of a cell, or None where nothing is said of it.
Seconds = Callable[[Cell], float | None]


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


def _medians(
    bursts: Iterable[Burst], explains: Callable[[Cell], bool], quantity: str
) -> dict[Cell, float]:
    """Median over rounds of each cell's round medians, of the first worker."""
    rounds: dict[Cell, list[float]] = {}
    for burst in bursts:
        cell = burst.cell
        if cell.quantity == quantity and burst.worker == 0 and explains(cell):
            rounds.setdefault(cell, []).append(float(np.median(burst.samples_s)))
    return {cell: float(np.median(values)) for cell, values in rounds.items()}


def fit_rows(
    bursts: Iterable[Burst],
    fitted: Callable[[Quantity], FittedLaw[Any] | None],
    candidates: Mapping[str, tuple[Candidate, ...]],
    held_out: frozenset[Cell],
) -> tuple[FitRow, ...]:
    """A row for each quantity that was measured."""
    taken = list(bursts)
    rows: list[FitRow] = []
    for quantity in FITTED:
        law = fitted(quantity)
        if law is None:
            continue
        medians = _medians(taken, law.law.explains, quantity)
        errors = [
            abs(model / medians[cell] - 1)
            for cell in held_out
            if cell in medians and (model := law.seconds(cell)) is not None
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
    held_out = frozenset(c for c in held_out_cells(calibration.bursts) if c.quantity not in STEPS)
    seconds = partial(cell_seconds, profile.drawn(None), profile.workload)

    def explains(cell: Cell) -> bool:
        return seconds(cell) is not None

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
        medians = _medians(calibration.bursts, explains, quantity)
        most = max((cell.workers for cell in medians), default=1)
        chosen = [c for c in medians if c.tensors == 1 and c.workers == most]
        shapes = [(_abscissa(cell), cell) for cell in chosen if cell.path != "mirrored"]
        points = sorted(shapes, key=lambda point: point[0])
        fitted = {cell: seconds(cell) for _, cell in points}
        line = {cell: seconds for cell, seconds in fitted.items() if seconds is not None}
        if not points or len(line) < len(points):
            continue
        dense = _dense(points, seconds)
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


def _dense(points: list[tuple[float, Cell]], seconds_of: Seconds) -> dict[float, float]:
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
    found = {x: seconds_of(cell) for x, cell in between.items()}
    return {x: seconds for x, seconds in found.items() if seconds is not None}


def _abscissa(cell: Cell) -> float:
    if cell.hidden:
        return cell.flops
    return float(cell.size_bytes or cell.batch)


def cell_seconds(known: Drawn, workload: str, cell: Cell) -> float | None:
    """A profile's time of a cell, by the laws that it was fitted with; None where they are silent.

    Args:
        workload: the one that was calibrated, of which steps and gradients are.
    """
    device, host, link, collective = known.device, known.host, known.link, known.collective
    match cell.quantity:
        case "gemm":
            return local_product_s(LocalProducts(device.dispatch_s, device.products), cell)
        case "noop" | "fetch" | "push" | "fetch_push" | "apply":
            session = Session(
                host.server_dispatch_s, link.dispatch_s, link.fetch, link.push, host.apply
            )
            return session_s(session, cell)
        case "allreduce":
            bandwidth = collective.bandwidth_bytes_per_s
            if collective.session_latency_s is None or bandwidth is None:
                return None
            reduced = AllReduces(
                host.server_dispatch_s,
                collective.session_latency_s,
                collective.dispatch_s,
                collective.latency_s,
                bandwidth,
                collective.algorithm,
            )
            return all_reduced_s(reduced, cell)
        case "to_python":
            return None if host.python is None else copied_s(host.python, cell)
        case "input":
            return None if host.input is None else delivered_s(host.input, cell)
        case "step" | "gradient":
            for measured in device.workloads:
                if measured.workload == workload:
                    return one_step_s(Steps(measured.step, measured.gradient_floor_s), cell)
    return None
