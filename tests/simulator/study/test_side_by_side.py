"""Runs beside each other: the same as one after the other, and none goes on alone."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from nworkers.simulator.engine.base import Run
from nworkers.simulator.engine.engines import DEFAULT, IS_COMPILED
from nworkers.simulator.step.run_spec import RunSpec
from nworkers.simulator.step.variates import DrawnVariates
from nworkers.simulator.study import side_by_side
from nworkers.simulator.study.side_by_side import cores, on_one_core, run_all
from tests.support.costs import costs
from tests.support.factories import profile
from tests.support.runs import job, specified

needs_kernel = pytest.mark.skipif(not IS_COMPILED, reason="NOT TESTED: no kernel was compiled")


def spec(runs: int, workers: int = 700, steps: int = 3) -> RunSpec:
    """Runs of which each computes longer than the one before."""
    numbers: Any = np.arange(runs)
    step = costs(compute_s=1.0 + numbers, transfer_s=0.1, size_bytes=1e6, shared=1e7)
    variates = DrawnVariates(profile().noise, 1, numbers)
    return specified(step, job(workers), variates, warmup=0, steps=steps)


def test_runs_come_in_the_order_that_was_asked_for() -> None:
    asked = spec(40)
    found = [run for _, run in run_all(DEFAULT, asked)]
    assert len(found) > 1
    steps_s = np.concatenate([run.steps_s for run in found])
    for k in range(40):
        assert np.array_equal(steps_s[k], DEFAULT(asked.of_runs(k)).steps_s)


@needs_kernel
def test_on_one_core_the_asker_makes_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep's processes fill the cores already."""
    monkeypatch.setattr(side_by_side, "lets_others_run", lambda _: True)
    threads: set[int] = set()

    def seen(spec: RunSpec) -> Run:
        threads.add(threading.get_ident())
        return DEFAULT(spec)

    with on_one_core():
        assert cores() == 1
        list(run_all(seen, spec(40)))
    assert threads == {threading.get_ident()}


@needs_kernel
def test_each_core_has_as_many_runs_of_a_few_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else most of what 64 workers train is left to one."""
    monkeypatch.setattr(side_by_side, "lets_others_run", lambda _: True)
    monkeypatch.setattr(side_by_side, "cores", lambda: 2)
    made: dict[int, int] = {}

    def seen(spec: RunSpec) -> Run:
        assert isinstance(spec.variates, DrawnVariates)
        numbers: Any = spec.variates.replication
        made[numbers[0]] = len(numbers)
        return DEFAULT(spec)

    asked = spec(14)
    found = [run for _, run in run_all(seen, asked)]
    assert [len(run.steps_s) for run in found] == [9, 5]
    assert made == {0: 4, 4: 5, 9: 2, 11: 3}
    whole = np.concatenate([run.steps_s for run in found])
    assert np.array_equal(whole, np.stack([DEFAULT(asked.of_runs(k)).steps_s for k in range(14)]))


@needs_kernel
def test_an_interrupt_ends_what_is_under_way() -> None:
    asked = spec(6, steps=500)
    found = run_all(DEFAULT, asked)
    next(found)
    with pytest.raises(KeyboardInterrupt):
        found.throw(KeyboardInterrupt)
    assert asked.cancelled == b"\1"
