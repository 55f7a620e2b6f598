"""Bus bandwidth: measured all-reduces, with nccl-tests' bandwidths."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from nworkers.models.base.all_reduce_terms import bus_bandwidth
from nworkers.models.records.calibration import Burst, Cell


@dataclass(frozen=True)
class Reduction:
    """A measured all-reduce: ``seconds`` is the median over rounds of their medians."""

    path: str
    workers: int
    size_bytes: int
    seconds: float
    algorithm_bandwidth_bytes_per_s: float
    bus_bandwidth_bytes_per_s: float
    device: str = ""


def reductions(bursts: Iterable[Burst]) -> tuple[Reduction, ...]:
    """Every all-reduce that was measured alone, by path, device, group and size."""
    medians: dict[Cell, list[float]] = {}
    for burst in bursts:
        # Its members step together, so the first one's times are all of theirs.
        cell = burst.cell
        if cell.quantity == "allreduce" and cell.tensors == 1 and burst.worker == 0:
            medians.setdefault(cell, []).append(statistics.median(burst.samples_s))
    made: list[Reduction] = []
    for cell, rounds in medians.items():
        seconds, size = statistics.median(rounds), cell.size_bytes
        bus = bus_bandwidth(size, seconds, cell.workers)
        made.append(
            Reduction(cell.path, cell.workers, size, seconds, size / seconds, bus, cell.device)
        )
    return tuple(sorted(made, key=lambda r: (r.path, r.device, r.workers, r.size_bytes)))
