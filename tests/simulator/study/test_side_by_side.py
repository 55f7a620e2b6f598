"""Runs beside each other: the same as one after the other, and none goes on alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from nworkers.simulator.engine.engines import DEFAULT, IS_COMPILED
from nworkers.simulator.step.run_spec import RunSpec
from nworkers.simulator.study.side_by_side import run_all
from tests.support.costs import costs
from tests.support.runs import job, specified

needs_kernel = pytest.mark.skipif(not IS_COMPILED, reason="NOT TESTED: no kernel was compiled")


def spec(number: int, workers: int = 700, steps: int = 3) -> RunSpec:
    step = costs(compute_s=1.0 + number, transfer_s=0.1, size_bytes=1e6, shared=1e7)
    return specified(step, job(workers), warmup=0, steps=steps)


def test_runs_come_in_the_order_that_was_asked_for() -> None:
    for asked, run in run_all(DEFAULT, map(spec, range(8))):
        assert np.array_equal(run.steps_s, DEFAULT(asked).steps_s)


@needs_kernel
def test_an_interrupt_ends_what_is_under_way() -> None:
    made: list[RunSpec] = []

    def specs() -> Iterator[RunSpec]:
        # Without an end to speak of.
        made.append(spec(0, steps=100_000))
        yield made[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run_all(DEFAULT, specs()))
    assert made[0].cancelled == b"\1"
