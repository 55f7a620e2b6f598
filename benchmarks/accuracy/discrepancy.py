"""Discrepancy: how far the model was off on the development half, by maximum likelihood."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import optimize

from benchmarks.accuracy.rows import Row
from nworkers.models.base.statistics import Floats
from nworkers.models.costs.model_discrepancy import LOG_DEVIATIONS, Part, log_deviation, shares

#: Of a 90 % interval's ends, in standard deviations.
_ENDS = 1.6449
_LEAST, _MOST = 1e-3, 1.0


def estimate(cells: Sequence[Row]) -> dict[Part, float]:
    """The deviations under which the cells' errors are most likely.

    A cell's log error is normal about 0 with the variance that its interval states without any
    discrepancy, and that of its parts.
    """
    parts = list(LOG_DEVIATIONS)
    found = [shares(c.forecast.breakdown_s, c.curve.strategy) for c in cells]
    known = np.array([[of.get(part, 0.0) for part in parts] for of in found])
    errors = np.array([math.log(c.forecast.step_s / c.measured_s) for c in cells])
    stated = np.array([_stated(cell) for cell in cells])

    def unlikely(logs: Floats) -> float:
        variance = stated + (known**2) @ np.exp(2.0 * logs)
        return float(np.sum(errors**2 / variance + np.log(variance)))

    start = np.log([LOG_DEVIATIONS[part] for part in parts])
    bounds = [(math.log(_LEAST), math.log(_MOST))] * len(parts)
    best = optimize.minimize(unlikely, start, bounds=bounds, method="L-BFGS-B")
    return dict(zip(parts, map(float, np.exp(best.x)), strict=True))


def _stated(cell: Row) -> float:
    """Variance of the logarithm, without what the discrepancy has put into the interval."""
    low_s, high_s = cell.forecast.interval_s
    whole = (math.log(high_s / low_s) / 2.0 / _ENDS) ** 2
    return max(1e-8, whole - log_deviation(cell.forecast.breakdown_s, cell.curve.strategy) ** 2)
