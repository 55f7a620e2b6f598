"""Engine: what takes a run's specification and gives what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nworkers.models.base.statistics import Floats
from nworkers.models.records.prediction import Cause
from nworkers.simulator.step.run_spec import RunSpec
from nworkers.simulator.step.spans import Span


@dataclass(frozen=True)
class Run:
    """What happened. ``steps_s`` is [worker, step], those of the warm-up in ``warmup_s``.

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


def mean_step_s(steps_s: Floats, kinds: tuple[int, ...]) -> float:
    """Mean over all steps that end in some time, of workers that may differ.

    Faster workers end more steps in it: the harmonic mean over kinds. Within a kind it is the mean,
    since few steps a worker would favour those that happened to be short.
    """
    if len(set(kinds)) == 1:
        return float(steps_s.mean())
    of = np.array(kinds)
    rate = sum(
        np.count_nonzero(of == kind) / float(steps_s[of == kind].mean()) for kind in set(kinds)
    )
    return float(len(kinds) / rate)


def steps_in_a_mean_step(run: Run) -> Floats:
    """How many steps each worker ends in the mean step's time: faster workers more than one."""
    kinds = np.array(run.kinds)
    found = np.ones(kinds.size)
    if len(set(run.kinds)) > 1:
        for kind in set(run.kinds):
            found[kinds == kind] = run.step_time_s / float(run.steps_s[kinds == kind].mean())
    return found
