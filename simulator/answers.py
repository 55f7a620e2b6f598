"""Answers: all that predict, breakeven and validate found, before anybody has worded it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nworkers.models.records.measurement import Comparison, Measurement
from nworkers.models.records.prediction import BreakEven, Prediction
from nworkers.simulator.study.ask import curve, predictions
from nworkers.simulator.study.resolve import ResolvedJob


@dataclass(frozen=True)
class PredictAnswer:
    """A prediction for each number of workers."""

    job: ResolvedJob
    rows: tuple[Prediction, ...]

    @property
    def beyond(self) -> tuple[str, ...]:
        """What the rows rest on beyond the measurement."""
        return _beyond(self.rows)


@dataclass(frozen=True)
class BreakEvenAnswer:
    """The curve over workers, and where on it break-even lies."""

    job: ResolvedJob
    result: BreakEven

    @property
    def best(self) -> Prediction:
        """The row of the largest speed-up."""
        return max(self.result.rows, key=lambda row: row.speedup)

    @property
    def beyond(self) -> tuple[str, ...]:
        """What the rows rest on beyond the measurement."""
        return _beyond(self.result.rows)


@dataclass(frozen=True)
class ValidateAnswer:
    """A measurement beside its prediction."""

    job: ResolvedJob
    measurement: Measurement
    comparison: Comparison


def answer_predict(
    job: ResolvedJob, progress: Callable[[int, int], None] | None = None
) -> PredictAnswer:
    """Predict each scenario."""
    return PredictAnswer(job, predictions(job, progress))


def answer_breakeven(
    job: ResolvedJob, max_workers: int, progress: Callable[[int, int], None] | None = None
) -> BreakEvenAnswer:
    """The curve of a job that was resolved as one."""
    return BreakEvenAnswer(job, curve(job, max_workers, progress))


def _beyond(rows: Iterable[Prediction]) -> tuple[str, ...]:
    # Reasons that differ in a figure alone are one reason; the largest row's stands for them.
    reasons = {re.sub(r"\d+", "", reason): reason for row in rows for reason in row.extrapolated}
    return tuple(reasons.values())
