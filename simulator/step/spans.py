"""Spans: flat records of what every worker did when, and all that follows from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from nworkers.models.records.prediction import Cause
from nworkers.simulator.step.topology import ResourceKey


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
