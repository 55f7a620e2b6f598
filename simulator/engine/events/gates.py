"""Gates: where workers wait for each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush

Pass = Callable[[], None]


class Barrier:
    """Opens for a round when all but ``spare`` parties have arrived in it.

    Who arrives for a round that is over passes at once: synchronous training with backup workers
    drops a gradient that is too late (Chen and others, arXiv:1604.00981).
    """

    def __init__(self, parties: int, spare: int = 0, opened: Pass | None = None) -> None:
        self._needed = parties - spare
        self._opened = opened
        self._waiting: list[Pass] = []
        #: How often it has opened; a worker that passes takes part in this round.
        self.round = 0

    def arrive(self, round_: int, go: Pass) -> None:
        if round_ < self.round:
            go()
            return
        self._waiting.append(go)
        if len(self._waiting) == self._needed:
            released, self._waiting = self._waiting, []
            self.round += 1
            if self._opened is not None:
                self._opened()
            for each in released:
                each()


class Bound:
    """Lets a worker begin a step if it is no more than ``staleness`` ahead of the slowest.

    Stale-synchronous training (Ho and others, *NIPS* 2013): with 0 nobody begins a step before all
    have ended the one before.
    """

    def __init__(self, workers: int, staleness: int) -> None:
        self._staleness = staleness
        self._done = [0] * workers
        self._behind = Counter({0: workers})
        self._slowest = 0
        self._waiting: list[tuple[int, int, Pass]] = []

    def arrive(self, worker: int, go: Pass) -> None:
        """Another step of the worker has ended."""
        done = self._done[worker]
        self._behind[done] -= 1
        self._done[worker] = done = done + 1
        self._behind[done] += 1
        heappush(self._waiting, (done, worker, go))
        while not self._behind[self._slowest]:
            del self._behind[self._slowest]
            self._slowest += 1
        while self._waiting and self._waiting[0][0] <= self._slowest + self._staleness:
            heappop(self._waiting)[2]()
