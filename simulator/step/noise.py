"""Noise: how operations vary from step to step, as it was measured or is stated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

from nworkers.models.base.statistics import lognormal_bins
from nworkers.models.costs.compute import Chance
from nworkers.models.costs.phase import OPERATIONS, Operation
from nworkers.models.records.profile import Noise


@dataclass(frozen=True)
class Varying:
    """How an operation varies from step to step of a worker.

    ``number`` keys its random numbers: another would change them; None where no step of a worker
    has any. ``like`` is the operation whose variation stands for its own where that was not
    measured.
    """

    number: int | None
    like: Operation | None = None


VARYING: Mapping[Operation, Varying] = MappingProxyType(
    {
        "dispatch": Varying(1),
        "fetch": Varying(2),
        "compute": Varying(3),
        "push": Varying(4),
        "collective": Varying(5, "fetch"),
        "fetch_transfer": Varying(6, "fetch"),
        "push_transfer": Varying(7, "push"),
        "round": Varying(None),
    }
)


def measured_as(noise: Noise, operation: Operation) -> Operation:
    """The operation whose measured variation is taken for this one's."""
    return operation if operation in noise.within else VARYING[operation].like or operation


def factors_of(noise: Noise, operation: Operation) -> tuple[float, ...]:
    """Equally probable factors of an operation, in ascending order."""
    return noise.within.get(measured_as(noise, operation), (1.0,))


def of_compute(noise: Noise, chance: Chance, *, stated: bool = False) -> Noise:
    """The noise of a job whose compute time is stated instead of measured here.

    A stated mean needs no factor that makes a mean of a median. Of a bare cost nothing is known of
    how it varies, unless that is ``stated`` too.
    """
    if chance == "about median":
        return noise
    known = stated or chance == "about mean"
    bins = factors_of(noise, "compute") if known else (1.0,)
    mean = sum(bins) / len(bins)
    between = noise.between
    if chance == "none":
        between = tuple(of | {"compute": 1.0} for of in between)
    within = noise.within | {"compute": tuple(b / mean for b in bins)}
    return replace(noise, within=within, between=between)


def with_spread(noise: Noise, log_deviation: float) -> Noise:
    """The noise with another variation of compute from step to step, about the same mean.

    Steps of a worker then vary independently of each other.
    """
    mean = mean_factor(noise, "compute")
    bins = tuple(mean * factor for factor in lognormal_bins(log_deviation))
    kept = {name: of for name, of in noise.autocorrelation.items() if name != "compute"}
    return replace(noise, within=noise.within | {"compute": bins}, autocorrelation=kept)


def spread_of(noise: Noise) -> float:
    """The deviation of a worker's compute from step to step, in its logarithm."""
    logarithms = [math.log(factor) for factor in factors_of(noise, "compute")]
    mean = sum(logarithms) / len(logarithms)
    return math.sqrt(sum((one - mean) ** 2 for one in logarithms) / len(logarithms))


def mean_factor(noise: Noise, operation: Operation) -> float:
    """Mean of the within-run factor."""
    return _mean(factors_of(noise, operation))


@lru_cache
def _mean(bins: tuple[float, ...]) -> float:
    return sum(bins) / len(bins)


def mean_factors(noise: Noise) -> dict[Operation, float]:
    """Of every operation."""
    return {operation: mean_factor(noise, operation) for operation in OPERATIONS}
