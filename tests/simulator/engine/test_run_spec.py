"""A run's specification is all of it: run again it gives the same, and longer the same at first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nworkers.models.costs.step import step_costs
from nworkers.simulator.engine.base import Engine
from nworkers.simulator.step.run_spec import RunSpec
from nworkers.simulator.step.variates import DrawnVariates
from nworkers.simulator.study.replications import starting_phases
from nworkers.simulator.study.setup import faults
from tests.support.factories import profile
from tests.support.runs import job, specified

BINS = tuple(0.7 + k / 50 for k in range(32))
NOISE = profile(noise__within={"compute": BINS, "fetch": BINS}).noise
JOBS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "async": ([], {}),
    "fifo": ([], {"discipline": "fifo"}),
    "sync": ([], {"strategy": "ps-sync"}),
    "two ps": ([], {"ps": 2}),
    "stragglers": (["stragglers=36000,3,50ms"], {}),
    "failures": (["worker-failures=36000,20ms"], {}),
}


def spec(said: list[str], of: dict[str, Any], steps: int) -> RunSpec:
    asked = job(4, *said, batch=64, **of)
    starts = starting_phases(1, 4, range(8))[3]
    return specified(
        step_costs(profile(), asked),
        asked,
        DrawnVariates(NOISE, 1, 3, starts=starts.tolist()),
        steps=steps,
        faults=faults(asked.what_if, asked, 1, 3),
        record=True,
    )


@pytest.mark.parametrize(("said", "of"), JOBS.values(), ids=JOBS)
def test_a_specification_holds_nothing_that_lives(
    engine: Engine, said: list[str], of: dict[str, Any]
) -> None:
    asked = spec(said, of, 8)
    first, again = engine(asked), engine(asked)
    assert np.array_equal(first.steps_s, again.steps_s)
    assert first.breakdown == again.breakdown
    assert first.spans == again.spans


@pytest.mark.parametrize(("said", "of"), JOBS.values(), ids=JOBS)
def test_a_longer_run_begins_as_a_shorter_one(
    engine: Engine, said: list[str], of: dict[str, Any]
) -> None:
    """Whatever is drawn at once, the random numbers of a step are its own."""
    short, long = engine(spec(said, of, 5)), engine(spec(said, of, 60))
    assert np.array_equal(short.warmup_s, long.warmup_s)
    assert np.array_equal(short.steps_s, long.steps_s[:, :5])
