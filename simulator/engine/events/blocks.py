"""Blocks: variates of many steps at once, drawn as workers come to need them."""

from __future__ import annotations

from typing import cast

import numpy as np

from nworkers.simulator.step.run_spec import RunSpec
from nworkers.simulator.step.variates import factors, scores

#: Numbers of all workers that are drawn at once, at the most, and steps of one, at the least.
_MOST, _LEAST_STEPS = 1 << 18, 16


class Blocks:
    """The first steps of all workers at once, then further ones of each worker that goes on.

    A step has a column for every operation, the factor of its time, then one for every transfer
    that has a weight, its score.
    """

    def __init__(self, spec: RunSpec) -> None:
        self._spec = spec
        columns = len(spec.operations) + len(spec.transfers)
        most = max(1, _MOST // (spec.workers * columns))
        # Who is fast goes on for some steps until the last has taken its own.
        counted = spec.warmup + spec.steps
        steps = min(counted + min(counted, _LEAST_STEPS), most)
        self._first = self._drawn(range(spec.workers), range(steps))

    def of(self, worker: int, done: int) -> list[list[float]]:
        """[step][column] of a worker that has taken ``done`` steps."""
        if not done:
            return self._first[worker]
        more = range(done, done + max(done, _LEAST_STEPS))
        return self._drawn(range(worker, worker + 1), more)[0]

    def _drawn(self, workers: range, steps: range) -> list[list[list[float]]]:
        spec = self._spec
        drawn = factors(spec.variates, spec.operations, workers, steps)
        if spec.transfers:
            scored = scores(spec.variates, spec.transfers, workers, steps)
            drawn = np.concatenate([drawn, scored], axis=2)
        return cast("list[list[list[float]]]", drawn.tolist())
