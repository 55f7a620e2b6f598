"""Explain: a step without each cause, and which quantities move it."""

from __future__ import annotations

import math

import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import central
from nworkers.models.costs.cost_change import CostChange
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import CAUSES
from nworkers.models.records.setting import Setting
from nworkers.models.records.what_if import Failures, WhatIf
from nworkers.simulator.decide.explain import LEAST_SHARE, explain
from nworkers.simulator.engine.engines import DEFAULT, events
from nworkers.simulator.study.ask import predict
from nworkers.simulator.study.ensemble import simulate
from nworkers.simulator.study.resolve import resolve
from nworkers.simulator.study.settings import settables, with_settings


def _free(cause: str) -> CostChange:
    return CostChange(frozenset([cause]))  # type: ignore[list-item]


JOBS = {
    "one alone": (JobRequest(), 1),
    "a full wire": (JobRequest(workload="resnet-50", batch=64, scaling="weak"), 8),
    "in step": (JobRequest(strategy="ps-sync", scaling="weak"), 4),
    "all-reduce": (JobRequest(strategy="allreduce", scaling="weak", workload="resnet-50"), 4),
    "full cores": (JobRequest("loopback-2core"), 4),
    "bounded": (JobRequest(what_if=WhatIf(staleness=1)), 4),
    "backup": (JobRequest(strategy="ps-sync", what_if=WhatIf(backup_workers=1)), 4),
    "coordinator": (JobRequest("loopback-2core", strategy="ps-async", runtime="coordinator"), 3),
    "hybrid": (JobRequest("loopback-2core", link="emulated-1gbit", workers_per_host=2,
                          what_if=WhatIf(hybrid=True)), 4),
    "overlap": (JobRequest(workload="resnet-50", batch=64, what_if=WhatIf(overlap=True)), 4),
    "input": (JobRequest(what_if=WhatIf(input_samples_per_s=2000.0)), 4),
}  # fmt: skip


@pytest.mark.parametrize("name", JOBS)
def test_a_free_cause_takes_no_time_and_no_step_longer(name: str) -> None:
    request, workers = JOBS[name]
    job = resolve(request, [workers])
    (scenario,) = job.scenarios
    as_it_is = simulate(job.profile, scenario, 1, 50)
    for cause, spent_s in as_it_is.breakdown.items():
        if spent_s == 0.0:
            continue
        free = simulate(job.profile, scenario, 1, 50, change=_free(cause))
        assert free.breakdown[cause] <= 1e-6 * spent_s, cause
        chance = 4.0 * (free.monte_carlo_error + as_it_is.monte_carlo_error)
        assert math.log(central(free.step_time_s) / central(as_it_is.step_time_s)) <= chance, cause
        assert free.single_step_s == pytest.approx(as_it_is.single_step_s)


def test_what_takes_turns_with_nothing_is_gained_in_full() -> None:
    """One worker: no other bottleneck takes over."""
    found = explain(JobRequest(), 1)
    step_s = found.row.step_time_s
    assert len(found.freed) >= 5
    for freed in found.freed:
        assert freed.step_time_s == pytest.approx(step_s - freed.spent_s, rel=0.01)
        assert freed.ratio == pytest.approx(step_s / freed.step_time_s)
        assert freed.ratio_interval[0] <= freed.ratio <= freed.ratio_interval[1]


def test_another_bottleneck_takes_over() -> None:
    """Computing is 44 % of a step whose wire is full: without it, workers wait for the wire."""
    request, workers = JOBS["a full wire"]
    found = explain(request, workers)
    (computing,) = (freed for freed in found.freed if freed.cause == "compute")
    share = computing.spent_s / found.row.step_time_s
    assert share > 0.35
    assert computing.ratio < 1.1 < 1.0 / (1.0 - share)
    assert computing.then == "link_contention"


def test_on_full_cores_a_cause_buys_what_its_processor_seconds_are() -> None:
    """More than it takes of the step: with dispatch, others wait for its cores."""
    found = explain(JobRequest("loopback-2core"), 4)
    (dispatch,) = (freed for freed in found.freed if freed.cause == "dispatch")
    by_subtraction = 1.0 / (1.0 - dispatch.spent_s / found.row.step_time_s)
    assert dispatch.ratio > 1.2 * by_subtraction


def test_what_buys_most_comes_first_and_the_row_is_that_of_predict() -> None:
    request, workers = JOBS["in step"]
    found = explain(request, workers)
    assert found.row == predict(request, workers)
    ratios = [freed.ratio for freed in found.freed]
    assert ratios == sorted(ratios, reverse=True)
    said = {freed.cause for freed in found.freed}
    spent = found.row.breakdown
    assert said == {c for c in CAUSES if spent[c] > LEAST_SHARE * found.row.step_time_s}


def test_without_waiting_for_the_slowest_a_worker_goes_on() -> None:
    """All-reduce in which nobody waits: what one worker takes alone, but for the all-reduce."""
    request, workers = JOBS["all-reduce"]
    found = explain(request, workers)
    (waits,) = (freed for freed in found.freed if freed.cause == "barrier_wait")
    alone = sum(s for c, s in found.row.breakdown.items() if c != "barrier_wait")
    assert waits.step_time_s == pytest.approx(alone, rel=0.03)


def test_the_baseline_keeps_what_the_workers_are_freed_of() -> None:
    found = explain(JobRequest(baseline="2"), 4)
    for freed in found.freed:
        assert freed.speedup == pytest.approx(found.row.speedup * freed.ratio)


def test_tasks_that_never_fail() -> None:
    failing = JobRequest(what_if=WhatIf(worker_failures=Failures(20.0, 180.0)))
    found = explain(failing, 4)
    (outage,) = (freed for freed in found.freed if freed.cause == "outage")
    assert outage.step_time_s == pytest.approx(predict(JobRequest(), 4).step_time_s)


@pytest.mark.parametrize("name", ["full cores", "in step", "one alone"])
def test_no_quantity_that_moves_more_is_left_out(name: str) -> None:
    """Every quantity there is, moved and simulated."""
    request, workers = JOBS[name]
    job = resolve(request, [workers])
    (scenario,) = job.scenarios

    def step_s(path: str, factor: float) -> float:
        try:
            profile, _ = with_settings(job.profile, [Setting(path, factor=factor)])
        except InputError:
            profile, factor = job.profile, 1.0
        ways.append(abs(math.log(factor)))
        return central(simulate(profile, scenario, 1, 24).step_time_s)

    found = {of.path: of for of in explain(request, workers).elasticities}
    least = min(abs(of.percent) for of in found.values())
    full = len(found) == 10
    for settable in settables(job.profile):
        if not settable.value:
            continue
        ways: list[float] = []
        moves = math.log(step_s(settable.path, 1.2) / step_s(settable.path, 1 / 1.2)) / sum(ways)
        if settable.path in found:
            assert found[settable.path].percent == pytest.approx(moves, abs=1e-9)
        else:
            # What is left out is smaller than all of ten, or no more than chance.
            assert abs(moves) <= (least + 0.02 if full else 0.1), settable.path


def test_times_add_up_to_one_percent_for_one_percent() -> None:
    """One worker alone: all times 1 % longer, and all rates 1 % lower, are a step 1 % longer."""
    found = explain(JobRequest(workload="gemm:128,256"), 1).elasticities
    total = sum(of.percent if of.unit.startswith("s") else -of.percent for of in found)
    assert total == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("cause", ["link_contention", "host_contention", "barrier_wait"])
def test_engines_agree_on_who_need_not_wait(cause: str) -> None:
    job = resolve(JobRequest("loopback-2core", strategy="ps-sync"), [3])
    (scenario,) = job.scenarios
    one, other = (
        simulate(job.profile, scenario, 1, 4, engine=engine, change=_free(cause))
        for engine in (DEFAULT, events)
    )
    assert one.short_step_s == pytest.approx(other.short_step_s)


def test_what_varies_a_step_moves_those_who_wait_for_each_other() -> None:
    """It is in no bound of the step: barriers wait for the slowest."""
    request, workers = JOBS["all-reduce"]
    by_path = {of.path: of for of in explain(request, workers).elasticities}
    assert by_path["noise.compute"].percent > 0.05
