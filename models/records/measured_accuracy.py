"""Measured accuracy: how far predictions were off on jobs that were really trained, by class.

The figures are those of docs/accuracy.md. A class is what bounds a step: a stated wait, a full
wire, or the two cores of the machine that the jobs were trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from nworkers.models.base.allowed import Ge, Gt
from nworkers.models.records.profile import Evidence

AccuracyClass = Literal["waits", "full wires", "two busy cores"]
#: The blind half was predicted before its training; in the development half errors were looked for.
AccuracyHalf = Literal["blind", "development"]


@dataclass(frozen=True)
class ClassAccuracy:
    """Errors of step time over the cells of one class; a cell is a job at one number of workers.

    Attributes:
        median, worst: absolute error over the measured step time.
        covered: cells whose measured step lies within its 90 % interval.
        half_width: median half of an interval, over the prediction.
    """

    kind: AccuracyClass
    evidence: Evidence
    half: AccuracyHalf
    cells: Annotated[int, Gt(0)]
    median: Annotated[float, Ge(0)]
    worst: Annotated[float, Ge(0)]
    covered: Annotated[int, Ge(0)]
    half_width: Annotated[float, Ge(0)]


@dataclass(frozen=True)
class MeasuredAccuracy:
    """What the package says of itself: ``version`` is that of the package that predicted."""

    version: str
    classes: tuple[ClassAccuracy, ...]

    def of(self, kind: AccuracyClass, evidence: Evidence) -> ClassAccuracy | None:
        """The figures of a class, the blind half's before others; None where nobody trained."""
        found = [one for one in self.classes if (one.kind, one.evidence) == (kind, evidence)]
        return min(found, key=lambda one: one.half != "blind") if found else None
