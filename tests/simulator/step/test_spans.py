"""Spans: what follows from them agrees with the run, and the trace is what Perfetto reads."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest

from nworkers.cli.asked.what_if_options import what_if
from nworkers.models.costs.step import step_costs
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import named_workload
from nworkers.simulator.engine.base import Engine, Run
from nworkers.simulator.step.spans import Span, breakdown
from nworkers.simulator.step.variates import DrawnVariates
from nworkers.simulator.study.replications import starting_phases
from nworkers.simulator.trace.chrome import trace
from nworkers.simulator.trace.observe import observe
from tests.support.factories import profile
from tests.support.runs import MODES, specified


def scenario(said: tuple[str, ...] = (), **job: Any) -> Scenario:
    return Scenario(named_workload("mlp:784,512,10"), 4, batch=64, what_if=what_if(said), **job)


def recorded(engine: Engine, job: dict[str, Any]) -> Run:
    asked = scenario(**job)
    starts = starting_phases(1, 4, range(2))[1]
    chance = DrawnVariates(profile().noise, 1, 0, starts=starts.tolist())
    return engine(
        specified(step_costs(profile(), asked), asked, chance, warmup=0, steps=6, record=True)
    )


@pytest.mark.parametrize("job", MODES.values(), ids=MODES)
def test_critical_spans_fill_every_step(engine: Engine, job: dict[str, Any]) -> None:
    done = recorded(engine, job)
    steps: dict[tuple[int, int], list[Span]] = defaultdict(list)
    for span in done.spans:
        if span.critical:
            steps[span.worker, span.step].append(span)
    for (worker, step), spans in steps.items():
        if step >= 6:
            continue
        spans.sort(key=lambda s: s.start_s)
        for before, after in pairwise(spans):
            assert after.start_s == pytest.approx(before.end_s, abs=1e-12)
        lasted_s = spans[-1].end_s - spans[0].start_s
        assert lasted_s == pytest.approx(done.steps_s[worker, step], rel=1e-9)


@pytest.mark.parametrize("job", MODES.values(), ids=MODES)
def test_the_breakdown_follows_from_the_spans(engine: Engine, job: dict[str, Any]) -> None:
    done = recorded(engine, job)
    found = breakdown(span for span in done.spans if span.step < 6)
    for cause, seconds in done.breakdown.items():
        assert found.get(cause, 0.0) / (4 * 6) == pytest.approx(seconds, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("job", MODES.values(), ids=MODES)
def test_the_trace_is_one_that_perfetto_reads(job: dict[str, Any]) -> None:
    document = json.loads(json.dumps(trace(observe(profile(), scenario(**job)))))
    slices: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    names: dict[tuple[int, int], str] = {}
    for event in document["traceEvents"]:
        if event["ph"] == "M":
            names[event["pid"], event["tid"]] = event["args"].get("name", "")
        else:
            assert event["ph"] == "X"
            assert event["dur"] > 0
            slices[event["pid"], event["tid"]].append(event)
    assert {f"worker {k}" for k in range(4)} <= set(names.values())
    if job.get("strategy") != "allreduce":
        assert "ps 0" in names.values()
    for row in slices.values():
        row.sort(key=lambda e: e["ts"])
        for before, after in pairwise(row):
            # Nested or overlapping slices of one row would be drawn over each other.
            assert after["ts"] >= before["ts"] + before["dur"] - 1e-3
