"""The original benchmark's answer: local GEMM beside fetch + GEMM, for each shape measured."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from nworkers.models.base.statistics import median_interval
from nworkers.models.records.calibration import Calibration, select

Estimate = tuple[float, float, float]


@dataclass(frozen=True)
class OriginalRow:
    """Median and its 95 % interval, in seconds: (median, low, high)."""

    features: int
    batch: int
    hidden: int
    local: Estimate
    fetch: Estimate
    ratio: float


def original(calibration: Calibration) -> tuple[OriginalRow, ...]:
    """One row a shape of which both halves were measured; samples of all rounds together."""
    local: dict[tuple[int, int, int], list[float]] = {}
    fetch: dict[tuple[int, int, int], list[float]] = {}
    for into, bursts in (
        (local, select(calibration.bursts, quantity="gemm", path="server")),
        (fetch, select(calibration.bursts, quantity="fetch_gemm", path="ps")),
    ):
        for burst in bursts:
            if burst.worker:
                continue  # the other workers' product tells their hosts apart, nothing more
            shape = (burst.cell.features, burst.cell.batch, burst.cell.hidden)
            into.setdefault(shape, []).extend(burst.samples_s)
    rows: list[OriginalRow] = []
    for shape, samples in local.items():
        if shape in fetch:
            here, there = _estimate(samples), _estimate(fetch[shape])
            rows.append(OriginalRow(*shape, here, there, there[0] / here[0]))
    return tuple(sorted(rows, key=lambda r: (r.features, r.batch, r.hidden)))


def _estimate(samples_s: list[float]) -> Estimate:
    ordered = sorted(samples_s)
    return statistics.median(ordered), *median_interval(ordered)
