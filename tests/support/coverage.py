"""Coverage: whether intervals hold the truth as often as they say, though some miss together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import binom


def p_values(clusters: Sequence[Sequence[bool]], wanted: float = 0.9) -> tuple[float, float]:
    """Chance of so few that hold, and of so many, were ``wanted`` true.

    What is in one cluster may miss together, so that n count as fewer: as n over the design effect,
    the variance of the clusters' share over that of independent ones (Rao and Scott, *Biometrics*
    48, 1992). Clusters that all hold show no variance; then each counts once.
    """
    sizes = np.array([len(of) for of in clusters], dtype=float)
    held = np.array([sum(of) for of in clusters], dtype=float)
    count, share = float(sizes.sum()), float(held.sum() / sizes.sum())
    number = len(clusters)
    if 0.0 < share < 1.0:
        squares = float(((held - share * sizes) ** 2).sum())
        variance = number / (number - 1) * squares / count**2
        effect = max(1.0, variance / (share * (1.0 - share) / count))
    else:
        effect = count / number
    counted = max(1, round(count / effect))
    holding = round(share * counted)
    return float(binom.cdf(holding, counted, wanted)), float(binom.sf(holding - 1, counted, wanted))
