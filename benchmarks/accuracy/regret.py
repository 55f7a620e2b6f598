"""Regret: what following a prediction costs, where it chooses between options of one job."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from benchmarks.accuracy.scores import Cell

#: Options of a choice: pairs and quadruples.
SIZES = (2, 4)
#: Two options differ where the better one's throughput exceeds the other's by more than this.
DIFFERENT = 0.10


@dataclass(frozen=True)
class Regret:
    """Throughput lost over all choices of so many options, as a share of the best one's.

    ``ranked`` of ``different`` pairs are in the measured order; of larger choices there is neither.
    """

    options: int
    choices: int
    mean: float
    worst: float
    ranked: int
    different: int


def regrets(cells: Sequence[Cell], method: str) -> Iterator[Regret]:
    """Of choices among cells that the method speaks of; none where no job has as many."""
    jobs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for cell in cells:
        if method in cell.predicted_s:
            rates = cell.samples / cell.measured_s, cell.samples / cell.predicted_s[method]
            jobs[cell.job].append(rates)
    for size in SIZES:
        choices = [one for options in jobs.values() for one in combinations(options, size)]
        if not choices:
            continue
        lost = [_lost(choice) for choice in choices]
        pairs = [one for one in choices if size == 2 and _differ(one)]
        yield Regret(
            options=size,
            choices=len(choices),
            mean=fmean(lost),
            worst=max(lost),
            ranked=sum((a[0] > b[0]) == (a[1] > b[1]) for a, b in pairs),
            different=len(pairs),
        )


def _lost(choice: Sequence[tuple[float, float]]) -> float:
    best = max(measured for measured, _ in choice)
    followed, _ = max(choice, key=lambda option: option[1])
    return 1.0 - followed / best


def _differ(pair: Sequence[tuple[float, float]]) -> bool:
    low, high = sorted(measured for measured, _ in pair)
    return high > low * (1.0 + DIFFERENT)
