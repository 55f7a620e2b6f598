"""Warm-up: which first steps to leave out, told from the steps themselves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nworkers.models.base.statistics import Floats


def warmup_steps(steps_s: Floats, workers: npt.NDArray[np.intp]) -> int:
    """How many first steps to cut, at most half of them.

    MSER: the cut that leaves the smallest standard error of the mean (White, *Simulation* 69,
    1997), of the mean step over workers and replications (Welch, 1983), which has little noise.

    Args:
        steps_s: mean ones of each kind of workers; [replication, kind, step].
        workers: of each kind.
    """
    mean_s = np.average(steps_s.mean(axis=0), axis=0, weights=workers)
    most = mean_s.size // 2
    if most < 1 or np.ptp(mean_s) <= 1e-9 * mean_s.mean():
        return 0
    errors = [mean_s[cut:].var() / mean_s[cut:].size for cut in range(most + 1)]
    return int(np.argmin(errors))
