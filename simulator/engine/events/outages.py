"""Outages: when a worker is slow, and when a task is down."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from nworkers.simulator.step.run_spec import Faults
from nworkers.simulator.step.variates import Purpose, key, split, uniforms

_HOUR_S = 3600.0
#: Good times and bad ones that are drawn at once.
_BLOCK = 64


class Renewal:
    """Good times and bad ones by turns, both of exponential length; begins with a good one.

    Args:
        begin: the key of its random numbers.
        per_s: how often a bad time begins, per second of good time.
        lasts_s: mean length of a bad time.
    """

    def __init__(self, begin: int, per_s: float, lasts_s: float) -> None:
        self._times = self._draw(begin, per_s, lasts_s)
        self._begins_s, self._ends_s = next(self._times)

    @staticmethod
    def _draw(begin: int, per_s: float, lasts_s: float) -> Iterator[tuple[float, float]]:
        now_s = 0.0
        for block in count(step=_BLOCK):
            turn = np.arange(block, block + _BLOCK)[:, np.newaxis]
            drawn_s = -np.log(uniforms(begin, turn, np.arange(2))) * (1.0 / per_s, lasts_s)
            for good_s, bad_s in drawn_s.tolist():
                begins_s = now_s + good_s
                now_s = begins_s + bad_s
                yield begins_s, now_s

    def until_s(self, now_s: float) -> float:
        """When the bad time that holds now ends, and minus infinity in a good time.

        Times are asked for in ascending order.
        """
        while self._ends_s <= now_s:
            self._begins_s, self._ends_s = next(self._times)
        return self._ends_s if self._begins_s <= now_s else -math.inf


@dataclass(frozen=True)
class Outages:
    """Of every worker and ps in one run; empty where nothing happens."""

    slow: tuple[Renewal, ...] = ()
    slow_factor: float = 1.0
    workers: tuple[Renewal, ...] = ()
    starts_over: bool = True
    ps: tuple[Renewal, ...] = ()


def schedule_faults(of: Faults, workers: int) -> Outages:
    """Draw what happens in a run, to each task by random numbers of its own."""

    def drawn(purpose: Purpose, tasks: int, per_hour: float, lasts_s: float) -> tuple[Renewal, ...]:
        begin = key(purpose, of.seed, of.replication)
        return tuple(Renewal(split(begin, k), per_hour / _HOUR_S, lasts_s) for k in range(tasks))

    slow, died, down = of.stragglers, of.worker_failures, of.ps_failures
    return Outages(
        drawn(Purpose.STRAGGLER, workers, slow.per_hour, slow.duration_s) if slow else (),
        slow.factor if slow else 1.0,
        drawn(Purpose.WORKER_FAILURE, workers, died.per_hour, died.recovery_s) if died else (),
        of.starts_over,
        drawn(Purpose.PS_FAILURE, of.ps, down.per_hour, down.recovery_s) if down else (),
    )
