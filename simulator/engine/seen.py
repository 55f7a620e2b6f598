"""Seen: a run, made of what an engine saw its workers do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args

import numpy as np

from nworkers.models.base.statistics import Floats
from nworkers.models.records.prediction import CAUSES, NOT_ALWAYS, Cause
from nworkers.simulator.engine.base import Run, mean_step_s
from nworkers.simulator.step.run_spec import RunSpec
from nworkers.simulator.step.spans import Record, spans_of

#: All causes, in the order in which engines tell them.
EVERY: tuple[Cause, ...] = get_args(Cause)


def seen(
    spec: RunSpec,
    ends_s: Floats,
    spent_s: Floats,
    lasted_s: Sequence[Floats],
    records: Iterable[Record] = (),
) -> Run:
    """What a run amounts to.

    Args:
        ends_s: when each worker began and ended its steps, or rounds ended; [worker, step + 1],
            or several runs of that, as of what follows.
        spent_s: seconds of the critical paths of steps that count; [worker, cause].
        lasted_s: mean seconds of each plan's activities in these.
        records: if the specification asks for spans.
    """
    all_s = np.diff(ends_s, axis=-1)
    counted_s = all_s[..., spec.warmup :]
    return Run(
        counted_s,
        all_s[..., : spec.warmup],
        _breakdown(spec, counted_s, spent_s),
        tuple(lasted_s),
        spec.kinds,
        spans_of(spec, records),
    )


def _breakdown(spec: RunSpec, steps_s: Floats, spent_s: Floats) -> dict[Cause, float]:
    """Seconds of the mean step by cause: shares of all workers' time, faster steps more often.

    Where rounds are counted, a worker's steps do not fill them.
    """
    if len(set(spec.kinds)) == 1:
        sums_s = spent_s.sum(axis=-2)
        shares = sums_s / sums_s.sum(axis=-1, keepdims=True)
    else:
        shares = (spent_s / spent_s.sum(axis=-1, keepdims=True)).mean(axis=-2)
    means_s = np.asarray(mean_step_s(steps_s, spec.kinds))
    found = dict(zip(EVERY, shares.T * means_s, strict=True))
    also = [cause for cause in NOT_ALWAYS if np.any(found[cause] > 0.0)]
    return {cause: found[cause] for cause in (*CAUSES, *also)}
