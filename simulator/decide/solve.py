"""Solve: which batch, link, dispatch, ps or strategy makes so many workers reach a goal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from nworkers.models.base.choices import choice
from nworkers.models.base.errors import InputError
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.scenario import MAX_WORKERS
from nworkers.models.records.solved import (
    SOUGHT,
    Bracket,
    FasterDevice,
    Goal,
    OutOfMemory,
    Solved,
    Sought,
    Threshold,
    WayOut,
    goal_of,
)
from nworkers.models.records.what_if import PLAIN
from nworkers.simulator.decide.alternatives import ranked
from nworkers.simulator.decide.quantities import (
    LEAST_FACTOR,
    Job,
    Quantity,
    job_of,
    quantity_of,
)
from nworkers.simulator.decide.reaching import Reached, check_goal, fully, held_by
from nworkers.simulator.decide.search import MOST_FULL, Found, search

#: How many times as fast as today's the devices are of a curve over them.
SPEEDS = (1.0, 2.0, 4.0, 10.0)
#: Each point of that curve is as near to the goal, by so many replications.
_SLACK, _FEW = 0.02, 24

#: Called with what is done and how much there is.
Progress = Callable[[int, int], None]
#: Called with each part of the answer as soon as it is known; a bracket replaces the one before.
Known = Callable[[Bracket | WayOut | FasterDevice], None]


def solve(
    request: JobRequest,
    what: Sought,
    *,
    workers: int,
    target_speedup: float = 1.0,
    overhead: float | None = None,
    progress: Progress | None = None,
    known: Known | None = None,
) -> Solved:
    """What it takes for so many workers to beat the baseline, or to compute for most of a step.

    ``batch`` and ``ps``: the smallest number. ``latency`` and ``dispatch``: the longest, of all
    requests or all steps alike. ``bandwidth``: the smallest nominal rate of the wire between hosts,
    or what carries tensors inside a host. ``strategy``: other strategies and single what-ifs,
    ranked. ``device``: what it takes where devices compute 1, 2, 4 and 10 times as fast, the
    baseline's too.

    Args:
        target_speedup: to be reached; 1 is to break even.
        overhead: in its place, the largest share of a step that may go to anything but computing.
        progress: called with what is done, and how much there is at most.
        known: called with what is known of the answer, on the way to it.

    Raises:
        InputError: the request cannot be met; it carries the field.
    """
    choice("what", what, SOUGHT)
    if not 1 <= workers <= MAX_WORKERS:
        raise InputError("workers", workers, f"an integer from 1 to {MAX_WORKERS}")
    goal = goal_of(target_speedup, overhead)
    check_goal(goal)
    job = job_of(request)
    if what != "strategy" and overhead is None and _is_owned(job.request, workers):
        raise InputError("workers", workers, "another number than that of the <baseline>")
    if what == "strategy":
        return Solved(what, goal, workers, ways=ranked(job, goal, workers, progress, known))
    if what == "device":
        return Solved(what, goal, workers, faster=_faster(job, goal, workers, progress, known))
    quantity = quantity_of(job, what, workers)

    def on_the_way(predicted: int, low: float | None, high: float | None) -> None:
        if known is not None:
            short, enough = _scaled(low, quantity.scale), _scaled(high, quantity.scale)
            known(Bracket(quantity.name, quantity.unit, short, enough))
        if progress is not None:
            progress(predicted, MOST_FULL)

    found = search(quantity.axis, goal, known=on_the_way)
    threshold = replace(_threshold(quantity, goal, found), memory=_memory(quantity, goal, found))
    return Solved(what, goal, workers, threshold=threshold)


def _is_owned(request: JobRequest, workers: int) -> bool:
    """Whether the workers are the baseline, which they are as fast as whatever is changed."""
    return request.baseline == str(workers) and request.what_if == PLAIN and not request.add


def _memory(quantity: Quantity, goal: Goal, found: Found) -> OutOfMemory | None:
    """What would do if memory held it, where nothing does that it holds."""
    axis = quantity.axis
    ends = (axis.at(axis.grid[0]), axis.at(axis.grid[-1]))
    if found.value is not None or not any(map(axis.overfull, ends)):
        return None
    beyond = search(replace(axis, held=False), goal).value
    if beyond is None:
        return None
    over = axis.at(beyond).overfull
    return None if over is None else OutOfMemory(quantity.scale * beyond, over)


def _threshold(quantity: Quantity, goal: Goal, found: Found) -> Threshold:
    scale, value = quantity.scale, found.value
    low, high = found.interval
    reached = found.reached
    return Threshold(
        quantity=quantity.name,
        unit=quantity.unit,
        today=quantity.today,
        value=None if value is None else scale * value,
        interval=(_scaled(low, scale), _scaled(high, scale)),
        at=scale * found.at,
        row=reached.row,
        reached=reached.value,
        reached_interval=reached.interval,
        held_by=held_by(goal, reached.row) if value is None else None,
        change=quantity.said(found.at),
        is_end=value == quantity.axis.grid[0],
        fits=not quantity.axis.overfull(quantity.axis.at(found.at)),
    )


def _scaled(value: float | None, scale: float) -> float | None:
    # A time so short is none.
    return None if value is None or value < LEAST_FACTOR else scale * value


def _faster(
    job: Job, goal: Goal, workers: int, progress: Progress | None, known: Known | None
) -> tuple[FasterDevice, ...]:
    rows = []
    change = job.request.what_if
    for done, speed in enumerate(SPEEDS):
        if progress is not None:
            progress(done, len(SPEEDS))
        factor = speed * (change.compute_factor or 1.0)
        faster = replace(change, compute_factor=factor, said=())
        sped = replace(job, request=replace(job.request, what_if=faster))
        quantities = (quantity_of(sped, q, workers) for q in ("batch", "bandwidth", "workers"))
        batch, bandwidth, more = (
            _threshold(of, goal, search(of.axis, goal, slack=_SLACK, replications=_FEW))
            for of in quantities
        )
        rows.append(FasterDevice(speed, _now(sped, goal, workers), batch, bandwidth, more))
        if known is not None:
            known(rows[-1])
    return tuple(rows)


def _now(job: Job, goal: Goal, workers: int) -> float | None:
    """The speed-up as things are; None where the batch is too small for so many."""
    try:
        reached: Reached = fully(goal, job.resolved(workers))
    except InputError:
        return None
    return reached.value
