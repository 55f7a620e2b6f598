"""Flow weights: how unequally a network shares a link among transfers that begin at once.

The link is full until the last has ended, at the same moment as with equal shares; the others end
earlier, the more unequal the shares. With weights that are lognormal, and constant while a transfer
lasts, one number says it all: the deviation of their logarithm. It is taken from the mean of the
ends, to which all transfers contribute.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from nworkers.models.base.statistics import Floats
from nworkers.models.records.calibration import ConcurrentFlows
from nworkers.models.records.profile import Discipline, FlowWeights

#: Of the way from turns to equal shares; weights would need a deviation of 2 to come so near.
TURNS = 0.25
#: Beyond it flows are served one after the other.
MOST = 3.0
#: Rounds drawn at each deviation of the table that is looked up, and its steps.
_ROUNDS, _GRID = 2000, 61


def fit_flow_weights(crowds: Iterable[ConcurrentFlows]) -> tuple[FlowWeights, ...]:
    """The deviation of every number of transfers and size that was measured, in that order."""
    found = []
    for crowd in sorted(crowds, key=lambda c: (c.size_bytes, c.flows)):
        ends_s = np.array(crowd.ends_s)
        mean = float((ends_s.mean(axis=1) / ends_s.max(axis=1)).mean())
        deviations, means = _table(crowd.flows)
        # Means fall as deviations rise.
        deviation = float(np.interp(-mean, -means, deviations))
        found.append(FlowWeights(crowd.flows, float(crowd.size_bytes), deviation))
    return tuple(found)


def seen_discipline(crowds: Sequence[ConcurrentFlows]) -> Discipline | None:
    """Whether transfers that began at once went beside each other, or one after the other.

    Their mean end, over the last one's, is 1 with equal shares and (n + 1)/2n in turns; shares may
    be unequal, so that only what is near to turns is taken for them. None if nothing was measured.
    """
    if not crowds:
        return None
    beside = []
    for crowd in crowds:
        ends_s = np.array(crowd.ends_s)
        turns = (crowd.flows + 1) / (2 * crowd.flows)
        mean = float((ends_s.mean(axis=1) / ends_s.max(axis=1)).mean())
        beside.append((mean - turns) / (1.0 - turns))
    return "fair" if float(np.median(beside)) > TURNS else "fifo"


def shared_ends(weights: Floats) -> Floats:
    """When transfers of equal size end that share a link by their weights; 1 is the last one's.

    Generalised processor sharing (Parekh and Gallager, *IEEE/ACM Trans. Networking* 1, 1993).

    Args:
        weights: [round, transfer].

    Returns:
        [round, transfer], in ascending order.
    """
    flows = weights.shape[1]
    heaviest = -np.sort(-weights, axis=1)
    served = 1.0 / (flows * heaviest)
    still = heaviest[:, ::-1].cumsum(axis=1)[:, ::-1]
    gained = np.diff(served, axis=1, prepend=0.0)
    ends: Floats = (gained * still).cumsum(axis=1)
    return ends


@lru_cache
def _table(flows: int) -> tuple[Floats, Floats]:
    """Deviations, and the mean of the ends that each makes."""
    normal = np.random.default_rng(flows).standard_normal((_ROUNDS, flows))
    deviations = np.linspace(0.0, MOST, _GRID)
    means = np.array([shared_ends(np.exp(d * normal)).mean() for d in deviations])
    return deviations, np.minimum.accumulate(means)
