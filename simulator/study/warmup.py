"""Warm-up: which first steps to leave out, told from the steps themselves."""

from __future__ import annotations

import numpy as np

from nworkers.models.base.statistics import Floats


def warmup_steps(steps_s: Floats) -> int:
    """How many first steps to cut, at most half of them.

    MSER: the cut that leaves the smallest standard error of the mean (White, *Simulation* 69,
    1997), of the mean step over workers and replications (Welch, 1983), which has little noise.

    Args:
        steps_s: [replication, worker, step].
    """
    mean_s = steps_s.mean(axis=(0, 1))
    most = mean_s.size // 2
    if most < 1 or np.ptp(mean_s) <= 1e-9 * mean_s.mean():
        return 0
    errors = [mean_s[cut:].var() / mean_s[cut:].size for cut in range(most + 1)]
    return int(np.argmin(errors))
