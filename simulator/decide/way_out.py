"""Ways out: the nearest batch, strategy, what-if or more workers with which a job would win."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from nworkers.models.base.errors import InputError
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.runtimes import STRATEGIES
from nworkers.models.records.solved import Goal, WayOut
from nworkers.simulator.decide.alternatives import (
    Alternative,
    alternatives,
    rough,
    unchanged,
    wires,
    with_batch,
    with_strategy,
)
from nworkers.simulator.decide.quantities import MOST_BATCH, MOST_WORKERS, job_of
from nworkers.simulator.engine.engines import IS_COMPILED
from nworkers.simulator.study.worker_grid import ends, worker_grid

#: Numbers of workers that are tried where any may be the first to win.
COUNTS = (2, 3, 4, 8)
BREAK_EVEN = Goal()
#: Each larger batch that is tried is so many times the one before.
_LARGER = 2 if IS_COMPILED else 8
#: Of each kind of change, so many are predicted in full until one wins.
_TRIES = 2

Progress = Callable[[int, int], None]


def counts_to_try(goal: Goal, most: int, owned: int | None = None) -> list[int]:
    """Numbers of workers, up to ``most``, of which one may be the first to reach the goal.

    Each does about as many times what one does; so what is owned, and what is aimed at, count.
    """
    at_least = max(1.0, goal.target) * (owned or 1)
    found = {min(most, math.ceil(count * at_least)) for count in COUNTS}
    return sorted(found | ({min(most, owned)} if owned else set()))[: len(COUNTS)]


def ways_out(
    request: JobRequest,
    counts: Sequence[int],
    progress: Progress | None = None,
    *,
    goal: Goal = BREAK_EVEN,
    beyond: int | None = None,
) -> tuple[WayOut, ...]:
    """Of each kind of change the nearest that reaches the goal; none where none does.

    Nearest is the smallest of the batches, which are doubled, and of all else the fewest workers,
    then the largest speed-up. All are tried roughly, and what is told is predicted in full. A
    larger batch by another strategy is told where it is at most half of what this one takes.
    Faster wires are tried where nothing else wins.

    Args:
        counts: numbers of workers to try.
        goal: a speed-up; by default that the baseline is beaten.
        beyond: more workers than so many are a way out too.

    Raises:
        InputError
    """
    counts = [count for count in counts if count <= MOST_WORKERS]
    counts = counts if IS_COMPILED else counts[:1]
    # For more workers, and without the kernel for several numbers, it takes too long.
    if not counts:
        return ()
    job = job_of(request)
    single = [*alternatives(job)]
    others = [of for of in single if of.what == "strategy"]
    changes = [of for of in single if of.what != "strategy"]
    tasks: tuple[Callable[[], WayOut | None], ...] = (
        lambda: _first(_by_batch([unchanged(job)], counts, goal), goal),
        lambda: _first(_by_workers(others, counts, goal), goal),
        lambda: _first(_by_workers(changes, counts, goal), goal),
        lambda: _first(
            _by_batch(
                [with_strategy(job, s) for s in STRATEGIES if s != request.strategy], counts, goal
            ),
            goal,
        ),
        lambda: None if beyond is None else _more_workers(unchanged(job, "workers"), beyond, goal),
        # Hardware is the last resort.
        lambda: _first(_by_workers([*wires(job)], counts, goal), goal),
    )
    found: list[WayOut | None] = []
    for done, task in enumerate(tasks):
        if progress is not None:
            progress(done, len(tasks))
        # Another strategy that wins as it is needs no larger batch.
        needless = (done == 3 and found[1] is not None) or (done == 5 and any(found))
        found.append(None if needless else task())
    batch, strategy, other, both, more, wire = found
    if batch is not None and both is not None and 2 * _batch(both) > _batch(batch):
        both = None
    return tuple(way for way in (more, batch, strategy, both, other, wire) if way is not None)


def _batch(way: WayOut) -> int:
    return int(dict(way.fields)["batch"])


def _first(tried: Iterable[tuple[Alternative, int]], goal: Goal) -> WayOut | None:
    """The first that wins in full, of a few that do roughly."""
    for alternative, workers in islice(tried, _TRIES):
        way = alternative.way(goal, workers)
        if way.speedup > goal.target:
            return way
    return None


def _more_workers(job: Alternative, beyond: int, goal: Goal) -> WayOut | None:
    """The fewest workers above ``beyond`` that reach the goal; None where none is found.

    The first that roughly does is sought on the grid of curves. From it, bisection in full goes
    down to the last that does not.
    """
    try:
        scenario = job.resolved(max(2, beyond)).scenarios[0]
        first, limit = ends(scenario, MOST_WORKERS)
    except InputError:
        return None
    numbers = [n for n in worker_grid(first, limit) if n > beyond]
    likely = (n for n in numbers if rough(job, goal, n) >= 1.0)
    way = _first(((job, n) for n in likely), goal)
    low = beyond
    while way is not None and way.workers > low + 1:
        middle = (low + way.workers) // 2
        tried = job.way(goal, middle)
        if tried.speedup > goal.target:
            way = tried
        else:
            low = middle
    return way


def _by_workers(
    of: list[Alternative], counts: Sequence[int], goal: Goal
) -> Iterator[tuple[Alternative, int]]:
    """What roughly wins: by the number of workers, then the best first."""
    for workers in counts:
        scores = [(rough(alternative, goal, workers), alternative) for alternative in of]
        for score, alternative in sorted(scores, key=lambda each: -each[0]):
            if score >= 1.0:
                yield alternative, workers


def _by_batch(
    of: list[Alternative], counts: Sequence[int], goal: Goal
) -> Iterator[tuple[Alternative, int]]:
    """What roughly wins with larger batches, the smallest first; of each the fewest workers."""
    batch = _LARGER * of[0].job.request.batch
    while batch <= MOST_BATCH:
        larger = [with_batch(alternative, batch) for alternative in of]
        yield from islice(_by_workers(larger, counts, goal), 1)
        batch *= _LARGER
