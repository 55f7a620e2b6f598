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
from nworkers.simulator.step.spans import Span, breakdown, uses
from nworkers.simulator.step.variates import DrawnVariates
from nworkers.simulator.study.replications import starting_phases
from nworkers.simulator.trace.chrome import trace
from nworkers.simulator.trace.observe import observe
from tests.support.costs import costs
from tests.support.factories import profile
from tests.support.runs import job as job_of
from tests.support.runs import specified

JOBS: dict[str, dict[str, Any]] = {
    "async": {},
    "sync": {"strategy": "ps-sync"},
    "two ps": {"ps": 2},
    "overlap": {"said": ["overlap"]},
    "allreduce": {"strategy": "allreduce", "runtime": "mirrored"},
    "hybrid": {"said": ["hybrid"], "workers_per_host": 2},
    "shared": {"workers_per_host": 8, "ps_placement": "shared"},
}


def scenario(said: tuple[str, ...] = (), **job: Any) -> Scenario:
    return Scenario(named_workload("mlp:784,512,10"), 4, batch=64, what_if=what_if(said), **job)


def recorded(engine: Engine, job: dict[str, Any]) -> Run:
    asked = scenario(**job)
    starts = starting_phases(1, 4, 2)[1]
    chance = DrawnVariates(profile().noise, 1, 0, starts=starts.tolist())
    costs = step_costs(profile(), asked)
    return engine(specified(costs, asked, chance, warmup=0, steps=6, record=True))


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
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


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_the_breakdown_follows_from_the_spans(engine: Engine, job: dict[str, Any]) -> None:
    done = recorded(engine, job)
    found = breakdown(span for span in done.spans if span.step < 6)
    for cause, seconds in done.breakdown.items():
        assert found.get(cause, 0.0) / (4 * 6) == pytest.approx(seconds, rel=1e-6, abs=1e-12)


def test_uses_are_those_of_theory(engine: Engine) -> None:
    """Two workers, each 10 of 14 ms computing: 4 ms of a link each way, in opposite phase or not.

    Utilisation = throughput · service demand, and Little's law for the number at the link.
    """
    step = costs(compute_s=10e-3, transfer_s=2e-3, size_bytes=2e5, shared=1e8)
    spec = specified(step, job_of(2), warmup=0, steps=10, record=True)
    run = engine(spec)
    capacities = {key: spec.topology.capacity(key) for s in run.spans for key, _ in s.work}
    end_s = 10 * run.step_time_s
    found = uses(run.spans, capacities, 0.0, end_s)
    # In phase, a transfer takes 4 ms: a step takes 18 ms, and both are at the link for 4 of them.
    assert run.step_time_s == pytest.approx(18e-3)
    assert found["out", 2].utilisation == pytest.approx(2 * 2e-3 / 18e-3)
    assert found["out", 2].queue_length == pytest.approx(2 * 4e-3 / 18e-3)
    assert found["in", 0].utilisation == pytest.approx(2e-3 / 18e-3)


def test_a_saturated_link_is_busy_all_the_time(engine: Engine) -> None:
    step = costs(transfer_s=10e-3, push_transfer_s=0.0, size_bytes=1e6, shared=1e8)
    spec = specified(step, job_of(6), steps=8, record=True)
    run = engine(spec)
    capacities = {key: spec.topology.capacity(key) for s in run.spans for key, _ in s.work}
    found = uses(run.spans, capacities, 0.1, 0.3)
    assert found["out", 6].utilisation == pytest.approx(1.0)


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
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
