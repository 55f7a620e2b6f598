"""Resources that jobs share in time: fairly (cores of a host, a fair link) or in turn (FIFO)."""

from __future__ import annotations

import math
from heapq import heappop, heappush
from typing import Protocol

import simpy

#: Work within this share of the clock's reading is done: the clock cannot tell it from nothing.
_CLOCK_RESOLUTION = 1e-14


class Resource(Protocol):
    capacity: float

    def submit(self, work: float, rate: float) -> simpy.Event:
        """Begin a job of ``work`` that alone runs at ``rate`` > 0; the event fires at its end."""
        ...


class FairShare:
    """Processor sharing: all jobs are slowed alike, by min(1, capacity / sum of rates).

    Virtual time runs at the pace of every job, so that a job is done once it has advanced by
    work/rate, whoever comes and goes meanwhile (as in fair queueing: Parekh and Gallager,
    *IEEE/ACM Trans. Networking* 1, 1993). An arrival or departure costs O(log n).

    Capacity and rates are in units of work per second: cores and the cores that a job keeps busy
    (work in processor seconds), or the bytes per second of a link and of one flow.
    """

    def __init__(self, env: simpy.Environment, capacity: float) -> None:
        self._env = env
        self.capacity = capacity
        self._jobs: list[tuple[float, int, float, simpy.Event]] = []
        self._submitted = 0
        self._load = 0.0
        self._pace = 1.0
        self._virtual_s = 0.0
        self._updated_s = 0.0
        # simpy cannot cancel a timeout: only the wake-up with the newest version counts.
        self._version = 0
        self._wake_s = math.inf

    def submit(self, work: float, rate: float) -> simpy.Event:
        done = simpy.Event(self._env)
        if work <= 0.0:
            return done.succeed()
        self._advance()
        self._submitted += 1
        heappush(self._jobs, (self._virtual_s + work / rate, self._submitted, rate, done))
        self._load += rate
        self._plan_wake()
        return done

    def _advance(self) -> None:
        """Bring virtual time up to the clock; it starts anew in every busy period."""
        now_s = self._env.now
        if self._jobs:
            self._virtual_s += (now_s - self._updated_s) * self._pace
        else:
            self._virtual_s = self._load = 0.0
        self._updated_s = now_s

    def _plan_wake(self) -> None:
        """Set the pace, and wake when the first job ends at this pace.

        A wake-up that is already planned for earlier stays: it finds nothing done and plans again.
        """
        self._pace = 1.0 if self._load <= self.capacity else self.capacity / self._load
        delay_s = (self._jobs[0][0] - self._virtual_s) / self._pace
        wake_s = self._updated_s + delay_s
        if wake_s < self._wake_s:
            self._version += 1
            self._wake_s = wake_s
            # Rounding may have taken virtual time past the end of a job.
            wake = simpy.Timeout(self._env, delay_s if delay_s > 0.0 else 0.0, self._version)
            wake.callbacks.append(self._wake)

    def _wake(self, event: simpy.Event) -> None:
        if event.value != self._version:
            return
        self._wake_s = math.inf
        self._advance()
        jobs = self._jobs
        reached_s = self._virtual_s + _CLOCK_RESOLUTION * self._updated_s * self._pace
        while jobs and jobs[0][0] <= reached_s:
            _, _, rate, done = heappop(jobs)
            self._load -= rate
            done.succeed()
        if jobs:
            self._plan_wake()


class FifoQueue:
    """One job after the other in order of arrival; one event a job.

    The departure is known on arrival. A job occupies the resource for work/capacity; one that is
    slower by itself ends later, without keeping the next one waiting.
    """

    def __init__(self, env: simpy.Environment, capacity: float) -> None:
        self._env = env
        self.capacity = capacity
        self._free_s = 0.0

    def submit(self, work: float, rate: float) -> simpy.Event:
        now_s = self._env.now
        start_s = max(now_s, self._free_s)
        self._free_s = start_s + work / self.capacity
        return simpy.Timeout(self._env, start_s - now_s + work / min(rate, self.capacity))
