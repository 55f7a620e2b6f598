"""Search: the first of many values at which a goal is reached, with few full predictions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

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
#: After so many, halves are taken instead of what a straight line proposes.
_PATIENCE = 8
#: Two values that are to enclose the answer are this share of the tolerance apart.
_CLOSE = 0.9
#: Each time that a value on the other side was sought in vain, so many times as far away.
_FARTHER = 4.0


#: Takes how many values were predicted in full, the last that is not enough, the first that is.
Known = Callable[[int, float | None, float | None], None]


@dataclass(frozen=True)
class Axis:
    """Values of one quantity, in the order in which the first that is enough is wanted.

    ``step`` is what values are multiples of; None where they are continuous. ``rises`` says that
    the goal is nearer with each further value, so that nothing need be scanned. ``held`` says that
    a value is none whose job memory cannot hold.
    """

    at: Callable[[float], ResolvedJob]
    grid: Sequence[float]
    step: int | None = None
    rises: bool = False
    held: bool = False

    def overfull(self, job: ResolvedJob) -> bool:
        """Whether a job of this axis is none, since memory cannot hold it."""
        return self.held and job.overfull is not None


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
                job = self.axis.at(value)
                self.rough[value] = 0.0 if self.axis.overfull(job) else roughly(self.goal, job)
            except InputError:
                self.rough[value] = 0.0
        return self.rough[value]

    def fully(self, value: float) -> Reached:
        if value not in self.full:
            job = self.axis.at(value)
            found = fully(self.goal, job, self.replications)
            if self.axis.overfull(job):
                found = replace(found, score=0.0, scores=np.zeros_like(found.scores))
            self.full[value] = found
        return self.full[value]

    def first(self, needed: float) -> float | None:
        """The first value whose rough score is ``needed``; None if there is none."""
        place = self._place(needed)
        if place is None or place == 0:
            return None if place is None else self.axis.grid[0]
        low, high = self.axis.grid[place - 1], self.axis.grid[place]
        count, at = rungs(self.axis, low, high)
        return at(first_rung(count, lambda k: self.roughly(at(k)), needed))

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


def rungs(axis: Axis, low: float, high: float) -> tuple[int, Callable[[int], float]]:
    """Values from one to another that are told apart: how many follow the first, and each."""
    if axis.step is not None:
        step = axis.step if high > low else -axis.step
        return round((high - low) / step), lambda k: low + k * step
    ratio = high / low
    count = 2 ** max(0, math.ceil(math.log2(abs(math.log(ratio)) / (TOLERANCE / 4.0))))
    return count, lambda k: low * ratio ** (k / count)


def first_rung(count: int, score: Callable[[int], float], needed: float) -> int:
    """The first place whose score is ``needed``, of a curve that rises from place 0 to ``count``.

    By a straight line between the ends, in logarithms, with the end that stays weighed half as
    much each time (the Illinois method: Dowell and Jarratt, *BIT* 11, 1971); by halves where that
    is slower.
    """
    low, high = 0, count
    below, above = _over(score(low), needed), _over(score(high), needed)
    kept, slow = 0, 0
    while high - low > 1:
        share = below / (below - above) if above > below else 0.5
        width = high - low
        middle = low + (width // 2 if slow > 2 else round(share * width))
        middle = min(max(middle, low + 1), high - 1)
        here = _over(score(middle), needed)
        if here >= 0.0:
            high, above = middle, here
            below, kept = (below / 2.0, 1) if kept == 1 else (below, 1)
        else:
            low, below = middle, here
            above, kept = (above / 2.0, -1) if kept == -1 else (above, -1)
        slow = slow + 1 if 2 * (high - low) > width else 0
    return high


def _over(score: float, needed: float) -> float:
    """By what, in logarithms, a score is above the needed one."""
    return math.log(max(score, 1e-300) / needed)


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
    of them enclose the answer; then a straight line between these does, until they are neighbours,
    or within `TOLERANCE`. Where the curve crosses twice between neighbours of the grid, that is not
    seen.

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
    guess: float | None = _proposed(curve, 1.0)
    while guess is not None and len(curve.full) < MOST_FULL:
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
        guess = _next(curve, guess, low, high)
    at = high if high is not None else max(curve.full, key=lambda known: curve.full[known].score)
    reached = curve.full[at]
    return Found(high, _interval(curve, at, is_enough=high is not None), at, reached)


def _next(curve: _Curve, last: float, low: float | None, high: float | None) -> float | None:
    """Where to predict in full after ``last``; None where nothing is left to learn."""
    axis = curve.axis
    if high == axis.grid[0]:
        return None
    if low is not None and high is not None:
        return _enclosed(curve, low, high)
    proposed = _proposed(curve, curve.off(last))
    # Somewhat farther than the answer is thought to be: it is to lie between this and the last.
    distance = _CLOSE * TOLERANCE * _FARTHER ** (len(curve.full) - 1)
    if high is None:
        if proposed in curve.full:
            return None
        return proposed if len(curve.full) == 1 else _beside(axis, proposed, distance)
    nearest = proposed if _before(axis, proposed, high) else high
    return _beside(axis, nearest, -distance)


def _enclosed(curve: _Curve, low: float, high: float) -> float | None:
    """Between a value that is not enough and one that is; None where they are neighbours.

    Where a straight line between logarithms crosses, but so far from either end that what is found
    to be left of the answer, or right of it, encloses it.
    """
    axis = curve.axis
    if _near(axis, low, high):
        return None
    if len(curve.full) >= _PATIENCE:
        return _middle(axis, low, high)
    below, above = (_over(curve.full[value].score, 1.0) for value in (low, high))
    guess = _on_step(axis, low * (high / low) ** (below / (below - above)))
    close = _CLOSE * TOLERANCE
    first, last = _beside(axis, low, close), _beside(axis, high, -close)
    if _before(axis, guess, first):
        guess = first
    if _before(axis, last, guess):
        guess = last
    inside = _before(axis, low, guess) and _before(axis, guess, high)
    return guess if inside else _middle(axis, low, high)


def _middle(axis: Axis, low: float, high: float) -> float:
    """Halfway, of values that are not neighbours."""
    count, at = rungs(axis, low, high)
    return at(count // 2)


def _on_step(axis: Axis, value: float) -> float:
    return value if axis.step is None else axis.step * round(value / axis.step)


def _proposed(curve: _Curve, off: float) -> float:
    """Where the rough curve, so much off, first reaches the goal; else where it is nearest."""
    found = curve.first(1.0 / off) if off > 0.0 else None
    return curve.best() if found is None else found


def _before(axis: Axis, one: float, other: float) -> bool:
    return (one < other) == (axis.grid[0] <= axis.grid[-1]) and one != other


def _near(axis: Axis, low: float, high: float) -> bool:
    if axis.step is not None and abs(high - low) <= axis.step:
        return True
    return abs(math.log(high / low)) <= TOLERANCE


def _beside(axis: Axis, value: float, distance: float) -> float:
    """The value so much farther on, as a share of it, or before it; at least by one step."""
    first, last = axis.grid[0], axis.grid[-1]
    on = math.copysign(1.0, last - first) * distance
    found = value * (1.0 + on) if on > 0.0 else value / (1.0 - on)
    if axis.step is not None:
        found = _on_step(axis, found)
        if found == value:
            found += axis.step if on > 0.0 else -axis.step
    return min(max(found, min(first, last)), max(first, last))


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
