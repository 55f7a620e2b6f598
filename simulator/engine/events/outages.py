"""Outages: when a worker is slow, and when a task is down."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nworkers.simulator.step.run_spec import Faults

_HOUR_S = 3600.0
_STREAM = 4


class Renewal:
    """Good times and bad ones by turns, both of exponential length; begins with a good one.

    Args:
        per_s: how often a bad time begins, per second of good time.
        lasts_s: mean length of a bad time.
    """

    def __init__(self, rng: np.random.Generator, per_s: float, lasts_s: float) -> None:
        self._times = self._draw(rng, per_s, lasts_s)
        self._begins_s, self._ends_s = next(self._times)

    @staticmethod
    def _draw(
        rng: np.random.Generator, per_s: float, lasts_s: float
    ) -> Iterator[tuple[float, float]]:
        now_s = 0.0
        while True:
            begins_s = now_s + float(rng.exponential(1.0 / per_s))
            now_s = begins_s + float(rng.exponential(lasts_s))
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
    """Draw what happens in a run: each task's faults by a stream of random numbers of its own."""

    def drawn(kind: int, count: int, per_hour: float, lasts_s: float) -> tuple[Renewal, ...]:
        return tuple(
            Renewal(
                np.random.default_rng((of.seed, _STREAM, of.replication, kind, k)),
                per_hour / _HOUR_S,
                lasts_s,
            )
            for k in range(count)
        )

    slow, died, down = of.stragglers, of.worker_failures, of.ps_failures
    return Outages(
        drawn(0, workers, slow.per_hour, slow.duration_s) if slow else (),
        slow.factor if slow else 1.0,
        drawn(1, workers, died.per_hour, died.recovery_s) if died else (),
        of.starts_over,
        drawn(2, of.ps, down.per_hour, down.recovery_s) if down else (),
    )
