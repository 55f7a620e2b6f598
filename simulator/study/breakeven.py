"""Break-even: the curve over workers, and the fewest of them that beat the baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np

from nworkers.models.records.aim import PLAIN_AIM, Aim, check_aim
from nworkers.models.records.prediction import BreakEven, Prediction
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario, check_scenario
from nworkers.simulator.study.predict import REPLICATIONS, baseline_of, beside
from nworkers.simulator.study.worker_grid import ends, worker_grid

Progress = Callable[[int, int], None]
#: Numbers of workers that a question about the curve needs too, none once it is answered.
Refine = Callable[[Mapping[int, Prediction]], list[int]]

#: A neighbour of the best that is so much slower leaves room for a better one between them.
_PEAK = 0.005


def breakeven(
    profile: Profile,
    scenario: Scenario,
    *,
    max_workers: int = 64,
    baseline: str = "device",
    seed: int = 1,
    replications: int = REPLICATIONS,
    progress: Progress | None = None,
    known: Callable[[Prediction], None] | None = None,
    aim: Aim = PLAIN_AIM,
    refine: Refine | None = None,
) -> BreakEven:
    """Predict over numbers of workers and find where the speed-up crosses 1, or the aim's target.

    All numbers up to 8 are simulated, then three of each doubling; between two neighbours that
    disagree the crossing is found by bisection. The answer is that of simulating every number as
    long as no gap of the grid holds two crossings. So are the best number, and the interval's ends:
    the 5 % and 95 % quantiles over replications of the first number that wins.

    Args:
        scenario: the job; its number of workers is not used.
        max_workers: the largest number to look at; strong scaling ends at the global batch.
        progress: called with simulations done and expected.
        known: called with each row as it is known.
        aim: the target, and what of a sample counts as progress.
        refine: asked for further numbers until it has none.

    Raises:
        InputError
    """
    target = check_aim(aim).target_speedup
    first, limit = ends(scenario, max_workers)
    check_scenario(replace(scenario, workers=first))
    base = baseline_of(profile, scenario, baseline, seed, replications)
    curve: dict[int, Prediction] = {}

    def evaluate(numbers: list[int]) -> None:
        for done, workers in enumerate(numbers):
            if progress is not None:
                progress(len(curve), len(curve) + len(numbers) - done)
            at = replace(scenario, workers=workers)
            curve[workers] = beside(
                profile,
                at,
                base,
                baseline=baseline,
                seed=seed,
                replications=replications,
                aim=aim,
            )
            if known is not None:
                known(curve[workers])

    owned = 0 if scenario.added is None else scenario.added.owned
    evaluate(worker_grid(first, limit, owned))
    while missing := _undecided(curve, target) or (refine(curve) if refine else []):
        evaluate(missing)
    if progress is not None:
        progress(len(curve), len(curve))
    rows = tuple(curve[workers] for workers in sorted(curve))
    ranges = _winning_ranges(rows, target)
    answer = ranges[0][0] if ranges else None
    return BreakEven(
        rows=rows,
        max_workers=limit,
        breakeven_workers=answer,
        breakeven_workers_interval=_first_wins(rows, target),
        breakeven_hosts=None if answer is None else curve[answer].scenario.hosts,
        beats_single=ranges,
        aim=aim,
    )


def _undecided(curve: dict[int, Prediction], target: float) -> list[int]:
    """Midpoints of the gaps that hold a crossing, an end of the interval or the peak."""
    numbers = sorted(curve)
    uncertain = _first_wins(tuple(curve[n] for n in numbers), target)
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


def _winning_ranges(rows: tuple[Prediction, ...], target: float) -> tuple[tuple[int, int], ...]:
    """First and last number of workers of every run of rows whose speed-up exceeds the target."""
    ranges: list[tuple[int, int]] = []
    won = False
    for row in rows:
        workers = row.scenario.workers
        if row.speedup > target:
            ranges[-1:] = [(ranges[-1][0], workers)] if won else [*ranges[-1:], (workers, workers)]
        won = row.speedup > target
    return tuple(ranges)


def _first_wins(rows: tuple[Prediction, ...], target: float) -> tuple[int | None, int | None]:
    """5 % and 95 % quantiles over replications of the first number that wins; None is never."""
    wins = np.array([row.draws for row in rows]) > target
    numbers = np.array([row.scenario.workers for row in rows], dtype=float)
    first = np.where(wins.any(axis=0), numbers[wins.argmax(axis=0)], np.inf)
    low, high = np.quantile(first, [0.05, 0.95], method="inverted_cdf")
    return (
        int(low) if np.isfinite(low) else None,
        int(high) if np.isfinite(high) else None,
    )
