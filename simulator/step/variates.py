"""Variates: the random numbers of a run, each a function of what it is for and of nothing else.

A number depends on its purpose, the seed, the replication, and the worker, step, operation or
transfer that it belongs to. So more steps, more workers or another order of events change no other,
scenarios meet common random numbers, and two engines meet the same chance. It is counter-based, as
by Salmon and others (*Parallel random numbers: as easy as 1, 2, 3*, SC 2011): no state is kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property, lru_cache
from statistics import NormalDist
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nworkers.models.base.draws import Places, of_several, taken
from nworkers.models.base.statistics import Floats
from nworkers.models.costs.phase import Operation
from nworkers.models.records.profile import Noise
from nworkers.simulator.step.noise import VARYING, factors_of, mean_factors, measured_as


class Purpose(IntEnum):
    """What a random number is for. Numbers are fixed: another would change every answer."""

    #: Of an operation in one step of one worker.
    FACTOR = 1
    #: Of a transfer, among those that begin at once.
    WEIGHT = 2
    #: When in its step a worker starts.
    START = 3
    #: Which measured round a replication is like.
    ROUND = 4
    #: How far compute, and what moves bytes, are off where they are extrapolated.
    COMPUTE_DEVIATE = 5
    MOVED_DEVIATE = 6
    #: How far the model itself is off.
    MODEL = 7
    #: Good times and bad ones of a task.
    STRAGGLER = 8
    WORKER_FAILURE = 9
    PS_FAILURE = 10
    #: Who is slow in a step of a run that varies evenly.
    ORDER = 11


_Words = npt.NDArray[np.uint64]
_MASK = (1 << 64) - 1
#: SplitMix64: Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014.
_STEP, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def split(state: int, word: int) -> int:
    """Number ``word``, from 0 on, of the SplitMix64 sequence that begins at ``state``; 64 bits."""
    if of_several(state, word):
        words = (np.array(of, dtype=np.uint64, ndmin=1) for of in (state, word))
        each: Any = _split(*words)
        return each  # type: ignore[no-any-return]
    mixed = (state + (word + 1) * _STEP) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * _FIRST) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * _SECOND) & _MASK
    return mixed ^ (mixed >> 31)


def key(purpose: Purpose, *words: int) -> int:
    """Where the random numbers of one purpose begin, split by each word: seed, replication…

    Of several replications, where the word is an array of them.
    """
    state = split(0, purpose)
    for word in words:
        state = split(state, word)
    return state


def uniforms(begin: int, *words: npt.ArrayLike) -> Floats:
    """Numbers between 0 and 1, both excluded: one for each combination of words, which broadcast.

    Args:
        begin: a `key`.
        words: integers from 0 on.
    """
    state = np.array([begin], dtype=np.uint64)
    for word in words:
        state = _split(state, np.atleast_1d(np.asarray(word, dtype=np.uint64)))
    # 52 bits and a half: exact, and never 1.
    return ((state >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def _split(state: _Words, word: _Words) -> _Words:
    """`split`, number by number."""
    mixed = state + (word + np.uint64(1)) * np.uint64(_STEP)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(_FIRST)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(_SECOND)
    mixed ^= mixed >> np.uint64(31)
    return mixed


@dataclass(frozen=True, eq=False)
class Factor:
    """What multiplies an operation: ``scale`` times one of ``bins``, which are equally probable.

    Several are drawn by ``key``, split by worker and step; successive ones of a worker are
    correlated by a Gaussian copula of an AR(1) process with this ``correlation``. What is
    ``stated``, [worker, step], counts instead, and begins anew when it is exhausted.
    """

    scale: float = 1.0
    bins: Floats = field(default_factory=lambda: np.ones(1))
    key: int = 0
    correlation: float = 0.0
    stated: Floats | None = None

    @property
    def varies(self) -> bool:
        return self.stated is not None or self.bins.size > 1

    def drawn(self, workers: range, steps: range) -> Floats:
        """[worker, step]. Slow phases are followed from the first step, wherever steps begin."""
        if self.stated is not None:
            places = np.arange(steps.start, steps.stop) % self.stated.shape[1]
            return self.stated[workers.start : workers.stop, places]
        if self.bins.size == 1:
            return np.full((len(workers), len(steps)), self.scale * self.bins[0])
        first = 0 if self.correlation > 0.0 else steps.start
        worker = np.arange(workers.start, workers.stop)[:, np.newaxis]
        at = uniforms(self.key, worker, np.arange(first, steps.stop))
        if self.correlation > 0.0:
            at = _lasting(at, self.correlation)[:, steps.start - first :]
        return np.asarray(self.scale * self.bins[(at * self.bins.size).astype(np.intp)])


class Variates(Protocol):
    """What chance does to one run: a few numbers of which every engine makes the same ones.

    Or to several, whose numbers are arrays. ``means`` are those of the factors of operations, 1
    where one is not named. ``starts`` is when each worker begins, as a fraction of the time over
    which all start; at once if it is empty.
    """

    @property
    def runs(self) -> int | None:
        """How many runs they are of; None of one, whose numbers are plain."""

    @property
    def means(self) -> Mapping[Operation, float]: ...

    @property
    def starts(self) -> Sequence[float]: ...

    @property
    def score_key(self) -> int | None:
        """Of the scores of transfers, split by worker, step and transfer; None if none is drawn."""

    @property
    def worker_scores(self) -> Sequence[float]:
        """Of all transfers of each worker, where none is drawn; empty if they are zero."""
        ...

    def factor(self, operation: Operation) -> Factor: ...

    def of_runs(self, which: Places) -> Variates:
        """Those of some runs alone."""
        ...

    def starting(self, starts: Any) -> Variates:
        """The same with other starts."""
        ...


def factors(of: Variates, operations: Sequence[Operation], workers: range, steps: range) -> Floats:
    """What multiplies times alone; [worker, step, operation]."""
    made = np.ones((len(workers), len(steps), len(operations)))
    for column, operation in enumerate(operations):
        made[:, :, column] = of.factor(operation).drawn(workers, steps)
    return made


def scores(of: Variates, transfers: Sequence[int], workers: range, steps: range) -> Floats:
    """Standard normal numbers for the weights of transfers; [worker, step, transfer]."""
    if of.score_key is not None:
        at = np.arange(workers.start, workers.stop)[:, np.newaxis, np.newaxis]
        step = np.arange(steps.start, steps.stop)[:, np.newaxis]
        return _normal(uniforms(of.score_key, at, step, np.asarray(transfers)))
    made = np.zeros((len(workers), len(steps), len(transfers)))
    if of.worker_scores:
        told = np.asarray(of.worker_scores[workers.start : workers.stop])
        made += told[:, np.newaxis, np.newaxis]
    return made


@dataclass(frozen=True, eq=False)
class Given:
    """Variates that are stated; what is not named does not vary.

    ``table`` has factors of operations, [worker, step], which begin anew when they are exhausted;
    ``worker_scores`` are those of all transfers of a worker.
    """

    table: Mapping[Operation, Floats] = field(default_factory=dict)
    means: Mapping[Operation, float] = field(default_factory=dict)
    starts: Sequence[float] = ()
    worker_scores: Sequence[float] = ()
    score_key: None = field(default=None, init=False)
    runs: None = field(default=None, init=False)

    def factor(self, operation: Operation) -> Factor:
        return Factor(stated=self.table.get(operation))

    def of_runs(self, which: Places) -> Given:
        return self

    def starting(self, starts: Any) -> Given:
        return Given(self.table, self.means, starts, self.worker_scores)


def deterministic() -> Given:
    """No variation, and all workers start together."""
    return Given()


@dataclass(frozen=True, eq=False)
class DrawnVariates:
    """Variates of a replication, or of each of several, by the inverse of each distribution.

    Successive steps of a worker are correlated as successive samples were, by a Gaussian copula of
    an AR(1) process (Cario and Nelson, *Oper. Res. Lett.* 19, 1996): slow phases last.
    ``slowdown`` multiplies an operation throughout the run; 1 where it is not named.
    """

    noise: Noise
    seed: int
    replication: int
    slowdown: Mapping[Operation, float] = field(default_factory=dict)
    starts: Sequence[float] = ()
    worker_scores: tuple[()] = field(default=(), init=False)

    @property
    def runs(self) -> int | None:
        return np.size(self.replication) if of_several(self.replication) else None

    def of_runs(self, which: Places) -> DrawnVariates:
        numbers = taken((self.replication, dict(self.slowdown), self.starts), which)
        return DrawnVariates(self.noise, self.seed, *numbers)

    def starting(self, starts: Any) -> DrawnVariates:
        """The same with other starts."""
        return DrawnVariates(self.noise, self.seed, self.replication, self.slowdown, starts)

    @cached_property
    def means(self) -> Mapping[Operation, float]:
        return mean_factors(self.noise)

    @cached_property
    def score_key(self) -> int:
        return key(Purpose.WEIGHT, self.seed, self.replication)

    def factor(self, operation: Operation) -> Factor:
        number = VARYING[operation].number
        if number is None:
            return Factor()
        rank = self.noise.autocorrelation.get(measured_as(self.noise, operation), 0.0)
        return Factor(
            self.slowdown.get(operation, 1.0),
            _array(factors_of(self.noise, operation)),
            key(Purpose.FACTOR, self.seed, self.replication, number),
            # A Gaussian copula of rank correlation ρ has the correlation 2·sin(πρ/6) (Pearson,
            # 1907).
            2.0 * math.sin(math.pi * rank / 6.0) if rank > 0.0 else 0.0,
        )


@lru_cache
def _array(bins: tuple[float, ...]) -> Floats:
    return np.array(bins)


def _lasting(uniform: Floats, correlation: float) -> Floats:
    """Independent uniform numbers [worker, step] made to be correlated along the steps."""
    deviates = _normal(uniform)
    deviates[:, 1:] *= math.sqrt(1.0 - correlation * correlation)
    for step in range(1, uniform.shape[1]):
        deviates[:, step] += correlation * deviates[:, step - 1]
    return np.clip(_probability(deviates), 0.0, np.nextafter(1.0, 0.0))


#: Φ at points so close that a straight line between them is off by less than 1e-5. Predicting uses
#: none of scipy, which would double its start-up.
DEVIATES = np.linspace(-5.0, 5.0, 2001)
PROBABILITIES = np.array([NormalDist().cdf(z) for z in DEVIATES])


def _normal(uniform: Floats) -> Floats:
    return np.asarray(np.interp(uniform, PROBABILITIES, DEVIATES))


def _probability(deviates: Floats) -> Floats:
    return np.asarray(np.interp(deviates, DEVIATES, PROBABILITIES))
