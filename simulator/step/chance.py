"""Noise: the random numbers of a replication, drawn before it starts.

Every stream depends on (seed, replication, worker) alone, so that two scenarios that differ in
their number of workers meet the same luck (common random numbers).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import get_args

import numpy as np

from nworkers.models.base.statistics import Floats
from nworkers.models.costs.compute import Chance
from nworkers.models.costs.phase import Operation
from nworkers.models.records.profile import Noise

OPERATIONS: tuple[Operation, ...] = get_args(Operation)
#: How many of them vary from step to step, from the first; the bytes of transfers come last.
_VARYING, _TRANSFERS = OPERATIONS.index("single"), OPERATIONS.index("fetch_transfer")
#: Whose variation stands for an operation's where that was not measured on its own.
_MEASURED_AS: dict[Operation, Operation] = {
    "collective": "fetch",
    "fetch_transfer": "fetch",
    "push_transfer": "push",
    "single": "compute",
}
#: Streams of random numbers, told apart by a number of their own.
_WITHIN, _BETWEEN, _START, _MOVED, _MODEL, _WEIGHT = range(6)
#: Weights of transfers in a replication; a run of more begins them anew.
_WEIGHTS = 4096


@dataclass(frozen=True)
class Luck:
    """What chance does to one run.

    ``factors[worker][step][k]`` multiplies the wall time of OPERATIONS[k]; workers that go on for
    longer start over. ``mean_factors`` are the means of the within-run factors in them.
    ``starts`` is when each worker begins, as a fraction of the time over which all start.
    ``scores`` are standard normal numbers for the weights of transfers, used one after the other;
    without any all weigh the same.
    """

    factors: list[list[list[float]]]
    mean_factors: dict[Operation, float]
    starts: list[float]
    scores: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Replication:
    """One run out of those that the measurements leave possible.

    ``between`` multiplies every operation throughout the run; ``deviates`` is how many standard
    deviations each operation lies off where its time is extrapolated.
    """

    index: int
    between: dict[Operation, float]
    deviates: dict[Operation, float]


def no_luck(workers: int) -> Luck:
    """No variation, and all workers start together: a deterministic run."""
    means = dict.fromkeys(OPERATIONS, 1.0)
    return Luck([[[1.0] * len(OPERATIONS)]] * workers, means, [0.0] * workers)


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
                name: noise.between[order[index]].get(_measured_as(noise, name), 1.0) ** exponent
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


def _measured_as(noise: Noise, operation: Operation) -> Operation:
    return operation if operation in noise.within else _MEASURED_AS.get(operation, operation)


def _bins(noise: Noise, operation: Operation) -> tuple[float, ...]:
    """Equally probable factors of an operation, in ascending order."""
    return noise.within.get(_measured_as(noise, operation), (1.0,))


def of_compute(noise: Noise, chance: Chance) -> Noise:
    """The noise of a job whose compute time is stated instead of measured here.

    A stated mean needs no factor that makes a mean of a median. Of a bare cost nothing is known of
    how it varies.
    """
    if chance == "about median":
        return noise
    bins = _bins(noise, "compute") if chance == "about mean" else (1.0,)
    mean = sum(bins) / len(bins)
    within = noise.within | {"compute": tuple(b / mean for b in bins), "single": (1.0,)}
    between = tuple(
        of | dict.fromkeys(("compute", "single"), 1.0 if chance == "none" else of["compute"])
        for of in noise.between
        if "compute" in of or chance == "none"
    )
    return replace(noise, within=within, between=between or noise.between)


def mean_factor(noise: Noise, operation: Operation) -> float:
    """Mean of the within-run factor."""
    bins = _bins(noise, operation)
    return sum(bins) / len(bins)


def luck(
    noise: Noise,
    seed: int,
    replication: int,
    *,
    slowdown: Mapping[Operation, float],
    starts: Floats,
    steps: int,
) -> Luck:
    """One factor a step for each operation and worker, from the inverse of its distribution.

    Successive steps of a worker are correlated as successive samples were, by a Gaussian copula of
    an AR(1) process (Cario and Nelson, *Oper. Res. Lett.* 19, 1996): slow phases last.

    Args:
        slowdown: multiplies every operation throughout the run.
        starts: the starting phase of each worker.
        steps: how many steps to draw for; the same for all scenarios that are to be compared.
    """
    factors = np.ones((len(starts), steps, len(OPERATIONS)))
    for stream, few in ((_WITHIN, slice(_TRANSFERS)), (_MOVED, slice(_TRANSFERS, _VARYING))):
        rng = np.random.default_rng((seed, stream, replication))
        factors[:, :, few] = rng.random(factors[:, :, few].shape)
    for k, name in enumerate(OPERATIONS[:_VARYING]):
        bins = np.asarray(_bins(noise, name))
        lasting = noise.autocorrelation.get(_measured_as(noise, name), 0.0)
        if lasting > 0.0:
            factors[:, :, k] = _lasting(factors[:, :, k], lasting)
        factors[:, :, k] = slowdown[name] * bins[(factors[:, :, k] * bins.size).astype(int)]
    means = {name: mean_factor(noise, name) for name in OPERATIONS}
    scores = np.random.default_rng((seed, _WEIGHT, replication)).standard_normal(_WEIGHTS)
    return Luck(factors.tolist(), means, starts.tolist(), scores.tolist())


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
