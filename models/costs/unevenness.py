"""Unevenness: how unequally transfers share a link that begin at once, from what was measured."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from nworkers.models.records.profile import FlowWeights


@lru_cache(maxsize=4096)
def deviation_at(measured: tuple[FlowWeights, ...], flows: int, size_bytes: float) -> float:
    """Between what was measured, along the logarithms of both; beyond it as at its edge."""
    if flows < 2 or not measured:
        return 0.0
    sizes = sorted({each.size_bytes for each in measured})
    at_size = []
    for size in sizes:
        of_size = sorted((e.flows, e.log_deviation) for e in measured if e.size_bytes == size)
        counts = [math.log(count) for count, _ in of_size]
        at_size.append(np.interp(math.log(flows), counts, [d for _, d in of_size]))
    return float(np.interp(math.log(size_bytes), np.log(sizes), at_size))
