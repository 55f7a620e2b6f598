"""Measured steps: a run that somebody timed, and how it stands beside a prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nworkers.models.records.prediction import Interval


@dataclass(frozen=True)
class MeasuredSteps:
    """Seconds of a worker's successive steps, in order, warm-up included.

    ``between_s`` is what of each lies outside the training call: 0 where nobody recorded it.
    """

    steps_s: tuple[float, ...]
    between_s: tuple[float, ...] | None = None


#: What a run is beside its prediction: within the predictive interval, beyond it, or too short to
#: tell.
Verdict = Literal["normal", "slow", "fast", "too short"]
#: What is odd about a run: few very long steps, steps that grow, time outside of training.
Sign = Literal["stalls", "drift", "outside"]


@dataclass(frozen=True)
class Suspect:
    """A part of the step that would explain the run if it took ``factor`` times as long.

    Of the part "cores", if so many times fewer were there. ``factor`` is None where none up to a
    hundredfold explains it.
    """

    part: str
    share: float
    factor: float | None


@dataclass(frozen=True)
class BesideMeasured:
    """A run beside the prediction of its mean step.

    ``step_time_s`` is the mean without ``warmup_steps``, ``interval`` 90 % of what the run's own
    chance leaves open of it. ``ratio`` is over the predicted mean. ``stalled_share`` is the time
    beyond the median of steps that took thrice that, ``drift`` the last quarter's mean over the
    first's, ``outside_share`` what of a step lay outside training, where it was recorded.
    """

    steps: int
    warmup_steps: int
    step_time_s: float
    interval: Interval
    median_s: float
    ratio: float
    verdict: Verdict
    stalled_share: float
    drift: float
    outside_share: float | None
    signs: tuple[Sign, ...]
    suspects: tuple[Suspect, ...]
