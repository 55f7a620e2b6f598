"""Model discrepancy: what the model itself is off by, beside what its parameters leave open.

Kennedy and O'Hagan, *J. R. Stat. Soc. B* 63 (2001). Parts of a step are off by chance of their own,
each in proportion to its share. The deviations are those that make the development half of
docs/accuracy.md most likely (``python -m benchmarks.accuracy discrepancy``); they were not chosen
for the test half, which tells whether they hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from nworkers.models.base.statistics import Floats
from nworkers.models.records.runtimes import Strategy

Part = Literal["computing", "wire", "processors", "accumulators", "waiting"]

#: Causes of a step's seconds, by what may be wrong about them.
CAUSES: dict[Part, tuple[str, ...]] = {
    "computing": ("compute", "input", "device_contention"),
    "wire": (
        "fetch_transfer",
        "push_transfer",
        "collective_latency",
        "collective_transfer",
        "link_contention",
    ),
    "processors": ("dispatch", "fetch_latency", "push_latency", "apply", "host_contention"),
    "waiting": ("barrier_wait",),
}
#: Standard deviation of a part's logarithm. Accumulators are what processors are in a synchronous
#: step with ps: no calibration measures those of SyncReplicasOptimizer. Waiting is known least:
#: how long who is ready first waits depends on how unevenly TCP shares links.
LOG_DEVIATIONS: dict[Part, float] = {
    "computing": 0.005,
    "wire": 0.114,
    "processors": 0.075,
    "accumulators": 0.388,
    "waiting": 0.908,
}


def shares(breakdown: Mapping[str, float], strategy: Strategy) -> dict[Part, float]:
    """Of a step's seconds, by part."""
    whole_s = sum(breakdown.values())
    if not whole_s:
        return {}
    found = {
        part: sum(breakdown.get(cause, 0.0) for cause in causes) / whole_s
        for part, causes in CAUSES.items()
    }
    if strategy == "ps-sync":
        found["accumulators"] = found.pop("processors")
    return found


def log_deviation(breakdown: Mapping[str, float], strategy: Strategy) -> float:
    """Of a step time's logarithm, to first order."""
    found = shares(breakdown, strategy)
    return math.hypot(*(share * LOG_DEVIATIONS[part] for part, share in found.items()))


def computing_factors(scores: Floats) -> Floats:
    """By what all computing is off, in a baseline as in a worker."""
    return np.asarray(np.exp(LOG_DEVIATIONS["computing"] * scores))


def step_factors(breakdown: Mapping[str, float], strategy: Strategy, scores: Floats) -> Floats:
    """By what a step time is off: its computing as all computing is, and its rest by the rest.

    To first order that is `log_deviation`, but no step is shorter than what it computes.

    Args:
        scores: how far the model is off each time, in standard deviations.
    """
    own = shares(breakdown, strategy).get("computing", 0.0)
    rest = 1.0 - own
    computed = own * computing_factors(scores)
    if rest <= 0.0:
        return computed
    left = log_deviation(breakdown, strategy) - own * LOG_DEVIATIONS["computing"]
    return np.asarray(computed + rest * np.exp(left / rest * scores))
