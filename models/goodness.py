"""Goodness of fit: errors on sizes that the fit never saw, and the curves that show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scale.models.calibration import Burst, Calibration, Cell
from scale.models.designs import PROCESS, SESSION, process_row, session_row, step_row
from scale.models.profile import FitRow, Parameter, Profile

#: Quantities that a model explains by size, each with errors of its own.
FITTED = ("gemm", "fetch", "push", "step", "gradient")


def held_out_cells(bursts: Iterable[Burst]) -> frozenset[Cell]:
    """Every fourth size and the largest, of each quantity: reported, never fitted."""
    groups: dict[str, set[Cell]] = {}
    for burst in bursts:
        cell = burst.cell
        if cell.plain and cell.workers == cell.tensors == 1 and cell.quantity in FITTED:
            groups.setdefault(f"{cell.quantity} {cell.path}", set()).add(cell)
    held: set[Cell] = set()
    for cells in groups.values():
        ordered = sorted(cells, key=lambda c: (c.size_bytes, c.flops, c.batch))
        if len(ordered) >= 5:
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


def _value(name: str, values: Mapping[str, float], cell: Cell) -> float | None:
    """The fitted seconds of a cell, or None where no model covers it."""
    names: tuple[str, ...]
    row: Sequence[float] | None
    if cell.quantity in ("step", "gradient"):
        names, row = (f"{cell.quantity}.floor_s", f"{cell.quantity}.per_sample_s"), step_row(cell)
    elif cell.path == "process":
        names, row = PROCESS, process_row(cell)
    else:
        names, row = SESSION, session_row(cell)
    if row is None or name != cell.quantity:
        return None
    return sum(x * values[n] for x, n in zip(row, names, strict=True))


def _medians(bursts: Iterable[Burst], quantity: str) -> dict[Cell, float]:
    """Median over rounds of each cell's round medians, one worker at a time."""
    rounds: dict[Cell, list[float]] = {}
    for burst in bursts:
        cell = burst.cell
        alone = cell.plain and cell.workers == 1
        where = "ps" if quantity in ("fetch", "push") else "process"
        if cell.quantity == quantity and alone and cell.path == where:
            rounds.setdefault(cell, []).append(float(np.median(burst.samples_s)))
    return {cell: float(np.median(values)) for cell, values in rounds.items()}


def fit_rows(
    calibration: Calibration, fitted: Mapping[str, Parameter], held_out: frozenset[Cell]
) -> tuple[FitRow, ...]:
    values = {name: parameter.estimate for name, parameter in fitted.items()}
    rows: list[FitRow] = []
    for quantity in FITTED:
        medians = _medians(calibration.bursts, quantity)
        errors = [
            abs(model / medians[cell] - 1)
            for cell in held_out
            if cell in medians and (model := _value(quantity, values, cell)) is not None
        ]
        if medians:
            rows.append(
                FitRow(
                    quantity,
                    len(medians) - len(errors),
                    len(errors),
                    float(np.median(errors)) if errors else None,
                    float(max(errors)) if errors else None,
                )
            )
    return tuple(rows)


def curves(calibration: Calibration, profile: Profile) -> tuple[Curve, ...]:
    """Every quantity of a fit as points and a line, one tensor and one worker at a time."""
    values = _values(profile)
    held_out = held_out_cells(calibration.bursts)
    shown: list[Curve] = []
    labels = {
        "gemm": ("local GEMM", "floating-point operations"),
        "fetch": ("fetch from the ps", "bytes"),
        "push": ("push to the ps, with its apply", "bytes"),
        "step": (f"training step of {calibration.workload.name}", "batch"),
    }
    for quantity, (title, x_label) in labels.items():
        medians = _medians(calibration.bursts, quantity)
        points = sorted(
            ((_abscissa(cell), cell) for cell in medians if cell.tensors == 1), key=lambda p: p[0]
        )
        fitted = [_value(quantity, values, cell) for _, cell in points]
        if not points or None in fitted:
            continue
        line = [float(v) for v in fitted if v is not None]
        xs = tuple(x for x, _ in points)
        measured = tuple(medians[cell] for _, cell in points)
        dense = np.geomspace(xs[0], xs[-1], 100)
        low, high = line[0], line[-1]
        # Every model here is a straight line in x, so that two of its points give all of it.
        slope = (high - low) / (xs[-1] - xs[0]) if xs[-1] > xs[0] else 0.0
        shown.append(
            Curve(
                title,
                x_label,
                xs,
                measured,
                tuple(cell in held_out for _, cell in points),
                tuple(float(x) for x in dense),
                tuple(float(low + slope * (x - xs[0])) for x in dense),
                tuple(m / f - 1 for m, f in zip(measured, line, strict=True)),
            )
        )
    return tuple(shown)


def _abscissa(cell: Cell) -> float:
    if cell.hidden:
        return cell.flops
    return float(cell.size_bytes or cell.batch)


def _values(profile: Profile) -> dict[str, float]:
    """A profile's estimates under the names that the fit uses."""
    device, host, link = profile.device, profile.host, profile.link
    values = {
        "host.server_dispatch_s": host.server_dispatch_s.estimate,
        "link.dispatch_s": link.dispatch_s.estimate,
        "device.dispatch_s": device.dispatch_s.estimate,
        "device.gemm_overhead_s": device.gemm_overhead_s.estimate,
        "device.per_flop_s": 1 / device.gemm_flops_per_s.estimate,
    }
    for kind, path in (("fetch", link.fetch), ("push", link.push)):
        values[f"link.{kind}.latency_s"] = path.latency_s.estimate
        values[f"link.{kind}.per_tensor_s"] = path.per_tensor_s.estimate
        values[f"link.{kind}.per_byte_s"] = 1 / path.bandwidth_bytes_per_s.estimate
    for measured in device.workloads:
        if measured.workload == profile.workload:
            for name, line in (("step", measured.step), ("gradient", measured.gradient)):
                values[f"{name}.floor_s"] = line.floor_s.estimate
                values[f"{name}.per_sample_s"] = line.per_sample_s.estimate
    return values
