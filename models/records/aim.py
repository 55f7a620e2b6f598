"""Aim: from when on workers win, and what of their samples counts as progress."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nworkers.models.base.errors import InputError

#: Of speed-ups that anybody asks for; nor does a worker need more times the samples.
LEAST, MOST = 0.01, 1e6


@dataclass(frozen=True)
class Aim:
    """Workers win where their progress exceeds ``target_speedup`` times the baseline's.

    ``samples_factor`` is how many times the baseline's samples the workers need to come as far,
    for example by stale gradients. ``noise_scale`` is the gradient noise scale B, in samples, from
    which it follows instead: a batch of m samples has the statistical efficiency (B + m0)/(B + m)
    beside the baseline's batch m0 (Qiao et al., Pollux, OSDI 2021; B as McCandlish et al., 2018).
    Under asynchronous training m is what all workers train in a step: so many gradients are of
    variables that are about as old.
    """

    target_speedup: float = 1.0
    samples_factor: float | None = None
    noise_scale: float | None = None

    @property
    def counts_samples(self) -> bool:
        """Whether a sample is a sample, whoever trains it."""
        return self.samples_factor is None and self.noise_scale is None

    def progress_per_sample(self, batch: float, baseline_batch: float) -> float:
        """What a sample of a step of ``batch`` brings, beside one of the baseline's."""
        if self.noise_scale is not None:
            return (self.noise_scale + baseline_batch) / (self.noise_scale + batch)
        return 1.0 / (self.samples_factor or 1.0)


#: Samples per second beside the baseline's own.
PLAIN_AIM = Aim()


def check_target(speedup: float) -> float:
    """Raises: InputError, for what no workers reach or all do; not a number is in no range."""
    if not LEAST <= speedup <= MOST:
        raise InputError("target_speedup", speedup, f"a number from {LEAST} to {MOST:.0f}")
    return speedup


def check_aim(aim: Aim) -> Aim:
    """Raises: InputError, naming what no workers can reach or need."""
    check_target(aim.target_speedup)
    factor = aim.samples_factor
    if factor is not None and not (0.0 < factor <= MOST):
        raise InputError("samples_factor", factor, f"a number above 0, up to {MOST:.0f}")
    scale = aim.noise_scale
    if scale is not None and not (0.0 <= scale < math.inf):
        raise InputError("noise_scale", scale, "samples: a number from 0")
    if scale is not None and aim.samples_factor is not None:
        raise InputError("noise_scale", scale, "without <samples_factor>, which it gives")
    return aim
