"""Engine: what takes the specification of runs and gives what happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nworkers.models.base.statistics import Floats
from nworkers.models.records.prediction import Cause
from nworkers.simulator.step.run_spec import RunSpec
from nworkers.simulator.step.spans import Span


@dataclass(frozen=True)
class Run:
    """What happened. ``steps_s`` is [worker, step], those of the warm-up in ``warmup_s``.

    Of several runs all numbers are arrays, with the run first.
    ``breakdown`` has the causes of the mean step that counts, ``lasted_s`` the mean seconds of each
    activity in it, of every plan. ``kinds`` tells workers apart that are not alike. ``spans`` are
    empty unless asked for.
    """

    steps_s: Floats
    warmup_s: Floats
    breakdown: dict[Cause, float]
    lasted_s: tuple[Floats, ...]
    kinds: tuple[int, ...]
    spans: tuple[Span, ...]

    @property
    def step_time_s(self) -> float:
        """Mean time between the ends of one worker's successive steps."""
        return mean_step_s(self.steps_s, self.kinds)


Engine = Callable[[RunSpec], Run]


def stacked(runs: Sequence[Run]) -> Run:
    """Runs of one structure as one `Run` of all of them, without their spans."""
    return _together(runs, np.stack, lambda _: np.array(0.0))


def joined(runs: Sequence[Run]) -> Run:
    """The same of what holds several runs each already."""
    if len(runs) == 1:
        return runs[0]
    return _together(runs, np.concatenate, lambda run: np.zeros(len(run.steps_s)))


def _together(
    runs: Sequence[Run], join: Callable[[list[Any]], Floats], nothing: Callable[[Run], Floats]
) -> Run:
    """Args: nothing: what a run has of a cause that is not among its own."""
    causes = dict.fromkeys(cause for run in runs for cause in run.breakdown)
    breakdown: dict[Cause, Any] = {
        cause: join([run.breakdown.get(cause, nothing(run)) for run in runs]) for cause in causes
    }
    return Run(
        join([run.steps_s for run in runs]),
        join([run.warmup_s for run in runs]),
        breakdown,
        tuple(join(list(of)) for of in zip(*(run.lasted_s for run in runs), strict=True)),
        runs[0].kinds,
        (),
    )


def mean_step_s(steps_s: Floats, kinds: tuple[int, ...]) -> float:
    """Mean over all steps that end in some time, of workers that may differ.

    Faster workers end more steps in it: the harmonic mean over kinds. Within a kind it is the mean,
    since few steps a worker would favour those that happened to be short.
    """
    return mean_of(by_kind(steps_s, kinds), kinds)


def mean_of(steps_s: Floats, kinds: tuple[int, ...]) -> float:
    """`mean_step_s` of the mean steps of each kind; [kind, step]."""
    mean_s: float = len(kinds) / (np.bincount(kinds) / steps_s.mean(axis=-1)).sum(axis=-1)
    return mean_s


def by_kind(steps_s: Floats, kinds: tuple[int, ...]) -> Floats:
    """Mean steps over the workers of each kind; [kind, step]."""
    of = np.array(kinds)
    if not of.any():
        return np.asarray(steps_s.mean(axis=-2, keepdims=True))
    means_s = [steps_s[..., of == kind, :].mean(axis=-2) for kind in range(max(kinds) + 1)]
    return np.stack(means_s, axis=-2)


def steps_in_a_mean_step(run: Run) -> Floats:
    """How many steps each worker ends in the mean step's time: faster workers more than one."""
    means_s = by_kind(run.steps_s, run.kinds).mean(axis=-1)
    each: Floats = np.asarray(run.step_time_s)[..., np.newaxis] / means_s
    return each[..., np.array(run.kinds)]
