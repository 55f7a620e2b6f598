"""Resources that jobs share in time: cores, fairly, and what serves one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Protocol

import simpy

#: Called at the end of a job, within the event that ends it.
Done = Callable[[], None]
#: Work within this share of the clock's reading is done: the clock cannot tell it from nothing.
CLOCK_RESOLUTION = 1e-14


class Resource(Protocol):
    """Capacity and rates are in units of work a second: cores (work in processor seconds), or bytes
    per second of a link.
    """

    @property
    def capacity(self) -> float: ...

    def submit(self, work: float, rate: float, done: Done, weight: float = 1.0) -> None:
        """Begin a job of ``work`` that alone runs at ``rate`` > 0; ``done`` is called at its end,
        at once if there is no work. Among flows on a link its share is in proportion to ``weight``,
        which no other resource knows.
        """
        ...


def after(env: simpy.Environment, delay_s: float, call: Callable[[simpy.Event], None]) -> None:
    """Have ``call`` called in ``delay_s``; below zero, which rounding may bring, is now."""
    timeout = simpy.Timeout(env, delay_s if delay_s > 0.0 else 0.0)
    timeout.callbacks.append(call)


class Timer(simpy.Event):
    """Calls after a delay, again and again but once at a time: simpy's Timeout, made once only."""

    def __init__(self, env: simpy.Environment, call: Callable[[simpy.Event], None]) -> None:
        self.env = env
        self._calls = [call]
        self._value = None
        self._ok = True
        self.callbacks = self._calls

    def start(self, delay_s: float) -> None:
        """Call in ``delay_s``; below zero, which rounding may bring, is now."""
        self.callbacks = self._calls
        self.env.schedule(self, delay=delay_s if delay_s > 0.0 else 0.0)


class Alarm:
    """Calls when due. Only the earliest time that was asked for counts, and it is asked for anew.

    simpy cannot cancel an event, so a timer that was overtaken by an earlier one passes unheard. A
    later one leaves the earlier standing, which then finds nothing to do.
    """

    def __init__(self, env: simpy.Environment, call: Callable[[], None]) -> None:
        self._env = env
        self._call = call
        #: When it will ring, if nothing earlier is asked for.
        self.due_s = math.inf
        self._timer = Timer(env, self._ring)

    def at_most(self, due_s: float) -> None:
        """Be called at ``due_s`` at the latest."""
        if due_s >= self.due_s:
            return
        if self.due_s < math.inf:
            self._timer = Timer(self._env, self._ring)
        self.due_s = due_s
        self._timer.start(due_s - self._env.now)

    def _ring(self, timer: simpy.Event) -> None:
        if timer is self._timer:
            self.due_s = math.inf
            self._call()


class FairShare:
    """Processor sharing: all jobs are slowed alike, by min(1, capacity / sum of rates).

    Virtual time runs at the pace of every job, so that a job is done once it has advanced by
    work/rate, whoever comes and goes meanwhile (as in fair queueing: Parekh and Gallager,
    *IEEE/ACM Trans. Networking* 1, 1993). An arrival or departure costs O(log n).
    """

    def __init__(self, env: simpy.Environment, capacity: float) -> None:
        self._env = env
        self.capacity = capacity
        self._jobs: list[tuple[float, int, float, Done]] = []
        self._submitted = 0
        self._load = 0.0
        self._pace = 1.0
        self._virtual_s = 0.0
        self._updated_s = 0.0
        self._alarm = Alarm(env, self._settle)
        self._settling = False

    def submit(self, work: float, rate: float, done: Done, weight: float = 1.0) -> None:
        if work <= 0.0:
            done()
            return
        self._advance()
        self._submitted += 1
        heappush(self._jobs, (self._virtual_s + work / rate, self._submitted, rate, done))
        self._load += rate
        self._plan()

    def _advance(self) -> None:
        """Bring virtual time up to the clock; it starts anew in every busy period."""
        now_s = self._env.now
        if self._jobs:
            self._virtual_s += (now_s - self._updated_s) * self._pace
        else:
            self._virtual_s = self._load = 0.0
        self._updated_s = now_s

    def _plan(self) -> None:
        """Set the pace, and wake when the first job ends at this pace."""
        self._pace = 1.0 if self._load <= self.capacity else self.capacity / self._load
        if not self._settling:
            self._alarm.at_most(self._updated_s + (self._jobs[0][0] - self._virtual_s) / self._pace)

    def _settle(self) -> None:
        """End all that is done; what is submitted meanwhile is planned for once, at the end."""
        self._advance()
        jobs = self._jobs
        reached_s = self._virtual_s + CLOCK_RESOLUTION * self._updated_s * self._pace
        ended: list[Done] = []
        while jobs and jobs[0][0] <= reached_s:
            _, _, rate, done = heappop(jobs)
            self._load -= rate
            ended.append(done)
        self._settling = True
        for done in ended:
            done()
        self._settling = False
        if jobs:
            self._plan()


class FifoQueue:
    """One job after the other in order of arrival; one event a job.

    The departure is known on arrival. A job occupies the resource for work/capacity; one that is
    slower by itself ends later, without keeping the next one waiting.
    """

    def __init__(self, env: simpy.Environment, capacity: float) -> None:
        self._env = env
        self.capacity = capacity
        self._free_s = 0.0

    def submit(self, work: float, rate: float, done: Done, weight: float = 1.0) -> None:
        ends_s = self.reserve(work)
        slower_s = work / min(rate, self.capacity) - work / self.capacity
        after(self._env, ends_s + slower_s - self._env.now, lambda _: done())

    def reserve(self, work: float) -> float:
        """Put a job into the queue, and tell when the resource will be through with it."""
        self._free_s = max(self._env.now, self._free_s) + work / self.capacity
        return self._free_s
