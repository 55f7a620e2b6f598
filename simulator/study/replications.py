"""Replications: the runs that the measurements leave possible, spread evenly over them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from nworkers.models.base.statistics import Floats, few_rounds
from nworkers.models.costs.phase import OPERATIONS, Operation
from nworkers.models.records.profile import Noise
from nworkers.simulator.step.noise import measured_as
from nworkers.simulator.step.variates import Purpose, key, uniforms


@dataclass(frozen=True)
class Replications:
    """Runs out of those that the measurements leave possible; [run].

    ``between`` multiplies every operation throughout a run; ``deviates`` is how many standard
    deviations each operation lies off where its time is extrapolated.
    """

    between: dict[Operation, Floats]
    deviates: dict[Operation, Floats]


def replications(noise: Noise, seed: int, count: int) -> Replications:
    """The runs to simulate: every measured round equally often, deviates evenly in probability.

    Stratified, so that few replications give a steady median. Each round's factors are raised to
    √(R/(R−1)) (`few_rounds`).
    """
    rounds = len(noise.between)
    exponent = few_rounds(rounds)
    order = _order(Purpose.ROUND, seed, count) % rounds
    deviates = _deviates(count)
    # What moves bytes is off together, and compute apart from it.
    compute = deviates[_order(Purpose.COMPUTE_DEVIATE, seed, count)]
    moved = deviates[_order(Purpose.MOVED_DEVIATE, seed, count)]
    between: dict[Operation, Floats] = {}
    for name in OPERATIONS:
        of_rounds = [of.get(measured_as(noise, name), 1.0) ** exponent for of in noise.between]
        between[name] = np.array(of_rounds)[order]
    return Replications(
        between, {name: compute if name == "compute" else moved for name in OPERATIONS}
    )


def model_scores(seed: int, count: int) -> Floats:
    """How the model itself is off in each replication, in its standard deviations.

    Evenly spread over the normal distribution, in random order; the same for all scenarios.
    """
    return np.asarray(_deviates(count)[_order(Purpose.MODEL, seed, count)])


@lru_cache
def _deviates(count: int) -> Floats:
    """Standard normal numbers, evenly in probability."""
    normal = NormalDist()
    return np.array([normal.inv_cdf((k + 0.5) / count) for k in range(count)])


def starting_phases(seed: int, workers: int, which: range) -> Floats:
    """Where in its step each worker starts in some replications; [replication, worker].

    Only differences count, so the first worker starts at zero. The others are stratified, each in
    an order of its own.
    """
    worker, replication = np.arange(workers)[:, np.newaxis], np.array(which)
    order = uniforms(key(Purpose.START, seed), worker, replication).argsort(axis=1)
    phases = (order.T + 0.5) / len(which)
    phases[:, 0] = 0.0
    return np.asarray(phases, dtype=np.float64)


def _order(purpose: Purpose, seed: int, count: int) -> npt.NDArray[np.intp]:
    """The numbers below ``count`` in random order."""
    return uniforms(key(purpose, seed), np.arange(count)).argsort()
