"""Ways out: the nearest batch, strategy or what-if with which a job that loses would win."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

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
from nworkers.simulator.decide.quantities import MOST_BATCH, job_of
from nworkers.simulator.engine.engines import IS_COMPILED

#: Numbers of workers that are tried where any may be the first to win.
COUNTS = (2, 3, 4, 8)
#: For more workers, and without the kernel for several numbers, it takes too long.
_MOST_WORKERS = 256
#: Each larger batch that is tried is so many times the one before.
_LARGER = 2 if IS_COMPILED else 8
#: Of each kind of change, so many are predicted in full until one wins.
_TRIES = 2

Progress = Callable[[int, int], None]


def ways_out(
    request: JobRequest, counts: Sequence[int], progress: Progress | None = None
) -> tuple[WayOut, ...]:
    """Of each kind of change the nearest that beats the baseline; none where none does.

    Nearest is the smallest of the batches, which are doubled, and of all else the fewest workers,
    then the largest speed-up. All are tried roughly, and what is told is predicted in full. A
    larger batch by another strategy is told where it is at most half of what this one takes.
    Faster wires are tried where nothing else wins.

    Args:
        counts: numbers of workers to try.

    Raises:
        InputError
    """
    counts = [count for count in counts if count <= _MOST_WORKERS]
    counts = counts if IS_COMPILED else counts[:1]
    if not counts:
        return ()
    job, goal = job_of(request), Goal()
    single = [*alternatives(job)]
    others = [of for of in single if of.what == "strategy"]
    changes = [of for of in single if of.what != "strategy"]
    tasks: tuple[Callable[[], WayOut | None], ...] = (
        lambda: _first(_by_batch([unchanged(job)], counts), goal),
        lambda: _first(_by_workers(others, counts), goal),
        lambda: _first(_by_workers(changes, counts), goal),
        lambda: _first(
            _by_batch([with_strategy(job, s) for s in STRATEGIES if s != request.strategy], counts),
            goal,
        ),
        # Hardware is the last resort.
        lambda: _first(_by_workers([*wires(job)], counts), goal),
    )
    found: list[WayOut | None] = []
    for done, task in enumerate(tasks):
        if progress is not None:
            progress(done, len(tasks))
        # Another strategy that wins as it is needs no larger batch.
        needless = (done == 3 and found[1] is not None) or (done == 4 and any(found))
        found.append(None if needless else task())
    batch, strategy, other, both, wire = found
    if batch is not None and both is not None and 2 * _batch(both) > _batch(batch):
        both = None
    return tuple(way for way in (batch, strategy, both, other, wire) if way is not None)


def _batch(way: WayOut) -> int:
    return int(dict(way.fields)["batch"])


def _first(tried: Iterable[tuple[Alternative, int]], goal: Goal) -> WayOut | None:
    """The first that wins in full, of a few that do roughly."""
    for alternative, workers in islice(tried, _TRIES):
        way = alternative.way(goal, workers)
        if way.speedup > goal.target:
            return way
    return None


def _by_workers(of: list[Alternative], counts: Sequence[int]) -> Iterator[tuple[Alternative, int]]:
    """What roughly wins: by the number of workers, then the best first."""
    for workers in counts:
        scores = [(rough(alternative, Goal(), workers), alternative) for alternative in of]
        for score, alternative in sorted(scores, key=lambda each: -each[0]):
            if score >= 1.0:
                yield alternative, workers


def _by_batch(of: list[Alternative], counts: Sequence[int]) -> Iterator[tuple[Alternative, int]]:
    """What roughly wins with larger batches, the smallest first; of each the fewest workers."""
    batch = _LARGER * of[0].job.request.batch
    while batch <= MOST_BATCH:
        larger = [with_batch(alternative, batch) for alternative in of]
        yield from islice(_by_workers(larger, counts), 1)
        batch *= _LARGER
