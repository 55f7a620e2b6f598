"""Replications: the runs that the measurements leave possible, spread evenly over them."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from nworkers.models.base.statistics import Floats, few_rounds
from nworkers.models.costs.phase import OPERATIONS, Operation
from nworkers.models.records.profile import Noise
from nworkers.simulator.step.noise import measured_as
from nworkers.simulator.step.variates import Purpose, key, uniforms


@dataclass(frozen=True)
class Replication:
    """One run out of those that the measurements leave possible.

    ``between`` multiplies every operation throughout the run; ``deviates`` is how many standard
    deviations each operation lies off where its time is extrapolated.
    """

    index: int
    between: dict[Operation, float]
    deviates: dict[Operation, float]


def replications(noise: Noise, seed: int, count: int) -> tuple[Replication, ...]:
    """The runs to simulate: every measured round equally often, deviates evenly in probability.

    Stratified, so that few replications give a steady median. Each round's factors are raised to
    √(R/(R−1)) (`few_rounds`).
    """
    rounds = len(noise.between)
    exponent = few_rounds(rounds)
    order = _order(Purpose.ROUND, seed, count) % rounds
    deviates = [NormalDist().inv_cdf((k + 0.5) / count) for k in range(count)]
    # What moves bytes is off together, and compute apart from it.
    compute = _order(Purpose.COMPUTE_DEVIATE, seed, count)
    moved = _order(Purpose.MOVED_DEVIATE, seed, count)
    return tuple(
        Replication(
            index,
            {
                name: noise.between[order[index]].get(measured_as(noise, name), 1.0) ** exponent
                for name in OPERATIONS
            },
            {
                name: deviates[(compute if name == "compute" else moved)[index]]
                for name in OPERATIONS
            },
        )
        for index in range(count)
    )


def model_scores(seed: int, count: int) -> Floats:
    """How the model itself is off in each replication, in its standard deviations.

    Evenly spread over the normal distribution, in random order; the same for all scenarios.
    """
    normal = NormalDist()
    scores = np.array([normal.inv_cdf((index + 0.5) / count) for index in range(count)])
    return np.asarray(scores[_order(Purpose.MODEL, seed, count)])


def starting_phases(seed: int, workers: int, count: int) -> Floats:
    """Where in its step each worker starts in each replication; [replication, worker].

    Only differences count, so the first worker starts at zero. The others are stratified, each in
    an order of its own.
    """
    worker, replication = np.arange(workers)[:, np.newaxis], np.arange(count)
    order = uniforms(key(Purpose.START, seed), worker, replication).argsort(axis=1)
    phases = (order.T + 0.5) / count
    phases[:, 0] = 0.0
    return np.asarray(phases, dtype=np.float64)


def _order(purpose: Purpose, seed: int, count: int) -> npt.NDArray[np.intp]:
    """The numbers below ``count`` in random order."""
    return uniforms(key(purpose, seed), np.arange(count)).argsort()
