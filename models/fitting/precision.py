"""Precision: how firmly a cell's time is known, judged on the medians of its rounds.

Samples within a round are not independent, and rounds of fresh processes differ by as much as or
more than the samples within one: an interval from all samples together would be far too narrow.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nworkers.models.base.statistics import Floats
from nworkers.models.records.calibration import Burst, Cell, Quantity, Stop

#: Half-widths of the 95 % interval of the centre to reach, relative.
LOCAL_PRECISION = 0.02
REMOTE_PRECISION = 0.05
#: Intervals from fewer rounds are provisional.
PROVISIONAL_ROUNDS = 5
QUANTILES = (0.5, 0.9, 0.95, 0.99)

Interval = tuple[float, float]


@dataclass(frozen=True)
class Quantile:
    """A percentile of all rounds' samples, in seconds, with its 95 % interval from ranks."""

    probability: float
    value_s: float
    interval_s: Interval


@dataclass(frozen=True)
class RoundsPrecision:
    """How precisely several rounds tell a cell's centre.

    ``median_s`` is the median of the rounds' medians. ``interval_s`` is the 95 % interval of their
    centre (Student's t on their logarithms) and ``half_width`` its relative half-width; both are
    None below two rounds. ``stops`` has a reason for each round.
    """

    rounds: int
    samples: int
    outliers: int
    median_s: float
    interval_s: Interval | None
    half_width: float | None
    target: float
    stops: tuple[Stop, ...]


@dataclass(frozen=True)
class CellPrecision(RoundsPrecision):
    """One cell over all its rounds.

    ``quantiles`` has None where the samples are too few for a two-sided interval.
    """

    cell: Cell
    quantiles: tuple[Quantile | None, ...]

    @property
    def reached(self) -> bool:
        return self.half_width is not None and self.half_width <= self.target

    @property
    def shortfall(self) -> float:
        """Half-width over target: above 1 where the precision was missed."""
        return math.inf if self.half_width is None else self.half_width / self.target


def target(cell: Cell) -> float:
    """The relative half-width that a cell is to reach."""
    return LOCAL_PRECISION if cell.path == "process" else REMOTE_PRECISION


def precision(bursts: Iterable[Burst]) -> tuple[CellPrecision, ...]:
    """The precision of every cell, in the order in which cells were first measured.

    A cell that several workers ran together has all their samples; one that they ran in turn, to
    compare their hosts, has the first worker's alone.
    """
    cells: dict[Cell, dict[int, list[Burst]]] = {}
    for burst in bursts:
        # A soak is one long look at the link, and no cell of a round.
        if burst.cell.quantity == "soak":
            continue
        if burst.worker == 0 or burst.cell.workers > 1:
            cells.setdefault(burst.cell, {}).setdefault(burst.round, []).append(burst)
    return tuple(_of_cell(cell, list(rounds.values())) for cell, rounds in cells.items())


def widest(
    cells: Iterable[CellPrecision], only: Sequence[Quantity] = ()
) -> tuple[CellPrecision, ...]:
    """The cells that missed their precision, furthest off first; of some quantities, or of all."""
    missed = [c for c in cells if not c.reached and (not only or c.cell.quantity in only)]
    return tuple(sorted(missed, key=lambda c: -c.shortfall))


def centre_interval(medians: Sequence[float]) -> Interval | None:
    """95 % interval of the centre of positive values: Student's t on their logarithms."""
    # As in `student_inflation`: predicting needs none of scipy.
    from scipy.special import stdtrit  # noqa: PLC0415

    if len(medians) < 2:
        return None
    logs = [math.log(m) for m in medians]
    mean = statistics.fmean(logs)
    half = float(stdtrit(len(logs) - 1, 0.975)) * statistics.stdev(logs) / math.sqrt(len(logs))
    # Few rounds far apart would overflow; e^20 says "unknown" as well as any more.
    half = min(half, 20.0)
    return math.exp(mean - half), math.exp(mean + half)


def quantile(ordered: Floats, probability: float) -> Quantile | None:
    """A percentile with its 95 % interval, of the ordered samples; None where they are too few.

    Ranks from the binomial distribution, at most 2.5 % beyond either end: at least 6, 36, 72 and
    368 samples for p50, p90, p95 and p99.
    """
    from scipy.special import bdtr  # noqa: PLC0415

    n = ordered.size
    spread = 5.0 + 5.0 * math.sqrt(n * probability * (1 - probability))
    first = max(0, math.floor(n * probability - spread))
    last = min(n, math.ceil(n * probability + spread))
    ranks = np.arange(first, last + 1)
    at_most = bdtr(ranks, n, probability)
    # Rank l, from one, lies above the quantile with P(at most l − 1 samples below it).
    low = ranks[at_most <= 0.025]
    high = ranks[at_most >= 0.975]
    if not low.size or not high.size or high[0] + 1 > n:
        return None
    interval = float(ordered[low[-1]]), float(ordered[high[0]])
    return Quantile(probability, float(np.quantile(ordered, probability)), interval)


def _of_cell(cell: Cell, rounds: Sequence[Sequence[Burst]]) -> CellPrecision:
    pooled = [np.concatenate([np.asarray(b.samples_s) for b in round_]) for round_ in rounds]
    medians = [float(np.median(samples)) for samples in pooled]
    interval = centre_interval(medians)
    ordered = np.sort(np.concatenate(pooled))
    half_width = None
    if interval is not None:
        low, high = interval
        half_width = (high - low) / (2 * math.sqrt(low * high))
    return CellPrecision(
        cell=cell,
        rounds=len(rounds),
        samples=int(ordered.size),
        outliers=sum(len(burst.outliers) for round_ in rounds for burst in round_),
        median_s=statistics.median(medians),
        interval_s=interval,
        half_width=half_width,
        target=target(cell),
        stops=tuple(round_[0].stop for round_ in rounds),
        quantiles=tuple(quantile(ordered, p) for p in QUANTILES),
    )
