"""Variates: the random numbers of one run, drawn before it starts.

Every stream depends on (seed, replication, worker) alone, so that two scenarios that differ in
their number of workers meet the same chance (common random numbers).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Protocol

import numpy as np

from nworkers.models.base.statistics import Floats
from nworkers.models.costs.phase import Operation
from nworkers.models.records.profile import Noise
from nworkers.simulator.step.noise import factors_of, mean_factors, measured_as

#: Operations that vary from step to step of a worker, by the stream of their random numbers.
_STREAMS: dict[int, tuple[Operation, ...]] = {
    0: ("dispatch", "fetch", "compute", "push", "collective"),
    3: ("fetch_transfer", "push_transfer"),
}
_WEIGHT = 5
#: Weights of transfers in a replication; a run of more begins them anew.
_WEIGHTS = 4096


class Variates(Protocol):
    """What chance does to one run.

    ``means`` are those of the factors of operations, 1 where one is not named. ``starts`` is when
    each worker begins, as a fraction of the time over which all start; at once if it is empty.
    ``scores`` are standard normal numbers for the weights of transfers, used one after the other;
    without any all weigh the same.
    """

    @property
    def means(self) -> Mapping[Operation, float]: ...

    @property
    def starts(self) -> Sequence[float]: ...

    @property
    def scores(self) -> Sequence[float]: ...

    def factors(self, operations: Sequence[Operation], workers: range, steps: range) -> Floats:
        """What multiplies times alone; [worker, step, operation]."""
        ...


@dataclass(frozen=True, eq=False)
class Given:
    """Variates that are stated: ``table`` has factors of operations, [worker, step].

    They begin anew when they are exhausted; what is not named does not vary.
    """

    table: Mapping[Operation, Floats] = field(default_factory=dict)
    means: Mapping[Operation, float] = field(default_factory=dict)
    starts: Sequence[float] = ()
    scores: Sequence[float] = ()

    def factors(self, operations: Sequence[Operation], workers: range, steps: range) -> Floats:
        made = np.ones((len(workers), len(steps), len(operations)))
        for column, operation in enumerate(operations):
            if operation in self.table:
                known = self.table[operation]
                places = np.arange(steps.start, steps.stop) % known.shape[1]
                made[:, :, column] = known[workers.start : workers.stop, places]
        return made


def deterministic() -> Given:
    """No variation, and all workers start together."""
    return Given()


def drawn(
    noise: Noise,
    seed: int,
    replication: int,
    *,
    slowdown: Mapping[Operation, float],
    starts: Floats,
    steps: int,
) -> Given:
    """One factor a step for each operation and worker, from the inverse of its distribution.

    Successive steps of a worker are correlated as successive samples were, by a Gaussian copula of
    an AR(1) process (Cario and Nelson, *Oper. Res. Lett.* 19, 1996): slow phases last.

    Args:
        slowdown: multiplies an operation throughout the run; 1 where it is not named.
        starts: the starting phase of each worker.
        steps: how many steps to draw for; the same for all scenarios that are to be compared.
    """
    table: dict[Operation, Floats] = {}
    for stream, operations in _STREAMS.items():
        rng = np.random.default_rng((seed, stream, replication))
        uniform = rng.random((len(starts), steps, len(operations)))
        for k, name in enumerate(operations):
            bins = np.asarray(factors_of(noise, name))
            lasting = noise.autocorrelation.get(measured_as(noise, name), 0.0)
            places = _lasting(uniform[:, :, k], lasting) if lasting > 0.0 else uniform[:, :, k]
            table[name] = slowdown.get(name, 1.0) * bins[(places * bins.size).astype(int)]
    scores = np.random.default_rng((seed, _WEIGHT, replication)).standard_normal(_WEIGHTS)
    return Given(table, mean_factors(noise), starts.tolist(), scores.tolist())


def _lasting(uniform: Floats, autocorrelation: float) -> Floats:
    """Independent uniform numbers [worker, step] made to have a rank correlation along the steps.

    A Gaussian copula of rank correlation ρ has the correlation 2·sin(πρ/6) (Pearson, 1907).
    """
    phi = 2.0 * math.sin(math.pi * autocorrelation / 6.0)
    innovations = math.sqrt(1.0 - phi * phi) * _normal(uniform)
    deviates = np.empty_like(uniform)
    deviates[:, 0] = _normal(uniform[:, 0])
    for step in range(1, uniform.shape[1]):
        deviates[:, step] = phi * deviates[:, step - 1] + innovations[:, step]
    return np.clip(_probability(deviates), 0.0, np.nextafter(1.0, 0.0))


#: Φ at points so close that a straight line between them is off by less than 1e-5. Predicting uses
#: none of scipy, which would double its start-up.
_DEVIATES = np.linspace(-5.0, 5.0, 2001)
_PROBABILITIES = np.array([NormalDist().cdf(z) for z in _DEVIATES])


def _normal(uniform: Floats) -> Floats:
    return np.asarray(np.interp(uniform, _PROBABILITIES, _DEVIATES))


def _probability(deviates: Floats) -> Floats:
    return np.asarray(np.interp(deviates, _DEVIATES, _PROBABILITIES))
