"""Noise: how operations vary from step to step, as it was measured or is stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from nworkers.models.costs.compute import Chance
from nworkers.models.costs.phase import OPERATIONS, Operation
from nworkers.models.records.profile import Noise

#: Whose variation stands for an operation's where that was not measured on its own.
_STANDS_FOR: Mapping[Operation, Operation] = MappingProxyType(
    {
        "collective": "fetch",
        "fetch_transfer": "fetch",
        "push_transfer": "push",
        "single": "compute",
    }
)


def measured_as(noise: Noise, operation: Operation) -> Operation:
    """The operation whose measured variation is taken for this one's."""
    return operation if operation in noise.within else _STANDS_FOR.get(operation, operation)


def factors_of(noise: Noise, operation: Operation) -> tuple[float, ...]:
    """Equally probable factors of an operation, in ascending order."""
    return noise.within.get(measured_as(noise, operation), (1.0,))


def of_compute(noise: Noise, chance: Chance) -> Noise:
    """The noise of a job whose compute time is stated instead of measured here.

    A stated mean needs no factor that makes a mean of a median. Of a bare cost nothing is known of
    how it varies.
    """
    if chance == "about median":
        return noise
    bins = factors_of(noise, "compute") if chance == "about mean" else (1.0,)
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
    bins = factors_of(noise, operation)
    return sum(bins) / len(bins)


def mean_factors(noise: Noise) -> dict[Operation, float]:
    """Of every operation."""
    return {operation: mean_factor(noise, operation) for operation in OPERATIONS}
