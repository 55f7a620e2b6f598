"""Kernel run: the runs of a specification by the compiled kernel, which does what events do."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import accumulate

import numpy as np

from nworkers.models.records.prediction import Cause
from nworkers.simulator.engine.base import Run
from nworkers.simulator.engine.compiled import kernel
from nworkers.simulator.engine.compiled.columns import Columns, columns_of, of_plans
from nworkers.simulator.engine.memory import check_memory
from nworkers.simulator.engine.seen import EVERY, seen
from nworkers.simulator.step.run_spec import RunSpec
from nworkers.simulator.step.spans import Record

#: A record as the kernel writes it.
_RECORD = np.dtype(
    [
        ("worker", np.int32),
        ("step", np.int32),
        ("activity", np.int32),
        ("blame", np.int32),
        ("critical", np.int32),
        ("started_s", np.float64),
        ("ended_s", np.float64),
        ("alone_s", np.float64),
    ],
    align=True,
)

#: A worker with its event and its jobs, whose lists grow by doubling; one of its activities, with
#: its place in a heap; a link of a network; and a span, which is an object of Python.
_WORKER_BYTES, _ACTIVITY_BYTES, _LINK_BYTES, _SPAN_BYTES = 300, 100, 300, 400


def train(spec: RunSpec) -> Run:
    """Have every worker take its steps, in all runs.

    Raises:
        InputError: a run would not fit into memory.
        InterruptedError: it was cancelled.
    """
    check_memory(spec.workers, _each_bytes(spec))
    columns = columns_of(spec)
    records, parts_s = kernel.run(columns, spec.cancelled)
    which = 0 if spec.runs is None else slice(None)
    ends_s = columns["ends_s"][which]
    if spec.by_round:
        ends_s = np.broadcast_to(columns["rounds_s"][which][..., np.newaxis, :], ends_s.shape)
    steps = np.maximum(1, columns["lasted_steps"][which])
    lasted_s = of_plans(spec, columns["lasted_s"][which])
    return seen(
        spec,
        ends_s,
        columns["spent_s"][which],
        [sum_s / steps[..., plan, np.newaxis] for plan, sum_s in enumerate(lasted_s)],
        _records(spec, columns, records or b"", parts_s or b""),
    )


def _each_bytes(spec: RunSpec) -> int:
    """What a worker takes of memory, as the kernel lays it out; and its spans."""
    activities = max(len(plan.activities) for plan in spec.plans)
    columns = len(spec.operations) + len(spec.transfers)
    steps = spec.warmup + spec.steps
    parts = max(sum(len(a.parts) for a in plan.activities) for plan in spec.plans)
    links = sum(len(of.keys) for of in spec.resources if len(of.keys) > 1) / spec.workers
    spans = steps * (activities + parts) if spec.record else 0
    return (
        _WORKER_BYTES
        + activities * _ACTIVITY_BYTES
        + math.ceil(links * _LINK_BYTES)
        + 8 * (columns + steps + len(EVERY))
        + spans * _SPAN_BYTES
    )


def _records(spec: RunSpec, columns: Columns, records: bytes, parts_s: bytes) -> Iterator[Record]:
    """What activities did, each with the times alone of as many parts as it has."""
    blames: list[Cause | None] = [*EVERY, None]
    told = np.frombuffer(records, dtype=_RECORD)
    plans = columns["plan_of"][told["worker"]]
    activities = columns["plan_first"][plans] + told["activity"]
    ends = accumulate(np.diff(columns["part_first"])[activities].tolist())
    times_s = np.frombuffer(parts_s).tolist()
    start = 0
    for of, end in zip(told.tolist(), ends, strict=True):
        worker, step, activity, blame, critical, started_s, ended_s, alone_s = of
        yield Record(
            worker,
            step,
            activity,
            blames[blame],
            bool(critical),
            started_s,
            ended_s,
            alone_s,
            tuple(times_s[start:end]),
        )
        start = end
