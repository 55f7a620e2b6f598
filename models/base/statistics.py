"""Order statistics that both the sampling protocol and the predictions rest on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

#: Equally probable values of a lognormal: the largest of 200 draws is still among them.
_BINS = 201

Floats = npt.NDArray[np.float64]


def median_interval(sorted_samples: Sequence[float]) -> tuple[float, float]:
    """Distribution-free 95 % interval of the median, from ranks of the ordered samples.

    Ranks ⌊(n−1.96√n)/2⌋ and ⌈1+(n+1.96√n)/2⌉, counted from one (Le Boudec, *Performance
    Evaluation*, table A.1; the form used by Hoefler and Belli, SC'15).

    Args:
        sorted_samples: ascending, at least one.
    """
    n = len(sorted_samples)
    spread = 1.96 * math.sqrt(n)
    low = max(1, math.floor((n - spread) / 2))
    high = min(n, math.ceil(1 + (n + spread) / 2))
    return sorted_samples[low - 1], sorted_samples[high - 1]


def student_factor(freedom: float) -> float:
    """Student's 90 % quantile, two-sided, over the normal's."""
    # Predicting needs none of scipy, which would double its start-up.
    from scipy.special import ndtri, stdtrit  # noqa: PLC0415

    return float(stdtrit(freedom, 0.95)) / float(ndtri(0.95))


def few_rounds(rounds: int) -> float:
    """√(R/(R−1)), by which R rounds spread less around their own mean than a further one will."""
    return math.sqrt(rounds / (rounds - 1)) if rounds > 1 else 1.0


def student_inflation(rounds: int) -> float:
    """Factor by which a bootstrap over few rounds must be widened to hold 90 %.

    t(R−1)/z · √(R/(R−1)): the percentile bootstrap uses normal quantiles and the biased deviation
    of R rounds. Two-sided 90 % quantiles.
    """
    if rounds < 2:
        return 1.0
    return student_factor(rounds - 1) * few_rounds(rounds)


def central(values: Floats | Sequence[float]) -> float:
    """The geometric mean: that of ratios is the ratio of those."""
    return float(np.exp(np.mean(np.log(np.asarray(values, dtype=float)))))


def interval90(values: Floats | Sequence[float], estimate: float) -> tuple[float, float]:
    """5th and 95th percentile of an estimate's draws, or the estimate where it is beyond.

    A few draws that are far out carry a mean past both, and what can be no better has it at an end.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    return min(_quantile(ordered, 0.05), estimate), max(_quantile(ordered, 0.95), estimate)


def _quantile(ordered: Floats, share: float) -> float:
    """As numpy's own, to the last digit, which imports masked arrays for it."""
    place = (ordered.size - 1) * share
    below = math.floor(place)
    low, high = float(ordered[below]), float(ordered[min(below + 1, ordered.size - 1)])
    beyond = place - below
    between = high - low
    return low + between * beyond if beyond < 0.5 else high - between * (1.0 - beyond)


def outliers(samples: Floats) -> list[int]:
    """Indices of samples further than 3 interquartile ranges above the upper quartile.

    They are flagged, never removed: they are part of what a step costs.
    """
    if samples.size < 8:
        return []
    q1, q3 = np.quantile(samples, [0.25, 0.75])
    return [int(i) for i in np.flatnonzero(samples > q3 + 3 * (q3 - q1))]


def lognormal_bins(spread: float) -> tuple[float, ...]:
    """Equally probable factors with a mean of one, lognormal with that deviation.

    A published throughput is one over a mean, so the factors' mean is one and not their median.
    Each is the mean of its share, from the lognormal's partial expectation.
    """
    if spread <= 0.0:
        return (1.0,)
    normal = NormalDist()
    edges = [normal.inv_cdf(k / _BINS) for k in range(1, _BINS)]
    below = [0.0, *(normal.cdf(z - spread) for z in edges), 1.0]
    return tuple(_BINS * (high - low) for low, high in pairwise(below))
