"""Alternatives: other ways to train a job, each by one change, and how they rank."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from nworkers.models.base.errors import InputError
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.runtimes import STRATEGIES, Strategy
from nworkers.models.records.solved import Goal, WayKind, WayOut
from nworkers.models.records.what_if import Compression, Rdma, WhatIf
from nworkers.simulator.decide.quantities import Job
from nworkers.simulator.decide.reaching import fully, roughly
from nworkers.simulator.engine.engines import IS_COMPILED
from nworkers.simulator.study.hardware import hardware_of
from nworkers.simulator.study.resolve import ResolvedJob
from nworkers.simulator.study.worker_grid import ends

#: So many of the ranked are predicted in full and shown.
SHOWN = 8 if IS_COMPILED else 4
#: What changes less is not worth a line.
_TELLING = 1.01

#: Single what-ifs as they are asked for, with the strategies that they are for.
WHAT_IFS: tuple[tuple[str, tuple[Strategy, ...], dict[str, Any]], ...] = (
    ("overlap", STRATEGIES, {"overlap": True}),
    ("half-precision", STRATEGIES, {"half_precision": True}),
    ("compression=0.1", STRATEGIES, {"compression": Compression(0.1)}),
    ("rdma=5us", STRATEGIES, {"rdma": Rdma(5 * 1e-6)}),
    ("backup-workers=1", ("ps-sync",), {"backup_workers": 1}),
    ("all-reduce=tree", ("allreduce",), {"all_reduce": "tree"}),
    ("all-reduce=hierarchical", ("allreduce",), {"all_reduce": "hierarchical"}),
)
PS = (2, 4)
LINKS = ("10gbit", "25gbit", "100gbit")


@dataclass(frozen=True)
class Alternative:
    """A job that differs by one change: its kind, the change in words, and the fields to ask."""

    what: WayKind
    change: str
    fields: tuple[tuple[str, str], ...]
    job: Job

    def resolved(self, workers: int) -> ResolvedJob:
        return self.job.resolved(workers)

    def ends(self, workers: int, most: int) -> tuple[int, int]:
        """The fewest and the most workers of its curve, which so many are on."""
        return ends(self.resolved(max(2, workers)).scenarios[0], most)

    def rough(self, goal: Goal, workers: int) -> float:
        """How near it comes, roughly; 0 where so many cannot train so, or memory not hold it."""
        try:
            job = self.resolved(workers)
            return roughly(goal, job) if job.overfull is None else 0.0
        except InputError:
            return 0.0

    def way(self, goal: Goal, workers: int) -> WayOut:
        """What so many workers then do, in full."""
        reached = fully(goal, self.resolved(workers))
        row = reached.row
        return WayOut(
            self.what,
            self.change,
            workers,
            row.speedup,
            row.speedup_interval,
            reached.value,
            self.fields,
        )


def alternatives(job: Job) -> Iterator[Alternative]:
    """Other strategies, then single changes of this one's training."""
    request = job.request
    for strategy in STRATEGIES:
        if strategy != request.strategy:
            yield with_strategy(job, strategy)
    for text, strategies, fields in WHAT_IFS:
        plain = all(getattr(request.what_if, f) == _default(f) for f in fields)
        if request.strategy in strategies and plain:
            yield _changed(
                job, "what_if", text, (("what_if", text),), what_if=_with(request, text, fields)
            )
    if request.strategy != "allreduce":
        for ps in PS:
            if ps > request.ps:
                yield _changed(job, "ps", f"{ps} ps", (("ps", str(ps)),), ps=ps)


def wires(job: Job) -> Iterator[Alternative]:
    """The job over faster wires."""
    for link in LINKS:
        # What was set of the link, say, may not be there with another.
        with suppress(InputError):
            yield over(job, link)


def with_strategy(job: Job, strategy: Strategy) -> Alternative:
    """The job by another strategy, with the runtime that is usual there."""
    return _changed(
        job, "strategy", strategy, (("strategy", strategy),), strategy=strategy, runtime=None
    )


def with_batch(alternative: Alternative, batch: int) -> Alternative:
    """The same with another batch, which comes first."""
    fields = (("batch", str(batch)), *alternative.fields)
    return _changed(alternative.job, "batch", f"batch {batch}", fields, batch=batch)


def unchanged(job: Job, what: WayKind = "batch") -> Alternative:
    """The job as it is, for a kind of change that is yet to come."""
    return Alternative(what, "", (), job)


def with_more(job: Job, most: int) -> Alternative:
    """The job with more workers; of those that are added, up to so many in all."""
    add, request = job.request.add, job.request
    if add is None:
        return unchanged(job, "workers")
    more = replace(add, workers=max(add.workers, most - int(request.baseline)))
    return _changed(job, "workers", "", (), add=more)


def over(job: Job, link: str) -> Alternative:
    """The job over a nominal wire, all else as it is."""
    request = replace(job.request, link=link)
    hardware = replace(hardware_of(request), workload=job.hardware.workload)
    return Alternative("link", link, (("link", link),), Job(request, hardware))


def ranked(
    job: Job,
    goal: Goal,
    workers: int,
    progress: Callable[[int, int], None] | None = None,
    known: Callable[[WayOut], None] | None = None,
) -> tuple[WayOut, ...]:
    """The alternatives that come nearest to the goal, the best first; with them the job as it is.

    All are tried roughly; the best of them are predicted in full, and ranked by that.

    Raises:
        InputError: the job itself cannot be trained by so many.
    """
    now = unchanged(job)
    least = _TELLING * roughly(goal, now.resolved(workers))
    tried = [
        (score, of)
        for of in (*alternatives(job), *wires(job))
        if (score := of.rough(goal, workers)) > least
    ]
    tried.sort(key=lambda each: -each[0])
    shown = [now, *(of for _, of in tried[:SHOWN])]
    ways = []
    for done, of in enumerate(shown):
        if progress is not None:
            progress(done, len(shown))
        ways.append(of.way(goal, workers))
        if known is not None:
            known(ways[-1])
    sign = 1.0 if goal.measure == "overhead" else -1.0
    return tuple(sorted(ways, key=lambda way: sign * way.reached))


def _changed(
    job: Job,
    what: WayKind,
    change: str,
    fields: tuple[tuple[str, str], ...],
    **changes: Any,
) -> Alternative:
    return Alternative(what, change, fields, replace(job, request=replace(job.request, **changes)))


def _with(request: JobRequest, text: str, fields: dict[str, Any]) -> WhatIf:
    said = (*request.what_if.said, text)
    return replace(request.what_if, said=said, **fields)


def _default(field: str) -> object:
    return getattr(WhatIf(), field)
