"""Search: the first of many values at which a goal is reached, with few full predictions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import interval90
from nworkers.models.records.solved import Goal, OpenInterval
from nworkers.simulator.decide.reaching import Reached, fully, roughly
from nworkers.simulator.study.predict import REPLICATIONS
from nworkers.simulator.study.resolve import ResolvedJob

#: Values that differ by less are the same answer, unless they are whole and few.
TOLERANCE = 0.005
#: Full predictions of one search.
MOST_FULL = 12
#: After so many, halves are taken instead of what the rough curve proposes.
_PATIENCE = 5
#: Bisections of the rough curve.
_HALVINGS = 40


#: Takes how many values were predicted in full, the last that is not enough, the first that is.
Known = Callable[[int, float | None, float | None], None]


@dataclass(frozen=True)
class Axis:
    """Values of one quantity, in the order in which the first that is enough is wanted.

    ``step`` is what values are multiples of; None where they are continuous. ``rises`` says that
    the goal is nearer with each further value, so that nothing need be scanned.
    """

    at: Callable[[float], ResolvedJob]
    grid: Sequence[float]
    step: int | None = None
    rises: bool = False


@dataclass(frozen=True)
class Found:
    """The first value that reaches the goal, or None; ``at`` is that, or the nearest."""

    value: float | None
    interval: OpenInterval
    at: float
    reached: Reached


@dataclass
class _Curve:
    """What is known of the goal's score over an axis."""

    axis: Axis
    goal: Goal
    replications: int
    rough: dict[float, float] = field(default_factory=dict)
    full: dict[float, Reached] = field(default_factory=dict)

    def roughly(self, value: float) -> float:
        if value not in self.rough:
            try:
                self.rough[value] = roughly(self.goal, self.axis.at(value))
            except InputError:
                # What does not fit into memory, say.
                self.rough[value] = 0.0
        return self.rough[value]

    def fully(self, value: float) -> Reached:
        if value not in self.full:
            self.full[value] = fully(self.goal, self.axis.at(value), self.replications)
        return self.full[value]

    def first(self, needed: float) -> float | None:
        """The first value whose rough score is ``needed``; None if there is none."""
        grid = self.axis.grid
        place = self._place(needed)
        if place is None or place == 0:
            return None if place is None else grid[0]
        low: float = grid[place - 1]
        high: float = grid[place]
        for _ in range(_HALVINGS):
            middle = between(self.axis, low, high)
            if middle is None:
                break
            low, high = (low, middle) if self.roughly(middle) >= needed else (middle, high)
        return high

    def _place(self, needed: float) -> int | None:
        """Of the first such value of the grid."""
        grid = self.axis.grid
        if not self.axis.rises:
            return next((k for k, v in enumerate(grid) if self.roughly(v) >= needed), None)
        if self.roughly(grid[-1]) < needed:
            return None
        before, first = -1, len(grid) - 1
        while first - before > 1:
            middle = (before + first) // 2
            enough = self.roughly(grid[middle]) >= needed
            before, first = (before, middle) if enough else (middle, first)
        return first

    def best(self) -> float:
        """The value of the grid with the largest rough score."""
        return self.axis.grid[-1] if self.axis.rises else max(self.axis.grid, key=self.roughly)

    def off(self, value: float) -> float:
        """By what the rough score is off, at the nearest value that is known in full."""
        if not self.full:
            return 1.0
        near = min(self.full, key=lambda known: abs(math.log(known / value)))
        return self.full[near].score / max(self.rough.get(near, 0.0), 1e-300)


def between(axis: Axis, low: float, high: float) -> float | None:
    """A value in the middle of two; None where they are next to each other."""
    if axis.step is None:
        close = abs(math.log(high / low)) <= TOLERANCE / 4.0
        return None if close else math.sqrt(low * high)
    middle: float = axis.step * round(math.sqrt(low * high) / axis.step)
    inner = sorted((low, high))
    if not inner[0] < middle < inner[1]:
        middle = axis.step * ((low + high) / axis.step // 2)
    return middle if inner[0] < middle < inner[1] else None


def search(
    axis: Axis,
    goal: Goal,
    *,
    slack: float = 0.0,
    replications: int = REPLICATIONS,
    known: Known | None = None,
) -> Found:
    """The first value along the axis that reaches the goal.

    The grid is scanned roughly, and the first crossing on it refined: the rough curve, times what
    it was off by where a full prediction was made, proposes where the next one is made, until two
    of them enclose the answer: neighbours, or values within `TOLERANCE`. Where the curve crosses
    twice between neighbours of the grid, that is not seen.

    The interval is from the draws at the value found: the values at which the rough curve, times
    the 5 % and the 95 % quantile of the scores there, reaches the goal. That is exact where a
    change of the value multiplies all draws alike, and of first order otherwise.

    Args:
        slack: a value is the answer as soon as its score is so near to 1.
        replications: of each full prediction.
        known: called after each of them.
    """
    curve = _Curve(axis, goal, replications)
    low: float | None = None  # the last value before the answer that is known not to suffice
    high: float | None = None
    guess = _proposed(curve, 1.0)
    while len(curve.full) < MOST_FULL:
        here = curve.fully(guess)
        if abs(here.score - 1.0) <= slack:
            high = guess
            break
        if here.score >= 1.0:
            high = guess
        elif high is None or _before(axis, guess, high):
            low = guess if low is None or _before(axis, low, guess) else low
        if known is not None:
            known(len(curve.full), low, high)
        off = curve.off(guess)
        proposed = _proposed(curve, off)
        if high is None:
            if proposed in curve.full:
                break
            guess = proposed
            continue
        if high == axis.grid[0]:
            break
        if low is not None and _near(axis, low, high):
            break
        if low is None or not (_before(axis, low, proposed) and _before(axis, proposed, high)):
            # The rough curve says that this is it: look at its neighbour.
            proposed = _neighbour(axis, high)
        if low is not None and (
            len(curve.full) >= _PATIENCE
            or not (_before(axis, low, proposed) and _before(axis, proposed, high))
        ):
            middle = between(axis, low, high)
            if middle is None:
                break
            proposed = middle
        guess = proposed
        if guess in curve.full:
            break
    at = high if high is not None else max(curve.full, key=lambda known: curve.full[known].score)
    reached = curve.full[at]
    return Found(high, _interval(curve, at, is_enough=high is not None), at, reached)


def _proposed(curve: _Curve, off: float) -> float:
    """Where the rough curve, so much off, first reaches the goal; else where it is nearest."""
    found = curve.first(1.0 / off)
    return curve.best() if found is None else found


def _before(axis: Axis, one: float, other: float) -> bool:
    return (one < other) == (axis.grid[0] <= axis.grid[-1]) and one != other


def _near(axis: Axis, low: float, high: float) -> bool:
    if axis.step is not None and abs(high - low) <= axis.step:
        return True
    return abs(math.log(high / low)) <= TOLERANCE


def _neighbour(axis: Axis, value: float) -> float:
    """The value that comes just before another, by the tolerance or by one step."""
    rising = axis.grid[0] <= axis.grid[-1]
    near = value * (1.0 - 0.9 * TOLERANCE) if rising else value / (1.0 - 0.9 * TOLERANCE)
    if axis.step is None:
        return max(near, axis.grid[0]) if rising else min(near, axis.grid[0])
    one = value - axis.step if rising else value + axis.step
    whole = axis.step * round(near / axis.step)
    near = min(one, whole) if rising else max(one, whole)
    return max(near, axis.grid[0]) if rising else min(near, axis.grid[0])


def _interval(curve: _Curve, at: float, *, is_enough: bool) -> OpenInterval:
    reached, rough = curve.full[at], curve.roughly(at)
    if rough <= 0.0:
        return (None, None)
    low, high = interval90(reached.scores, reached.score)
    likely, hardly = (
        curve.first(rough / quantile) if quantile > 0.0 else None for quantile in (high, low)
    )
    # The answer is between the ends, whatever the rough curve is off by elsewhere.
    if not is_enough:
        hardly = None
    elif likely is None or _before(curve.axis, at, likely):
        likely = at
    if hardly is not None and _before(curve.axis, hardly, at):
        hardly = at
    # In ascending order; what is never reached has no end.
    rising = curve.axis.grid[0] <= curve.axis.grid[-1]
    return (likely, hardly) if rising else (hardly, likely)
