"""Workers that are added on another device: beside sums, and beside every number of them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.costs.compute import GEMM_RATE_LOG_SPREAD
from nworkers.models.costs.cost_change import CostChange, changed
from nworkers.models.costs.step import step_costs
from nworkers.models.files.shipped import shipped_profile
from nworkers.models.records.job_request import Addition, JobRequest
from nworkers.models.records.runtimes import STRATEGIES, Strategy
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.setting import Setting
from nworkers.models.records.what_if import Slow, WhatIf
from nworkers.models.records.workload import StepSeconds
from nworkers.simulator.study.ask import breakeven, predict
from nworkers.simulator.study.ensemble import simulate
from nworkers.simulator.study.resolve import resolve
from nworkers.simulator.study.worker_grid import worker_grid
from tests.support.factories import WORKLOAD, parameter, profile

#: Computing is nearly all of a step.
JOB = JobRequest(workload="gemm:2048,2048", batch=8192, scaling="weak", baseline="2")
#: Transfers are.
WIRED = replace(JOB, workload="resnet-50", batch=64)


def with_(device: float | str, workers: int = 2, of: JobRequest = JOB) -> JobRequest:
    return replace(of, add=Addition(workers, device))


@pytest.mark.parametrize("device", [1.0, "emulated-1gbit"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_more_of_the_same_device_are_more_workers(device: float | str, strategy: Strategy) -> None:
    plain = replace(WIRED, strategy=strategy)
    alone, same = predict(plain, 4), predict(with_(device, of=plain), 4)
    assert same.step_time_s == pytest.approx(alone.step_time_s, rel=0.01)
    assert same.speedup_interval == pytest.approx(alone.speedup_interval, rel=0.02)


def test_asynchronous_throughputs_add_up_and_the_slower_kind_paces_a_round() -> None:
    """Of computing alone, four times as fast: 2 + 2 · 4 instead of 2, or 4 instead of 2."""
    asked = with_(4.0, of=replace(JOB, batch=64, step_time=(StepSeconds(64, 60.0),)))
    assert predict(asked, 4).speedup == pytest.approx(5.0, rel=0.05)
    assert predict(replace(asked, strategy="ps-sync"), 4).speedup == pytest.approx(2.0, rel=0.05)
    slower = replace(asked, strategy="ps-sync", add=Addition(2, 0.25))
    assert predict(slower, 4).speedup == pytest.approx(0.5, rel=0.05)


def test_the_owned_are_the_baseline_and_the_curve_is_over_those_that_are_added() -> None:
    asked = with_(10.0, 5, replace(WIRED, strategy="ps-sync"))
    curve = breakeven(asked)
    assert [row.scenario.workers for row in curve.rows] == [3, 4, 5, 6, 7]
    assert [row.scenario.added_workers for row in curve.rows] == [1, 2, 3, 4, 5]
    every = predict(asked, range(3, 8))
    assert curve.rows == every
    wins = [row.scenario.workers for row in every if row.speedup > 1.0]
    assert curve.breakeven_workers == min(wins, default=None)
    owned = predict(replace(asked, add=None), 2)
    assert curve.rows[0].baseline_samples_per_s == pytest.approx(owned.throughput_samples_per_s)


def test_another_s_device_computes_as_fast_as_there() -> None:
    """Beside hosts of one's own, on one's own link: as with the device of the other for all."""
    theirs = replace(JOB, batch=2**14, device_of="h100")
    alone = predict(replace(theirs, baseline="device"), 2).throughput_samples_per_s
    own = predict(replace(JOB, batch=2**14, baseline="device"), 2).throughput_samples_per_s
    both = predict(with_("h100", of=replace(JOB, batch=2**14)), 4)
    assert own < alone
    assert own < both.throughput_samples_per_s < 1.02 * (own + alone)
    assert any(note.startswith("added workers: ") for note in both.extrapolated)


def test_what_is_set_of_a_device_is_of_those_that_are_owned() -> None:
    slower = Setting("device.gemm_flops_per_s", factor=0.5)
    asked = replace(with_("emulated-1gbit"), settings=(slower,))
    (scenario,) = resolve(asked, [4]).scenarios
    assert scenario.added is not None
    assert scenario.added.profile is not None
    of = scenario.added.profile.device.products
    assert of == shipped_profile("emulated-1gbit").device.products


@pytest.mark.parametrize(
    ("request_", "workers", "field", "words"),
    [
        (with_("h10"), 4, "add", "did you mean h100"),
        (with_(0.0), 4, "add", "times as fast"),
        (with_(2.0, 0), 4, "add", "1 to"),
        (replace(with_(2.0), baseline="device"), 4, "add", "with baseline W"),
        (replace(with_(2.0), baseline="host"), 4, "add", "with baseline W"),
        (with_(2.0), 5, "workers", "2 to 4 with add"),
        (with_(2.0), 1, "workers", "2 to 4 with add"),
        (replace(with_(2.0), workers_per_host=4), 4, "add", "hosts of their own"),
        (
            replace(with_(2.0), what_if=WhatIf(slow_workers=Slow(1, 2.0))),
            4,
            "what_if",
            "either kind alike",
        ),
    ],
)
def test_what_cannot_be_added_is_refused(
    request_: JobRequest, workers: int, field: str, words: str
) -> None:
    with pytest.raises(InputError) as refused:
        predict(request_, workers)
    assert refused.value.field == field
    assert words in str(refused.value)


def test_a_stated_step_needs_a_factor() -> None:
    stated = replace(JOB, step_time=(StepSeconds(64, 1.2),), batch=64)
    with pytest.raises(InputError, match="a factor such as 2x"):
        predict(with_("h100", of=stated), 4)
    assert predict(with_(2.0, of=stated), 4).speedup > predict(with_(1.0, of=stated), 4).speedup


def test_what_is_guessed_of_one_device_widens_that_alone() -> None:
    """A slow device whose step was not measured paces the round; the owned ones' was."""
    measured = profile(link__kind="network")
    slow = replace(measured.device.products.segments[0], gemm_flops_per_s=parameter(1e6, "flop/s"))
    products = replace(measured.device.products, segments=(slow,))
    device = replace(measured.device, products=products, workloads=())
    guessed = replace(measured, name="guessed", device=device)
    asked = JobRequest(measured, workload=WORKLOAD, scaling="weak", baseline="1")
    asked = replace(asked, strategy="ps-sync", add=Addition(1, guessed))
    (scenario,) = resolve(asked, [2]).scenarios

    def spread(of: Scenario) -> float:
        return float(np.std(np.log(simulate(measured, of, 1, 100).step_time_s)))

    owned = spread(replace(scenario, workers=1))
    assert spread(scenario) > 0.9 * math.hypot(owned, GEMM_RATE_LOG_SPREAD)
    assert owned < 0.5 * GEMM_RATE_LOG_SPREAD


def test_what_is_free_is_free_on_either_device() -> None:
    (scenario,) = resolve(with_(4.0), [4]).scenarios
    costs = step_costs(shipped_profile("emulated-1gbit"), scenario)
    assert costs.added is not None
    assert costs.added.compute.wall_s == pytest.approx(costs.compute.wall_s / 4.0)
    free = changed(costs, CostChange(frozenset({"compute"})))
    assert free.added is not None
    assert free.added.compute.wall_s < 1e-9


def test_a_curve_s_grid_counts_those_that_are_added() -> None:
    assert worker_grid(65, 76, 64) == [64 + more for more in (1, 2, 3, 4, 5, 6, 7, 8, 10, 12)]
