"""Several ps: what tensors cost more that lie on several parameter servers.

A further ps costs a dispatch and first requests of its own, as one does. What is left over is the
ps's, and grows with the logarithm of the tensors that each holds (`nworkers.models.costs.laws`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from nworkers.models.base.statistics import Floats
from nworkers.models.costs.laws import request_s
from nworkers.models.fitting.laws import Demands
from nworkers.models.fitting.observations import FittedLaw
from nworkers.models.fitting.select_law import MARGIN, bic
from nworkers.models.records.calibration import Burst, Cell
from nworkers.models.records.profile import Parameter

#: What a cell asks for.
_WAYS = {"fetch": ("fetch",), "push": ("push",), "fetch_push": ("fetch", "push")}


@dataclass(frozen=True)
class _Pair:
    """A cell on several ps beside the same on one, in one round.

    ``more_s`` is what all ps spend beyond further dispatches and first requests, ``doublings`` how
    often the law counts, and ``seconds`` what one ps spends alone.
    """

    more_s: float
    doublings: float
    seconds: float


def apart_per_doubling_s(
    bursts: Iterable[Burst], ps: FittedLaw[Demands[Parameter]]
) -> float | None:
    """Processor seconds that each doubling of a ps's tensors takes more where others have some too.

    Least squares of relative deviations.

    Args:
        ps: what dispatch and transfers with one ps spend there.

    Returns:
        None where several ps were not measured; 0 where BIC wants none.
    """
    pairs = list(_pairs(bursts, ps.estimates))
    if not pairs:
        return None
    more = np.array([pair.more_s / pair.seconds for pair in pairs])
    doublings = np.array([pair.doublings / pair.seconds for pair in pairs])
    found = max(0.0, float(more @ doublings / (doublings @ doublings)))

    def score(per_doubling_s: float, parameters: int) -> float:
        residuals: Floats = more - per_doubling_s * doublings
        return bic(residuals, parameters)

    return found if score(found, 1) < score(0.0, 0) - MARGIN else 0.0


def most_ps(bursts: Iterable[Burst]) -> int:
    """The most ps of which processor seconds were measured while workers competed."""
    asked = (b.cell for b in bursts if b.processor is not None and b.cell.workers > 1)
    return max([1, *(cell.ps for cell in asked if cell.flows == 1)])


def _pairs(bursts: Iterable[Burst], known: Demands[float]) -> Iterator[_Pair]:
    """Of all cells on several ps, those that as many workers at once ran on one ps too."""
    spent: dict[tuple[Cell, int], float] = {}
    for burst in bursts:
        cell, used = burst.cell, burst.processor
        if used is not None and cell.quantity in _WAYS and cell.workers > 1 and not cell.device:
            spent[cell, burst.round] = used.ps_s / used.operations
    for (cell, number), seconds in spent.items():
        alone_s = spent.get((replace(cell, ps=1), number))
        if cell.ps == 1 or cell.ps >= cell.tensors or cell.flows > 1 or not alone_s:
            continue
        asked = [known.fetch if way == "fetch" else known.push for way in _WAYS[cell.quantity]]
        # A first request in place of a further tensor.
        first_s = sum(request_s(of, 1) - request_s(of, 1, first=False) for of in asked)
        more_s = seconds - alone_s - (cell.ps - 1) * (known.dispatch_s + first_s)
        doublings = (cell.ps - 1) * math.log2(cell.tensors / cell.ps) * len(asked)
        yield _Pair(more_s, doublings, alone_s)
