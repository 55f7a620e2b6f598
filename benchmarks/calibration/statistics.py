"""The pure parts: how estimates spread, whether intervals hold what they promise, and slopes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: A binomial test below this tells that intervals do not hold what they promise.
LEVEL = 0.01
PROMISE = 0.90


@dataclass(frozen=True)
class Run:
    """What one calibration says of one parameter."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Spread:
    """How far calibrations of one machine lie apart, and what their intervals hold.

    ``covered`` of ``runs`` intervals hold the (geometric) mean of the other runs' estimates;
    ``p_value`` is of that count, were ``expected`` true; ``half_width`` is the median one, as the
    logarithm's.
    """

    runs: int
    mean: float
    log_deviation: float
    largest_over_smallest: float
    covered: int
    expected: float
    p_value: float
    half_width: float

    @property
    def kept(self) -> bool:
        return self.p_value >= LEVEL


def spread(runs: Sequence[Run]) -> Spread:
    """Of one parameter over all runs, at least three."""
    logs = np.log([run.estimate for run in runs])
    count = len(runs)
    others = (logs.sum() - logs) / (count - 1)
    covered = sum(
        run.low <= other <= run.high
        for run, other in zip(runs, np.exp(others).tolist(), strict=True)
    )
    expected = expected_coverage(count)
    return Spread(
        runs=count,
        mean=float(np.exp(logs.mean())),
        log_deviation=float(logs.std(ddof=1)),
        largest_over_smallest=float(np.exp(logs.max() - logs.min())),
        covered=covered,
        expected=expected,
        p_value=binomial_p(covered, count, expected),
        half_width=float(np.median([math.log(run.high / run.low) / 2 for run in runs])),
    )


def expected_coverage(runs: int) -> float:
    """How often a perfect 90 % interval of one run holds the mean of the others' estimates.

    A little less than 0.9, since that mean varies too: by a (runs − 1)th of one run's variance.
    """
    from scipy.special import ndtr, ndtri

    z = float(ndtri((1 + PROMISE) / 2)) / math.sqrt(1 + 1 / (runs - 1))
    return 2 * float(ndtr(z)) - 1


def binomial_p(hits: int, trials: int, chance: float) -> float:
    """Two-sided: the probability of all counts that are no likelier than this one."""

    def probability(count: int) -> float:
        return math.comb(trials, count) * chance**count * (1 - chance) ** (trials - count)

    limit = probability(hits) * (1 + 1e-9)
    return min(1.0, sum(p for k in range(trials + 1) if (p := probability(k)) <= limit))


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Of the straight line through the points, by least squares."""
    return float(np.polyfit(x, y, 1)[0])
