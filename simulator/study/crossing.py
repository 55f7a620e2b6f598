"""Crossing: where on a curve over numbers of workers the speed-up exceeds a target."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Protocol

import numpy as np

#: A neighbour of the best that is so much slower leaves room for a better one between them.
_PEAK = 0.005


class Point(Protocol):
    """A number of workers on a curve: its speed-up, and that of each replication."""

    @property
    def speedup(self) -> float: ...

    @property
    def draws(self) -> tuple[float, ...]: ...


def undecided(curve: Mapping[int, Point], target: float) -> list[int]:
    """Midpoints of the gaps that hold a crossing, an end of the interval or the peak."""
    numbers = sorted(curve)
    uncertain = first_wins(curve, target)
    best = max(numbers, key=lambda n: curve[n].speedup)

    def peaks(one: int, other: int) -> bool:
        return best in (one, other) and (
            min(curve[one].speedup, curve[other].speedup) < (1.0 - _PEAK) * curve[best].speedup
        )

    return [
        (low + high) // 2
        for low, high in pairwise(numbers)
        if high > low + 1
        and (
            (curve[low].speedup > target) != (curve[high].speedup > target)
            or high in uncertain
            or peaks(low, high)
        )
    ]


def winning_ranges(curve: Mapping[int, Point], target: float) -> tuple[tuple[int, int], ...]:
    """First and last number of workers of every run whose speed-up exceeds the target."""
    ranges: list[tuple[int, int]] = []
    won = False
    for workers in sorted(curve):
        wins = curve[workers].speedup > target
        if wins:
            ranges[-1:] = [(ranges[-1][0], workers)] if won else [*ranges[-1:], (workers, workers)]
        won = wins
    return tuple(ranges)


def first_wins(curve: Mapping[int, Point], target: float) -> tuple[int | None, int | None]:
    """5 % and 95 % quantiles over replications of the first number that wins; None is never.

    The first number by the estimates is between them, even where most replications win before: of
    several numbers that are as good as the target, each replication wins at some.
    """
    workers = sorted(curve)
    ranges = winning_ranges(curve, target)
    estimate = ranges[0][0] if ranges else np.inf
    wins = np.array([curve[n].draws for n in workers]) > target
    numbers = np.array(workers, dtype=float)
    first = np.where(wins.any(axis=0), numbers[wins.argmax(axis=0)], np.inf)
    quantiles = np.quantile(first, [0.05, 0.95], method="inverted_cdf")
    low, high = min(quantiles[0], estimate), max(quantiles[1], estimate)
    return (
        int(low) if np.isfinite(low) else None,
        int(high) if np.isfinite(high) else None,
    )
