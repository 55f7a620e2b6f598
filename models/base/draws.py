"""Draws: a formula evaluated for several joint draws at once.

Wherever a record says ``float``, there may be an array with a number for each draw: arithmetic is
the same for both, so that formulas and types need to know of one alone. What picks one of two
numbers, or decides by one, does it by the functions here.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from nworkers.models.base.leaves import mapped

Record = TypeVar("Record")
#: What stands where a record says ``float``.
NUMBERS = (float, np.ndarray)
#: Some of several draws, or the one at a place.
Places = int | slice | npt.NDArray[Any]


def of_several(*numbers: Any) -> bool:
    """Whether any of them is of several draws."""
    return any(isinstance(number, np.ndarray) for number in numbers)


def larger(one: float, other: float) -> float:
    """The larger of two numbers, in each draw."""
    if of_several(one, other):
        found: float = np.maximum(one, other)
        return found
    return max(one, other)


def smaller(one: float, other: float) -> float:
    """The smaller of two numbers, in each draw."""
    if of_several(one, other):
        found: float = np.minimum(one, other)
        return found
    return min(one, other)


class Disagreement(Exception):
    """Draws of which some decide otherwise than others; ``truth`` has the decision of each."""

    def __init__(self, truth: Any) -> None:
        super().__init__("draws that decide otherwise than others")
        self.truth = truth


def agreed(truth: Any) -> bool:
    """What all draws decide.

    Raises:
        Disagreement: they do not decide alike.
    """
    if isinstance(truth, np.ndarray):
        if truth.all():
            return True
        if truth.any():
            raise Disagreement(truth)
        return False
    return bool(truth)


def taken(record: Record, which: Places) -> Record:
    """The same record of some draws alone, by their places; of one where ``which`` is a number."""
    if isinstance(which, int):
        made: Record = mapped(record, np.ndarray, lambda numbers: numbers[which].tolist())
        return made
    made = mapped(record, np.ndarray, lambda numbers: numbers[which])
    return made
