"""Scores: how far predictions are off, and whether their intervals deserve their name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from scipy import stats

from nworkers.models.records.prediction import Interval

LEVEL = 0.90
#: Coverage is rejected at this level, two-sided.
REJECTED = 0.01


@dataclass(frozen=True)
class Judged:
    """A cell's measured step time beside one method's, with an interval where it states one."""

    measured_s: float
    predicted_s: float
    interval_s: Interval | None = None

    @property
    def error(self) -> float:
        return self.predicted_s / self.measured_s - 1.0

    @property
    def covered(self) -> bool:
        low, high = self.interval_s or (self.predicted_s, self.predicted_s)
        return low <= self.measured_s <= high

    @property
    def half_width(self) -> float:
        """Of the interval, over the prediction."""
        low, high = self.interval_s or (self.predicted_s, self.predicted_s)
        return (high - low) / 2.0 / self.predicted_s

    @property
    def interval_score(self) -> float:
        """Width, and 2/α of what lies outside, over the measured time (Gneiting, Raftery 2007).

        A method without an interval is taken as certain of its answer.
        """
        low, high = self.interval_s or (self.predicted_s, self.predicted_s)
        outside = max(0.0, low - self.measured_s, self.measured_s - high)
        return (high - low + 2.0 / (1.0 - LEVEL) * outside) / self.measured_s


@dataclass(frozen=True)
class Scores:
    """Of one method over some cells."""

    cells: int
    median_error: float
    worst_error: float
    median_interval_score: float
    covered: int
    half_width: float

    @property
    def p_value(self) -> float:
        """Of so many covered if intervals held their level."""
        return float(stats.binomtest(self.covered, self.cells, LEVEL).pvalue)


def scores(cells: Sequence[Judged]) -> Scores:
    """Medians and worst; at least one cell."""
    errors = [abs(cell.error) for cell in cells]
    return Scores(
        cells=len(cells),
        median_error=median(errors),
        worst_error=max(errors),
        median_interval_score=median(cell.interval_score for cell in cells),
        covered=sum(cell.covered for cell in cells),
        half_width=median(cell.half_width for cell in cells),
    )


def first_beating(workers: Sequence[int], speedups: Sequence[float]) -> float:
    """The first of the counts whose speed-up exceeds one; infinite for never."""
    return next((n for n, s in zip(workers, speedups, strict=True) if s > 1.0), math.inf)


def count_interval(counts: Sequence[float]) -> tuple[float, float]:
    """What 90 % of the draws' break-even counts lie within, the ends included."""
    ordered = sorted(counts)
    tail = (1.0 - LEVEL) / 2.0 * (len(ordered) - 1)
    return ordered[math.floor(tail)], ordered[math.ceil(len(ordered) - 1 - tail)]
