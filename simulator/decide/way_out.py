"""Ways out: the nearest batch, strategy, what-if or more workers with which a job would win."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from nworkers.models.base.errors import InputError
from nworkers.models.records.job_request import Addition, JobRequest
from nworkers.models.records.solved import Goal, WayOut
from nworkers.simulator.decide.alternatives import (
    alternatives,
    unchanged,
    wires,
    with_batch,
    with_more,
)
from nworkers.simulator.decide.quantities import MOST_BATCH, MOST_WORKERS, Job, job_of
from nworkers.simulator.engine.engines import IS_COMPILED
from nworkers.simulator.study.worker_grid import worker_grid

#: Numbers of workers that are tried where any may be the first to win.
COUNTS = (2, 3, 4, 8)
BREAK_EVEN = Goal()
#: Each larger batch that is tried is so many times the one before.
_LARGER = 2 if IS_COMPILED else 8
#: Kinds of changes, for whoever waits.
_KINDS = 6
#: What wins by less reads as a tie.
_SEEN = 1.005
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


class Possibility(Protocol):
    """What may be a way out: a job with a change, or a mix with the change in each job."""

    def ends(self, workers: int, most: int) -> tuple[int, int]:
        """The fewest and the most workers of its curve, which so many are on."""

    def rough(self, goal: Goal, workers: int) -> float:
        """How near it comes, roughly; 0 where so many cannot train so."""

    def way(self, goal: Goal, workers: int) -> WayOut:
        """What so many workers then do, in full."""


#: Candidates with so many times the batch.
Larger = Callable[[int], Sequence[Possibility]]


@dataclass(frozen=True)
class Changes:
    """All that may be changed, by kind.

    ``larger`` is the job with a larger batch, ``both`` that by another strategy. The wires are read
    only where they are asked for.
    """

    larger: Larger
    strategies: Sequence[Possibility]
    both: Larger
    others: Sequence[Possibility]
    more: Possibility
    wires: Callable[[], Sequence[Possibility]]
    most_times: float


def ways_out(
    request: JobRequest,
    counts: Sequence[int],
    progress: Progress | None = None,
    *,
    goal: Goal = BREAK_EVEN,
    beyond: int | None = None,
) -> tuple[WayOut, ...]:
    """Of each kind of change the nearest that reaches the goal; none where none does.

    Args:
        counts: numbers of workers to try.
        goal: a speed-up; by default that the baseline is beaten.
        beyond: more workers than so many are a way out too; of added ones, more of those.

    Raises:
        InputError
    """
    found = nearest(_changes(job_of(request)), counts, progress, goal=goal, beyond=beyond)
    add = request.add
    if add is None:
        return found
    owned = int(request.baseline)
    return tuple(_asked(way, add, owned) if way.what == "workers" else way for way in found)


def _asked(way: WayOut, add: Addition, owned: int) -> WayOut:
    """More workers that are added, as they are asked for."""
    device = f"{add.device:g}x" if isinstance(add.device, float | int) else str(add.device)
    return replace(way, fields=(("add", f"{way.workers - owned}:{device}"),))


def _changes(job: Job) -> Changes:
    now, single, batch = unchanged(job), [*alternatives(job)], job.request.batch
    strategies = [of for of in single if of.what == "strategy"]
    return Changes(
        larger=lambda times: [with_batch(now, times * batch)],
        strategies=strategies,
        both=lambda times: [with_batch(of, times * batch) for of in strategies],
        others=[of for of in single if of.what != "strategy"],
        more=with_more(job, MOST_WORKERS),
        wires=lambda: [*wires(job)],
        most_times=MOST_BATCH / batch,
    )


def nearest(
    of: Changes,
    counts: Sequence[int],
    progress: Progress | None = None,
    *,
    goal: Goal = BREAK_EVEN,
    beyond: int | None = None,
) -> tuple[WayOut, ...]:
    """Of each kind of change the nearest that reaches the goal, as of `ways_out`.

    Nearest is the smallest of the batches, which are doubled, and of all else the fewest workers,
    then the largest speed-up. All are tried roughly, and what is told is predicted in full. A
    larger batch by another strategy is told where it is at most half of what this one takes.
    Faster wires are tried where nothing else wins.
    """
    counts = _tried(counts)
    if not counts:
        return ()

    def done(kinds: int) -> None:
        if progress is not None:
            progress(kinds, _KINDS)

    done(0)
    batch = _first_batch(of.larger, of.most_times, counts, goal)
    done(1)
    strategy = _first(_by_workers(of.strategies, counts, goal), goal)
    done(2)
    other = _first(_by_workers(of.others, counts, goal), goal)
    done(3)
    # Another strategy that wins as it is needs no larger batch.
    both = _first_batch(of.both, of.most_times, counts, goal) if strategy is None else None
    if batch is not None and both is not None and 2 * both[0] > batch[0]:
        both = None
    done(4)
    more = None if beyond is None else _more_workers(of.more, beyond, goal)
    ways = [more, batch and batch[1], strategy, both and both[1], other]
    done(5)
    if not any(ways):
        # Hardware is the last resort.
        ways.append(_first(_by_workers(of.wires(), counts, goal), goal))
    return tuple(way for way in ways if way is not None)


def _tried(counts: Sequence[int]) -> list[int]:
    """For more workers, and without the kernel for several numbers, it takes too long."""
    few = [count for count in counts if count <= MOST_WORKERS]
    return few if IS_COMPILED else few[:1]


def _first(tried: Iterable[tuple[Possibility, int]], goal: Goal) -> WayOut | None:
    """The first that wins in full, of a few that do roughly."""
    for candidate, workers in islice(tried, _TRIES):
        way = candidate.way(goal, workers)
        if way.speedup > _SEEN * goal.target:
            return way
    return None


def _first_batch(
    larger: Larger, most_times: float, counts: Sequence[int], goal: Goal
) -> tuple[int, WayOut] | None:
    """The smallest batch, as times today's, with the fewest workers that win in full."""
    times, tries = _LARGER, 0
    while times <= most_times and tries < _TRIES:
        for candidate, workers in islice(_by_workers(larger(times), counts, goal), 1):
            tries += 1
            way = candidate.way(goal, workers)
            if way.speedup > _SEEN * goal.target:
                return times, way
        times *= _LARGER
    return None


def _more_workers(candidate: Possibility, beyond: int, goal: Goal) -> WayOut | None:
    """The fewest workers above ``beyond`` that reach the goal; None where none is found.

    The first that roughly does is sought on the grid of curves. From it, bisection in full goes
    down to the last that does not.
    """
    try:
        first, limit = candidate.ends(beyond, MOST_WORKERS)
    except InputError:
        return None
    numbers = [n for n in worker_grid(first, limit) if n > beyond]
    likely = (n for n in numbers if candidate.rough(goal, n) >= 1.0)
    way = _first(((candidate, n) for n in likely), goal)
    low = beyond
    while way is not None and way.workers > low + 1:
        middle = (low + way.workers) // 2
        tried = candidate.way(goal, middle)
        if tried.speedup > _SEEN * goal.target:
            way = tried
        else:
            low = middle
    return way


def _by_workers(
    of: Sequence[Possibility], counts: Sequence[int], goal: Goal
) -> Iterator[tuple[Possibility, int]]:
    """What roughly wins: by the number of workers, then the best first."""
    for workers in counts:
        scores = [(candidate.rough(goal, workers), candidate) for candidate in of]
        for score, candidate in sorted(scores, key=lambda each: -each[0]):
            if score >= 1.0:
                yield candidate, workers
