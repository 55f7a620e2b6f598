"""Traced steps say which part of a step takes how long, by TensorFlow's own trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from nworkers.calibrate.campaigns.validation import trace_once
from nworkers.calibrate.training.trainer import TrainingJob
from nworkers.models.records.measurement import StepParts, TracedStep
from nworkers.models.records.workload import Cost, Variable, Workload

WAIT_S = 0.1
WAITING = Workload("waiting", (Variable("w", (512, 512)),), cost=Cost(WAIT_S, 0.0))


@pytest.mark.tensorflow
@pytest.mark.timed
@pytest.mark.parametrize("strategy", ["ps-async", "ps-sync"])
def test_a_wait_is_the_part_that_computes(strategy: str, tmp_path: Path) -> None:
    job = TrainingJob(WAITING, strategy, "session", 1, workers=2, ps=1)  # type: ignore[arg-type]
    steps = trace_once(job, 1.0, tmp_path)
    assert len(steps) >= 5
    parts = StepParts.traced(steps)
    assert parts.compute_s == pytest.approx(WAIT_S, rel=0.3)
    assert 0.0 < parts.fetch_s < WAIT_S
    assert 0.0 < parts.push_s < WAIT_S


def test_parts_are_what_lies_between() -> None:
    times = ((1.0, 3.0, 7.0), (2.0, 4.0, 9.0), (1.0, 4.0, 8.0))
    steps = tuple(TracedStep(1, *of) for of in times)
    assert StepParts.traced(steps) == StepParts(1.0, 2.0, 4.0)
