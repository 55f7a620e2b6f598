"""The fluid limit is within 1 % of all workers, each simulated, where it is said to be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nworkers.models.costs.step import step_costs
from nworkers.models.records.job_request import JobRequest
from nworkers.simulator.engine.engines import DEFAULT, IS_COMPILED
from nworkers.simulator.step.demand import layout
from nworkers.simulator.step.run_spec import RunSpec, run_spec
from nworkers.simulator.step.variates import DrawnVariates
from nworkers.simulator.study.fluid import representatives
from nworkers.simulator.study.predict import predict
from nworkers.simulator.study.resolve import resolve
from nworkers.simulator.study.setup import setup
from nworkers.simulator.study.side_by_side import run_all
from tests.support.profiles import PROFILES

#: Of these, one run of all workers takes a second or two.
FEWEST = 33_000
REQUESTS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(tuple(PROFILES)),
        "workload": st.sampled_from((None, "mlp:784,512,10", "gemm:1024,1024")),
        "batch": st.sampled_from((1, 64, 4096, 1_000_000)),
        "discipline": st.sampled_from(("fair", "fifo")),
        "workers": st.integers(FEWEST, 2 * FEWEST),
    }
)
SOME = (
    ("emulated-1gbit", None, 1, "fair"),
    ("made up", "gemm:1024,1024", 4096, "fair"),
    ("every feature", "mlp:784,512,10", 1_000_000, "fifo"),
)


def spec_of(asked: dict[str, Any], replications: int, *, all_of_them: bool) -> RunSpec:
    of = dict(asked)
    profile, workers, discipline = (
        PROFILES[of.pop("name")](),
        of.pop("workers"),
        of.pop("discipline"),
    )
    link = "emulated-1gbit" if profile.link.kind == "loopback" else None
    request = JobRequest(profile=profile, link=link, scaling="weak", placement="separate", **of)
    job = resolve(request, [workers])
    (scenario,) = job.scenarios
    most = None if all_of_them else representatives(scenario)
    laid = layout(scenario, discipline=discipline, loopback=False, most=most)
    starts = [(k * 0.618034) % 1.0 for k in range(laid.workers)]
    every: Any = np.arange(replications)
    chance = DrawnVariates(setup(job.profile, scenario).noise, 1, every, {}, starts)
    return run_spec(step_costs(job.profile, scenario), laid, chance, warmup=2, steps=4)


compiled = pytest.mark.skipif(
    not IS_COMPILED, reason="NOT TESTED: simpy takes minutes for so many workers"
)


@compiled
@pytest.mark.parametrize("job", SOME, ids=lambda job: job[0])
def test_few_stand_for_all(job: tuple[str, str | None, int, str]) -> None:
    asked = dict(zip(("name", "workload", "batch", "discipline"), job, strict=True))
    check({**asked, "workers": FEWEST}, all_of_them=2, few_of_them=12)


@compiled
@pytest.mark.slow
@given(REQUESTS)
@settings(max_examples=20, deadline=None)
def test_few_stand_for_all_in_any_job(asked: dict[str, Any]) -> None:
    check(asked, all_of_them=4, few_of_them=24)


def check(asked: dict[str, Any], *, all_of_them: int, few_of_them: int) -> None:
    """In the mean of so many replications: one of few has more chance than that."""
    few = spec_of(asked, 1, all_of_them=False)
    assert few.workers < asked["workers"] / 4
    assert few.workers * few.stands_for == pytest.approx(asked["workers"])

    def mean_s(replications: int, *, all_of_them: bool) -> float:
        spec = spec_of(asked, replications, all_of_them=all_of_them)
        each = [np.asarray(run.step_time_s) for _, run in run_all(DEFAULT, spec)]
        return float(np.concatenate(each).mean())

    all_s = mean_s(all_of_them, all_of_them=True)
    assert mean_s(few_of_them, all_of_them=False) == pytest.approx(all_s, rel=0.01)


@pytest.mark.parametrize(
    "changes",
    [
        {"strategy": "ps-sync"},
        {"strategy": "allreduce"},
        {"workers": 1000},
    ],
)
def test_who_waits_for_others_stands_for_nobody(changes: dict[str, Any]) -> None:
    of = {"workers": 100_000} | changes
    workers = of.pop("workers")
    job = resolve(JobRequest(scaling="weak", **of), [workers])
    assert representatives(job.scenarios[0]) is None


def test_a_million_workers_are_answered() -> None:
    """The ps's link is full: each has a millionth of it."""
    job = resolve(JobRequest(scaling="weak"), [1_000_000])
    row = predict(job.profile, job.scenarios[0], replications=4)
    fewer = replace(job.scenarios[0], workers=100_000)
    assert row.step_time_s == pytest.approx(
        10.0 * predict(job.profile, fewer, replications=4).step_time_s, rel=0.01
    )
