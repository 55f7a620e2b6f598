"""Solved: what it takes for so many workers to reach a goal, or what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from nworkers.models.records.aim import PLAIN_AIM, Aim
from nworkers.models.records.prediction import Interval, Overfull, Prediction

Sought = Literal["batch", "latency", "bandwidth", "dispatch", "ps", "device", "strategy"]
SOUGHT: tuple[Sought, ...] = get_args(Sought)
#: Ends of an interval; None where that quantile never reaches the goal.
OpenInterval = tuple[float | None, float | None]


@dataclass(frozen=True)
class Goal:
    """What is to be reached: so large a speed-up, or so small an overhead.

    The overhead is the share of a worker's step that is not computing. ``aim`` says what of the
    workers' samples counts; its own target is not used.
    """

    measure: Literal["speedup", "overhead"] = "speedup"
    target: float = 1.0
    aim: Aim = PLAIN_AIM


def goal_of(target_speedup: float, overhead: float | None) -> Goal:
    """The speed-up; in its place the overhead, where one is stated."""
    return Goal("speedup", target_speedup) if overhead is None else Goal("overhead", overhead)


@dataclass(frozen=True)
class OutOfMemory:
    """A value at which the goal would be reached, and the memory that cannot hold such a job."""

    value: float
    over: Overfull


@dataclass(frozen=True)
class Threshold:
    """The value of one quantity at which the goal is reached, its least or its most.

    ``value`` is None where none reaches it. ``at`` is the value that ``row`` predicts: that one, or
    the one that comes nearest. ``interval`` holds the values at which 95 % and 5 % of what the
    measurements leave possible reach the goal, in ascending order. ``today`` is what it is now, if
    that is known. ``held_by`` is the cause that stands in the way where nothing reaches the goal.
    ``change`` is the field of a request, and its text, that asks for ``at``. ``memory`` is what
    stands in the way where it is that. ``fits`` is false where memory holds no value. ``is_end``
    says that the value is the first of those that are looked at.
    """

    quantity: str
    unit: str
    today: float | None
    value: float | None
    interval: OpenInterval
    at: float
    row: Prediction
    reached: float
    reached_interval: Interval
    held_by: str | None
    change: tuple[tuple[str, str], ...] = ()
    memory: OutOfMemory | None = None
    fits: bool = True
    is_end: bool = False


@dataclass(frozen=True)
class Bracket:
    """What a search knows before its end: a value that is not enough, and one that is.

    One that is yet to be found is None.
    """

    quantity: str
    unit: str
    short: float | None
    enough: float | None


WayKind = Literal["workers", "batch", "strategy", "what_if", "ps", "link"]


@dataclass(frozen=True)
class WayOut:
    """A change of a job, and what so many workers then do.

    ``what`` is the kind of change, ``change`` the change in words; ``fields`` are the fields of a
    request with the texts that ask for it. More workers alone change nothing else.
    """

    what: WayKind
    change: str
    workers: int
    speedup: float
    interval: Interval
    reached: float
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class FasterDevice:
    """What it takes where devices compute ``speed`` times as fast, one quantity at a time.

    ``now`` is the speed-up, or the overhead, of the job as it is otherwise; None if it cannot be.
    """

    speed: float
    now: float | None
    batch: Threshold
    bandwidth: Threshold
    workers: Threshold


@dataclass(frozen=True)
class Solved:
    """The answer to what ``workers`` workers need.

    ``threshold`` is that of a quantity, ``ways`` are ranked, ``faster`` has a row for each speed.
    """

    what: Sought
    goal: Goal
    workers: int
    threshold: Threshold | None = None
    ways: tuple[WayOut, ...] = ()
    faster: tuple[FasterDevice, ...] = ()
