"""Work is told before it begins, where it is much."""

from __future__ import annotations

import pytest

from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.runtimes import Strategy
from nworkers.models.records.what_if import Slow, WhatIf
from nworkers.simulator.engine.engines import IS_COMPILED
from nworkers.simulator.study.resolve import ResolvedJob, resolve
from nworkers.simulator.study.work import expected_work, work_of


def job(workers: int, strategy: Strategy = "ps-async") -> ResolvedJob:
    return resolve(JobRequest(scaling="weak", strategy=strategy), [workers])


@pytest.mark.parametrize("workers", [8, 1000, *([1_000_000] if IS_COMPILED else [])])
def test_little_work_is_not_mentioned(workers: int) -> None:
    """Of a million asynchronous workers few are simulated."""
    asked = job(workers)
    assert list(expected_work(asked.profile, asked.scenarios, 1.0)) == []


def test_much_work_is_told_with_what_would_fit() -> None:
    asked = job(100_000, "ps-sync")
    (line,) = expected_work(asked.profile, asked.scenarios, 1.0)
    assert line.startswith("an answer for 100000 workers takes about ")
    fits = int(line.partition("; for ")[2].split()[0])
    assert 0 < fits < 100_000
    fewer = job(fits, "ps-sync")
    assert not work_of(fewer.profile, fewer.scenarios[0]).is_much


def test_nothing_is_said_to_fit_that_does_not() -> None:
    slow = JobRequest(
        scaling="weak", strategy="ps-sync", what_if=WhatIf(slow_workers=Slow(90_000, 2.0))
    )
    asked = resolve(slow, [100_000])
    (line,) = expected_work(asked.profile, asked.scenarios, 1.0)
    assert line.endswith("GB here")
