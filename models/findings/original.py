"""The original benchmark's answer: local GEMM beside fetch + GEMM, by shape and device."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from nworkers.models.base.statistics import median_interval
from nworkers.models.records.calibration import Calibration, select

Estimate = tuple[float, float, float]
#: Features, batch, hidden, and the device of a cell.
Product = tuple[int, int, int, str]


@dataclass(frozen=True)
class OriginalRow:
    """Median and its 95 % interval, in seconds: (median, low, high); ``device`` as a cell's."""

    features: int
    batch: int
    hidden: int
    local: Estimate
    fetch: Estimate
    ratio: float
    device: str = ""


def original(calibration: Calibration) -> tuple[OriginalRow, ...]:
    """One row a shape and device with both halves measured; samples of all rounds together."""
    local: dict[Product, list[float]] = {}
    fetch: dict[Product, list[float]] = {}
    for into, bursts in (
        (local, select(calibration.bursts, quantity="gemm", path="server")),
        (fetch, select(calibration.bursts, quantity="fetch_gemm", path="ps")),
    ):
        for burst in bursts:
            if burst.worker:
                continue  # the other workers' product tells their hosts apart, nothing more
            cell = burst.cell
            product: Product = (cell.features, cell.batch, cell.hidden, cell.device)
            into.setdefault(product, []).extend(burst.samples_s)
    rows: list[OriginalRow] = []
    for product, samples in local.items():
        if product in fetch:
            here, there = _estimate(samples), _estimate(fetch[product])
            features, batch, hidden, device = product
            ratio = there[0] / here[0]
            rows.append(OriginalRow(features, batch, hidden, here, there, ratio, device))
    return tuple(sorted(rows, key=lambda r: (r.features, r.batch, r.hidden, r.device)))


def _estimate(samples_s: list[float]) -> Estimate:
    ordered = sorted(samples_s)
    return statistics.median(ordered), *median_interval(ordered)
