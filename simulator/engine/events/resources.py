"""Resources that jobs share in time, their timers, and what serves one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import simpy

#: Called at the end of a job, within the event that ends it.
Done = Callable[[], None]

#: Jobs of which the loss by sharing was measured; more lose as much.
MOST_LOSING = 8
#: Work within this share of the clock's reading is done: the clock cannot tell it from nothing.
CLOCK_RESOLUTION = 1e-14


def kept_shares(loss: float) -> tuple[float, ...]:
    """What 0, 1, 2 and so on jobs together get of a capacity that they share: k^-loss."""
    return (1.0, *(jobs**-loss for jobs in range(1, MOST_LOSING + 1)))


class Resource(Protocol):
    """Capacity and rates are in units of work a second: cores (work in processor seconds), or bytes
    per second of a link.
    """

    @property
    def capacity(self) -> float: ...

    def submit(self, work: float, rate: float, done: Done, weight: float = 1.0) -> None:
        """Begin a job of ``work`` that alone runs at ``rate`` > 0; ``done`` is called at its end,
        at once if there is no work. Where jobs share, its share is in proportion to ``weight``.
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
