"""Busy cores: what many workers at once make of the cores' time, and what it makes of compute.

Work of a step goes from thread to thread and from task to task. However many workers there are, a
core idles now and then until the next thread has been woken, and a step takes longer than its
processor seconds on all cores. And gradients take more processor seconds in a step than alone:
their variables have just come from another task, and other workers' data are in the caches.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nworkers.models.costs.laws import bytes_s, request_s
from nworkers.models.fitting.laws import Demands
from nworkers.models.fitting.observations import FittedLaw
from nworkers.models.records.calibration import Burst, Cell
from nworkers.models.records.profile import Parameter, StepTime
from nworkers.models.records.workload import Workload

#: Two workers show how two keep the cores busy; more than these tell of many.
LEAST_WORKERS = 3
#: Below it something else than processors is what bounds most of the cells.
SATURATED = 0.8


def usable_share(
    bursts: Iterable[Burst], *, cores: float, one_host: bool, system: float
) -> float | None:
    """Processor seconds per second of the cores, the median over cells of several workers at once.

    Args:
        cores: of the host.
        one_host: whether all tasks share these cores.
        system: busy seconds of the host per processor second of its tasks.

    Returns:
        None where no more than two workers ran at once, or where they left cores idle for other
        reasons.
    """
    seconds: dict[tuple[Cell, int], list[float]] = {}
    spent: dict[tuple[Cell, int], float] = {}
    for burst in bursts:
        cell = burst.cell
        if not cell.plain or cell.path != "ps" or cell.workers < 2:
            continue
        seconds.setdefault((cell, burst.round), []).append(float(np.mean(burst.samples_s)))
        if burst.processor:
            used = burst.processor
            spent[cell, burst.round] = system * (used.worker_s + used.ps_s) / used.operations
    if not one_host or max((c.workers for c, _ in spent), default=0) < LEAST_WORKERS:
        return None
    shares: dict[Cell, list[float]] = {}
    for (cell, number), demand_s in spent.items():
        taken_s = float(np.mean(seconds[cell, number]))
        shares.setdefault(cell, []).append(cell.workers * demand_s / (cores * taken_s))
    share = float(np.median([np.median(of) for of in shares.values()]))
    return min(share, 1.0) if share >= SATURATED else None


def compute_under_load(
    bursts: Iterable[Burst],
    workload: Workload,
    worker: FittedLaw[Demands[Parameter]],
    ps: FittedLaw[Demands[Parameter]],
    gradients: FittedLaw[StepTime[Parameter]],
) -> float | None:
    """How many times the processor seconds of gradients alone those of a step take.

    What a step of several workers at once spends beyond its dispatch and its transfers, over the
    gradients' own; the median over rounds and numbers of workers, and never less than once.

    Args:
        worker, ps: what dispatch and transfers spend at either end.
        gradients: what they spend alone.

    Returns:
        None where no steps at once were measured.
    """
    found = []
    for burst in bursts:
        cell, used = burst.cell, burst.processor
        if not cell.plain or (cell.quantity, cell.path) != ("step", "ps") or used is None:
            continue
        computed_s = gradients.seconds(Cell("gradient", "process", batch=cell.batch))
        if cell.workers < 2 or not computed_s:
            continue
        spent_s = (used.worker_s + used.ps_s) / used.operations
        moved_s = sum(_transfers_s(end.estimates, workload) for end in (worker, ps))
        found.append((spent_s - moved_s) / computed_s)
    return max(1.0, float(np.median(found))) if found else None


def _transfers_s(known: Demands[float], workload: Workload) -> float:
    """Processor seconds of a step at one end but for its compute; an edge joins its parts."""
    requests_s = sum(request_s(asked, workload.tensors) for asked in (known.fetch, known.push))
    moved_s = sum(bytes_s(asked, workload.size_bytes) for asked in (known.fetch, known.push))
    return known.dispatch_s + known.fetch.per_tensor_s + requests_s + moved_s
