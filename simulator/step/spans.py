"""Spans: flat records of what every worker did when, and all that follows from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nworkers.models.records.prediction import Cause
from nworkers.simulator.step.run_spec import RunSpec
from nworkers.simulator.step.topology import ResourceKey, on_host


@dataclass(frozen=True, slots=True)
class Span:
    """One phase of one step of one worker.

    Alone it would have taken ``alone_s``; what it took beyond is ``waited_for``'s, which is None
    where nothing was contended. ``work`` is what it asked of each resource: processor seconds or
    bytes. ``critical`` spans of a step follow each other without a gap from its begin to its end.
    ``ps`` are the parameter servers that it went to.
    """

    worker: int
    step: int
    phase: Cause
    start_s: float
    end_s: float
    size_bytes: float
    alone_s: float
    waited_for: Cause | None
    ps: tuple[int, ...]
    work: tuple[tuple[ResourceKey, float], ...]
    critical: bool

    @property
    def lasted_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Record:
    """What an engine saw one activity of one step do: its place in the worker's plan, and when.

    Alone it would have taken ``alone_s``, which is more than its ``parts_s`` where the worker was
    slow meanwhile. What it took beyond was waiting that counts as ``blame``.
    """

    worker: int
    step: int
    activity: int
    blame: Cause | None
    critical: bool
    started_s: float
    ended_s: float
    alone_s: float
    parts_s: tuple[float, ...]


def spans_of(spec: RunSpec, records: Iterable[Record]) -> tuple[Span, ...]:
    """One span for each phase that took time, of every activity."""
    return tuple(
        span for record in records for span in _spans(spec, record) if span.end_s > span.start_s
    )


def _spans(spec: RunSpec, of: Record) -> Iterator[Span]:
    plan, host = spec.plans[spec.plan_of[of.worker]], spec.hosts[of.worker]
    activity = plan.activities[of.activity]
    if activity.gate is not None or activity.input:
        phase: Cause = "input" if activity.input else "barrier_wait"
        lasted_s = of.ended_s - of.started_s
        yield Span(
            of.worker,
            of.step,
            phase,
            of.started_s,
            of.ended_s,
            0.0,
            lasted_s,
            None,
            (),
            (),
            of.critical,
        )
    slow_s = of.alone_s - sum(of.parts_s)
    start_s = of.started_s
    for place, part in enumerate(activity.parts):
        slower = part.cause == "compute" and slow_s > 0.0
        alone_s = of.parts_s[place] + (slow_s if slower else 0.0)
        end_s = of.ended_s if place == len(activity.parts) - 1 else start_s + alone_s
        yield Span(
            of.worker,
            of.step,
            part.cause,
            start_s,
            end_s,
            part.size_bytes,
            alone_s,
            of.blame,
            activity.ps,
            tuple((on_host(key, plan.host, host), amount) for key, amount in part.work),
            of.critical,
        )
        start_s = end_s


def breakdown(spans: Iterable[Span]) -> dict[Cause, float]:
    """Seconds of all critical paths by cause: each span's own time, and what it waited for."""
    seconds: dict[Cause, float] = defaultdict(float)
    for span in spans:
        if span.critical:
            waited_s = max(0.0, span.lasted_s - span.alone_s) if span.waited_for else 0.0
            seconds[span.phase] += span.lasted_s - waited_s
            if span.waited_for and waited_s:
                seconds[span.waited_for] += waited_s
    return dict(seconds)
