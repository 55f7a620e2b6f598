"""Scores: how far predictions are off, by class, and whether intervals deserve their name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, get_args

from scipy import stats

from nworkers.models.records.measured_accuracy import AccuracyClass
from nworkers.models.records.prediction import Interval
from nworkers.models.records.profile import Evidence

LEVEL = 0.90
#: Coverage is rejected at this level, two-sided.
REJECTED = 0.01
#: A wire is full where what is known without it is less of the measured step than this.
FULL = 0.5

Method = Literal["scale", "known", "hockney", "paleo", "amdahl", "usl", "optimus"]
METHODS: tuple[Method, ...] = get_args(Method)


@dataclass(frozen=True)
class Cell:
    """What was measured of a job at one number of workers, beside what each method said.

    Attributes:
        job: what cells that are options of one decision have in common.
        starts_s: mean step time of each start.
        samples: of all workers, in a step of each.
        known_s: of a step what is known without a model: the stated wait, or the single process's
            measured step, at a worker's batch; None where nobody measured it.
        predicted_s: step time by method.
        interval_s: what `scale` states.
    """

    name: str
    curve: str
    job: str
    workers: int
    kind: AccuracyClass
    evidence: Evidence
    starts_s: tuple[float, ...]
    samples: int
    processors: float
    known_s: float | None
    predicted_s: dict[str, float]
    interval_s: Interval
    probability_beats: float
    breakdown_s: dict[str, float]

    @property
    def measured_s(self) -> float:
        """The median over starts of their mean step times."""
        return median(self.starts_s)

    def judged(self, method: str) -> Judged:
        interval = self.interval_s if method == "scale" else None
        return Judged(self.measured_s, self.predicted_s[method], interval, self.known_s)


@dataclass(frozen=True)
class Judged:
    """A cell's measured step time beside one method's, with an interval where it states one.

    ``known_s`` of the measured step needs no model.
    """

    measured_s: float
    predicted_s: float
    interval_s: Interval | None = None
    known_s: float | None = None

    @property
    def error(self) -> float:
        return self.predicted_s / self.measured_s - 1.0

    @property
    def added_error(self) -> float | None:
        """Of what a model adds to what is known; None where nothing was added."""
        if self.known_s is None or self.measured_s <= self.known_s:
            return None
        return (self.predicted_s - self.known_s) / (self.measured_s - self.known_s) - 1.0

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
    """Of one method over some cells; ``median_added`` and ``worst_added`` of what it adds."""

    cells: int
    median_error: float
    worst_error: float
    median_added: float
    worst_added: float
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
    added = [abs(off) for cell in cells if (off := cell.added_error) is not None]
    return Scores(
        cells=len(cells),
        median_error=median(errors),
        worst_error=max(errors),
        median_added=median(added) if added else math.nan,
        worst_added=max(added, default=math.nan),
        median_interval_score=median(cell.interval_score for cell in cells),
        covered=sum(cell.covered for cell in cells),
        half_width=median(cell.half_width for cell in cells),
    )


def by_class(cells: Sequence[Cell]) -> Iterator[tuple[AccuracyClass, list[Cell]]]:
    """The classes that there are cells of."""
    for kind in get_args(AccuracyClass):
        chosen = [cell for cell in cells if cell.kind == kind]
        if chosen:
            yield kind, chosen


def accuracy_class(computes: bool, known_s: float | None, measured_s: float) -> AccuracyClass:
    """The class of a cell, by what it does and by what was measured."""
    if computes:
        return "two busy cores"
    return "full wires" if (known_s or 0.0) < FULL * measured_s else "waits"


def first_beating(workers: Sequence[int], speedups: Sequence[float]) -> float:
    """The first of the counts whose speed-up exceeds one; infinite for never."""
    return next((n for n, s in zip(workers, speedups, strict=True) if s > 1.0), math.inf)


def count_interval(counts: Sequence[float]) -> tuple[float, float]:
    """What 90 % of the draws' break-even counts lie within, the ends included."""
    ordered = sorted(counts)
    tail = (1.0 - LEVEL) / 2.0 * (len(ordered) - 1)
    return ordered[math.floor(tail)], ordered[math.ceil(len(ordered) - 1 - tail)]
