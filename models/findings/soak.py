"""Soak: whether a link keeps its rate, from one large transfer repeated for minutes.

Cloud providers lend a machine more than its rate for a while; what a short calibration sees is the
burst, and a day of training sees the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from nworkers.models.records.calibration import Burst

#: Of the whole duration: what is compared at either end.
SHARE = 0.1
#: A rate below this share of the first is a drop, beyond what neighbours do to a link.
KEPT = 0.9


@dataclass(frozen=True)
class Soak:
    """Median rates at both ends of a soak; ``dropped_after_s`` is None where it kept its rate."""

    lasted_s: float
    first_bytes_per_s: float
    last_bytes_per_s: float
    dropped_after_s: float | None


def soak(bursts: Iterable[Burst]) -> Soak | None:
    """What the samples of a soak say; None where none was measured, or too few to compare."""
    found = [burst for burst in bursts if burst.cell.quantity == "soak"]
    samples = np.array([s for burst in found for s in burst.samples_s])
    if samples.size < 2 / SHARE:
        return None
    size = found[0].cell.size_bytes
    ends = np.array(list(accumulate(samples)))
    lasted = float(ends[-1])
    first = size / float(np.median(samples[ends <= max(SHARE * lasted, ends[0])]))
    last = size / float(np.median(samples[ends >= (1 - SHARE) * lasted]))
    after = None
    if last < KEPT * first:
        # The moment that puts the fewest transfers on the wrong side of the middle rate.
        slow = samples > size / np.sqrt(first * last)
        wrong = np.cumsum(np.where(slow, 1, -1))
        after = float(ends[int(np.argmin(wrong))])
    return Soak(lasted, first, last, after)
