"""Fair share: one resource under max-min fairness, cores or a link, in O(log n) an event.

A job gets the same as every other job, and no more than its own cap (Bertsekas and Gallager, *Data
Networks*, 2nd ed., 1992, section 6.5.2). On cores that is processor sharing among jobs that can
each use so many of them at most; SimGrid has it so too. Where jobs have weights, shares are in
proportion to these. Where sharing costs something, k jobs together get k^-loss of the capacity.
"""

from __future__ import annotations

from heapq import heappop, heappush

import simpy

from nworkers.simulator.engine.events.resources import (
    CLOCK_RESOLUTION,
    MOST_LOSING,
    Alarm,
    Done,
    kept_shares,
)

#: Rates this share of a capacity apart are equal: so much may rounding move a level.
_ROUNDING = 1e-12


class _Job:
    """A job: at its weight's share of the level of all, or at its own cap below it."""

    __slots__ = ("cap", "done", "end", "move", "weight")

    def __init__(self, cap: float, weight: float, done: Done) -> None:
        self.cap = cap
        self.weight = weight
        self.done = done
        #: In virtual work at the level, in seconds at the cap.
        self.end = 0.0
        #: Which move was its last; a heap's entries from earlier ones are void.
        self.move = 0


#: (key, move, job), the smallest key first.
_Heap = list[tuple[float, int, _Job]]


def _first(heap: _Heap) -> _Job | None:
    """The first job that has not moved since it came into the heap."""
    while heap:
        _, move, job = heap[0]
        if job.move == move:
            return job
        heappop(heap)
    return None


class FairShare:
    """One resource: jobs get the same rate, the level, except those whose cap is below it.

    Jobs at the level end in the order of their virtual ends: work that a job at the level has got
    since the resource was last idle. Jobs at their cap end at a time known when they came to it. An
    event costs O(log n) for itself and for each job that changes sides. Caps at or above the
    capacity never bind. The level is that of a job of weight 1. k jobs together get k^-``loss`` of
    the capacity.
    """

    def __init__(self, env: simpy.Environment, capacity: float, loss: float = 0.0) -> None:
        self._env = env
        self.capacity = capacity
        self._kept = kept_shares(loss) if loss else ()
        #: What the jobs that there are get together.
        self._room = capacity
        # So much may rounding take from the level; without it jobs could change sides for ever.
        self._slack = capacity * _ROUNDING
        self._level = capacity
        self._virtual = 0.0
        self._updated_s = 0.0
        #: How many jobs share what is left of those at their caps, and their weights' sum.
        self._sharing = 0
        self._weight = 0.0
        self._capped = 0
        self._capped_rate = 0.0
        self._moves = 0
        self._ends: _Heap = []
        self._caps: _Heap = []
        self._capped_ends: _Heap = []
        self._capped_caps: _Heap = []
        self._alarm = Alarm(env, self._settle)
        self._settling = False

    def submit(self, work: float, rate: float, done: Done, weight: float = 1.0) -> None:
        if work <= 0.0:
            done()
            return
        self._advance()
        job = _Job(rate, weight, done)
        if self._sharing or rate >= self.capacity:
            self._share(job, work)
        else:
            self._hold(job, work)
        if not self._settling:
            self._plan()

    def _advance(self) -> None:
        now_s = self._env.now
        if self._sharing:
            self._virtual += (now_s - self._updated_s) * self._level
        else:
            self._virtual = 0.0
        self._updated_s = now_s

    def _leave(self, weight: float) -> None:
        """Take a job away from those at the level; of what is left of nobody, nothing stays."""
        self._sharing -= 1
        self._weight -= weight
        if not self._sharing:
            self._weight = 0.0
            self._ends.clear()
            self._caps.clear()

    def _share(self, job: _Job, left: float) -> None:
        """Let the job have the level for the work that is left."""
        self._moves += 1
        job.move = self._moves
        job.end = self._virtual + left / job.weight
        self._sharing += 1
        self._weight += job.weight
        heappush(self._ends, (job.end, job.move, job))
        if job.cap < self.capacity:
            heappush(self._caps, (job.cap / job.weight, job.move, job))

    def _hold(self, job: _Job, left: float) -> None:
        """Hold the job at its cap for the work that is left."""
        self._moves += 1
        job.move = self._moves
        job.end = self._updated_s + left / job.cap
        self._capped += 1
        self._capped_rate += job.cap
        heappush(self._capped_ends, (job.end, job.move, job))
        heappush(self._capped_caps, (-job.cap / job.weight, job.move, job))

    def _release(self, job: _Job) -> None:
        """Take a job away from those at their caps."""
        self._capped -= 1
        self._capped_rate -= job.cap
        if not self._capped:
            self._capped_rate = 0.0
            self._capped_ends.clear()
            self._capped_caps.clear()

    def _balance(self) -> None:
        """Move jobs until all whose cap is below the level, and no others, are at their caps.

        Every move raises the level, so none is undone; at a cap that is the level either side will
        do.
        """
        while True:
            if self._sharing:
                self._level = max(0.0, self._room - self._capped_rate) / self._weight
                job = _first(self._caps)
                if job is not None and job.cap <= self._level * job.weight:
                    left = max(0.0, job.end - self._virtual) * job.weight
                    self._leave(job.weight)
                    self._hold(job, left)
                    continue
            job = _first(self._capped_caps) if self._capped else None
            if job is None:
                return
            fits = (
                job.cap <= self._level * job.weight + self._slack
                if self._sharing
                else self._capped_rate <= self._room + self._slack
            )
            if fits:
                return
            left = max(0.0, job.end - self._updated_s) * job.cap
            self._release(job)
            self._share(job, left)

    def _plan(self) -> None:
        """Wake when the first job ends, if nothing changes before."""
        if self._kept:
            jobs = min(self._sharing + self._capped, MOST_LOSING)
            self._room = self.capacity * self._kept[jobs]
        if self._caps or self._capped:
            self._balance()
        elif self._sharing:
            self._level = self._room / self._weight
        if self._sharing:
            first = _first(self._ends)
            assert first is not None
            due_s = self._updated_s + (first.end - self._virtual) / self._level
            if due_s < self._alarm.due_s:
                self._alarm.at_most(due_s)
        if self._capped:
            first = _first(self._capped_ends)
            assert first is not None
            self._alarm.at_most(first.end)

    def _settle(self) -> None:
        """End all that is done; what is submitted meanwhile is planned for once, at the end."""
        self._advance()
        now_s = self._updated_s
        tick_s = CLOCK_RESOLUTION * now_s
        self._settling = True
        if self._sharing:
            for done in self._through(self._ends, self._virtual + tick_s * self._level):
                done()
        if self._capped:
            for done in self._through(self._capped_ends, now_s + tick_s):
                done()
        self._settling = False
        if self._sharing or self._capped:
            self._plan()

    def _through(self, ends: _Heap, reached: float) -> list[Done]:
        """Take away the jobs that have reached their ends."""
        ended = []
        while ends and ends[0][0] <= reached:
            _, move, job = heappop(ends)
            if job.move != move:
                continue
            job.move = 0
            if ends is self._ends:
                self._leave(job.weight)
            else:
                self._release(job)
            ended.append(job.done)
        return ended
