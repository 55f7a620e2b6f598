"""Replications: the runs that the measurements leave possible, spread evenly over them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from nworkers.models.base.statistics import Floats
from nworkers.models.costs.phase import OPERATIONS, Operation
from nworkers.models.records.profile import Noise
from nworkers.simulator.step.noise import measured_as

#: Streams of random numbers, told apart by a number of their own.
_BETWEEN, _START, _MODEL = 1, 2, 4


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
    √(R/(R−1)): R rounds spread less around their own fit than a fresh one will.
    """
    rng = np.random.default_rng((seed, _BETWEEN))
    rounds = len(noise.between)
    exponent = math.sqrt(rounds / (rounds - 1)) if rounds > 1 else 1.0
    order = rng.permutation(count) % rounds
    deviates = [NormalDist().inv_cdf((k + 0.5) / count) for k in range(count)]
    # What moves bytes is off together, and compute apart from it.
    compute, moved = rng.permutation(count), rng.permutation(count)
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
    scores = [normal.inv_cdf((index + 0.5) / count) for index in range(count)]
    return np.random.default_rng((seed, _MODEL)).permutation(scores)


def starting_phases(seed: int, workers: int, count: int) -> Floats:
    """Where in its step each worker starts in each replication; [replication, worker].

    Only differences count, so the first worker starts at zero. The others are stratified, each in
    an order of its own.
    """
    order = np.random.default_rng((seed, _START)).random((workers, count)).argsort(axis=1)
    phases = (order.T + 0.5) / count
    phases[:, 0] = 0.0
    return np.asarray(phases, dtype=np.float64)
