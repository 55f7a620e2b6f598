"""Chrome trace-event JSON of a run, which Perfetto and chrome://tracing open.

The format: "Trace Event Format" (Google, 2016). Times are in microseconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from nworkers.models.records.scenario import Scenario
from nworkers.simulator.step.labels import label
from nworkers.simulator.step.spans import Span
from nworkers.simulator.trace.observe import Observation

_WORKERS, _PS, _LINKS = 1, 2, 3
_GROUPS = {_WORKERS: "workers", _PS: "parameter servers", _LINKS: "links and cores"}
_US = 1e6
Event = dict[str, Any]


def trace(observed: Observation) -> dict[str, Any]:
    """A document with a row for every worker, ps, link and host's cores.

    A worker's row has its phases; where some overlap, those that do are in rows below. The rows of
    ps and links show how many requests or transfers are under way.
    """
    events: list[Event] = []
    for group, name in _GROUPS.items():
        events.append(_meta("process_name", group, 0, name))
        events.append(
            {
                "ph": "M",
                "name": "process_sort_index",
                "pid": group,
                "tid": 0,
                "args": {"sort_index": group},
            }
        )
    row = 0
    by_worker: dict[int, list[Span]] = defaultdict(list)
    for span in observed.spans:
        by_worker[span.worker].append(span)
    for worker in sorted(by_worker):
        for place, lane in enumerate(_lanes(by_worker[worker])):
            row += 1
            name = f"worker {worker}" + (f" ({place + 1})" if place else "")
            events.append(_meta("thread_name", _WORKERS, row, name))
            events += [_slice(span, row) for span in lane]
    events += _shared(observed)
    return {
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": _about(observed.scenario),
    }


def _about(scenario: Scenario) -> dict[str, object]:
    return {
        "workload": scenario.workload.name,
        "workers": scenario.workers,
        "strategy": scenario.strategy,
        "simulated_by": "scale",
    }


def _meta(kind: str, pid: int, tid: int, name: str) -> Event:
    return {"ph": "M", "name": kind, "pid": pid, "tid": tid, "args": {"name": name}}


def _lanes(spans: Iterable[Span]) -> list[list[Span]]:
    """Spans in as few rows as hold them without overlap, the critical ones first."""
    lanes: list[list[Span]] = []
    for span in sorted(spans, key=lambda s: (s.start_s, not s.critical)):
        free = [lane for lane in lanes if lane[-1].end_s <= span.start_s + 1e-12]
        if free:
            free[0].append(span)
        else:
            lanes.append([span])
    return lanes


def _slice(span: Span, row: int) -> Event:
    waited_s = max(0.0, span.lasted_s - span.alone_s) if span.waited_for else 0.0
    return {
        "ph": "X",
        "name": span.phase,
        "cat": "critical" if span.critical else "hidden",
        "pid": _WORKERS,
        "tid": row,
        "ts": span.start_s * _US,
        "dur": span.lasted_s * _US,
        "args": {
            "step": span.step,
            "bytes": span.size_bytes,
            "alone_us": span.alone_s * _US,
            "waited_us": waited_s * _US,
            "waited_for": span.waited_for,
            "ps": list(span.ps),
        },
    }


def _shared(observed: Observation) -> Iterator[Event]:
    """Rows of ps, and of links and cores."""
    at_ps: dict[int, list[Span]] = defaultdict(list)
    at: dict[str, list[Span]] = defaultdict(list)
    for span in observed.spans:
        for ps in span.ps:
            at_ps[ps].append(span)
        for key, _ in span.work:
            at[label(key, observed.scenario)].append(span)
    for ps in sorted(at_ps):
        yield from _row(_PS, ps + 1, f"ps {ps}", "request", at_ps[ps])
    for place, name in enumerate(sorted(at)):
        what = "job" if name.endswith("cores") else "transfer"
        yield from _row(_LINKS, place + 1, name, what, at[name])


def _row(pid: int, tid: int, name: str, what: str, spans: list[Span]) -> Iterator[Event]:
    """How many spans are under way at a time, as slices that do not overlap."""
    yield _meta("thread_name", pid, tid, name)
    changes: dict[float, int] = defaultdict(int)
    for span in spans:
        changes[span.start_s] += 1
        changes[span.end_s] -= 1
    times = sorted(changes)
    present = 0
    for begin_s, end_s in pairwise(times):
        present += changes[begin_s]
        if present:
            yield {
                "ph": "X",
                "name": f"{present} {what}{'' if present == 1 else 's'}",
                "pid": pid,
                "tid": tid,
                "ts": begin_s * _US,
                "dur": (end_s - begin_s) * _US,
                "args": {"present": present},
            }
