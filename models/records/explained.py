"""Explained: a prediction, what it would be if a cause took no time, and what moves it most."""

from __future__ import annotations

from dataclasses import dataclass

from nworkers.models.records.prediction import Interval, Prediction


@dataclass(frozen=True)
class Freed:
    """A step in which a cause takes no time, as it was simulated.

    ``spent_s`` is what the cause takes of a step as it is. ``ratio`` is samples per second over
    those as it is, ``speedup`` over the baseline, which has the cause even so. ``then`` is the
    cause that takes most of a step then, ``then_share`` its share.
    """

    cause: str
    spent_s: float
    step_time_s: float
    ratio: float
    ratio_interval: Interval
    speedup: float
    speedup_interval: Interval
    then: str
    then_share: float


@dataclass(frozen=True)
class Elasticity:
    """By how many percent a step is longer if a quantity of the profile is 1 % larger.

    ``interval`` holds 90 % of what chance leaves open.
    """

    path: str
    unit: str
    value: float
    percent: float
    interval: Interval


@dataclass(frozen=True)
class Explained:
    """Where a step's time goes, and what would change it.

    ``freed`` has what buys most first; causes of little time are not among them.
    ``elasticities`` has the largest first.
    """

    row: Prediction
    freed: tuple[Freed, ...]
    elasticities: tuple[Elasticity, ...]
