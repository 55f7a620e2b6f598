from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.base.leaves import mapped
from nworkers.models.costs import model_discrepancy
from nworkers.models.costs.step import step_costs
from nworkers.models.records.prediction import CAUSES
from nworkers.models.records.profile import PARAMETERS, Noise, Parameter, Profile, value_at
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import named_workload
from nworkers.simulator.step.noise import mean_factor
from nworkers.simulator.study.predict import predict
from tests.support.factories import profile

SHARED = {"workers_per_host": 1000, "ps_placement": "shared"}


def job(workers: int, **changes: Any) -> Scenario:
    return Scenario(named_workload("gemm:128,256"), workers, **({"batch": 64} | changes))


def certain() -> Profile:
    """One without noise, whose draws all equal the estimates."""

    def settled(parameter: Parameter) -> Parameter:
        return replace(parameter, draws=(value_at(parameter, None),))

    made: Profile = mapped(profile(noise=Noise({}, ({},))), PARAMETERS, settled)
    return made


@pytest.fixture
def exact_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is off by nothing."""
    nothing = dict.fromkeys(model_discrepancy.LOG_DEVIATIONS, 0.0)
    monkeypatch.setattr(model_discrepancy, "LOG_DEVIATIONS", nothing)


@pytest.mark.usefixtures("exact_model")
def test_without_noise_one_worker_takes_the_sum_of_its_phases() -> None:
    made, asked = certain(), job(1)
    costs = step_costs(made, asked)
    alone_s = costs.dispatch.wall_s + costs.compute.wall_s
    alone_s += sum(phase.wall_s for phase in costs.fetch[0] + costs.push[0])
    answer = predict(made, asked)
    assert answer.step_time_s == pytest.approx(alone_s, rel=1e-9)
    assert answer.step_time_s_interval == pytest.approx((alone_s, alone_s), rel=1e-9)
    assert answer.single_process_step_time_s == pytest.approx(
        costs.single_process.computes_s, rel=1e-9
    )
    assert answer.speedup == pytest.approx(costs.single_process.computes_s / alone_s, rel=1e-9)
    assert answer.bottleneck == "compute"


@pytest.mark.parametrize("scaling", ["strong", "weak"])
def test_its_numbers_belong_together(scaling: str) -> None:
    answer = predict(profile(), job(4, scaling=scaling))
    samples = 64 if scaling == "strong" else 256
    assert answer.throughput_samples_per_s == pytest.approx(samples / answer.step_time_s)
    assert answer.efficiency == pytest.approx(answer.speedup / 4)
    assert answer.speedup == pytest.approx(
        answer.throughput_samples_per_s / answer.baseline_samples_per_s
    )
    assert answer.baseline_samples_per_s == answer.single_process_samples_per_s
    assert 0.0 < answer.monte_carlo_error < 0.05 * answer.step_time_s
    assert all(0.0 < use.utilisation <= 1.0 for use in answer.resources)
    assert answer.probability_beats == np.mean(np.array(answer.draws) > 1)
    assert sum(answer.breakdown.values()) == pytest.approx(answer.step_time_s, rel=1e-9)
    assert set(answer.breakdown) == set(CAUSES)
    for name in ("step_time_s", "throughput_samples_per_s", "speedup"):
        low, high = getattr(answer, f"{name}_interval")
        assert low < getattr(answer, name) < high
    assert answer.compute_source == "step_table"


def test_a_seed_gives_the_same_answer_and_another_seed_nearly() -> None:
    first, again, other = (predict(profile(), job(4), seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert other != first
    assert other.step_time_s == pytest.approx(first.step_time_s, rel=0.05)


@pytest.mark.parametrize("changes", [{}, SHARED])
def test_the_seed_moves_the_median_by_about_a_percent(changes: dict[str, Any]) -> None:
    times = [predict(profile(), job(8, **changes), seed=seed).step_time_s for seed in range(6)]
    assert np.std(times, ddof=1) / np.mean(times) < 0.025


def test_the_baseline_shares_the_luck_of_the_workers() -> None:
    """Compute that is slow in a run is slow for both, so that the ratio is surer than either."""
    slow = tuple({"compute": factor} for factor in (0.7, 0.9, 1.0, 1.1, 1.3))
    answer = predict(profile(noise=Noise({}, slow)), job(1))

    def width(name: str) -> float:
        low, high = getattr(answer, f"{name}_interval")
        return float((high - low) / getattr(answer, name))

    assert width("speedup") < 0.5 * width("step_time_s")


def test_the_baseline_is_a_mean_too() -> None:
    skewed = profile(noise=Noise({"compute": (1.0, 1.0, 3.0)}, ({},)))
    mean = mean_factor(skewed.noise, "compute")
    assert mean == pytest.approx(5 / 3)
    plain = predict(profile(noise=Noise({}, ({},))), job(1)).single_process_step_time_s
    assert predict(skewed, job(1)).single_process_step_time_s == pytest.approx(plain * mean)


def test_a_guessed_compute_time_widens_the_interval_but_not_the_speedup() -> None:
    """The GEMM rate may be far off, but it is as far off for the baseline."""
    made = profile()
    unmeasured = replace(made, device=replace(made.device, workloads=()))
    asked = replace(job(2), workload=named_workload("mlp:2048,2048,10"), batch=512)
    answer = predict(unmeasured, asked)
    assert answer.compute_source == "gemm_rate"
    assert answer.extrapolated
    low_s, high_s = answer.step_time_s_interval
    assert high_s / low_s > 1.3


@pytest.mark.usefixtures("exact_model")
def test_chance_that_averages_out_in_half_a_minute_does_not_widen_the_interval() -> None:
    noisy = Noise({"compute": (0.2, 0.6, 1.0, 1.4, 1.8)}, ({},))
    answer = predict(replace(certain(), noise=noisy), job(1))
    low_s, high_s = answer.step_time_s_interval
    steps = 30 / answer.step_time_s
    deviation = 0.45 / steps**0.5  # of a mean of independent factors, uniform from 0.2 to 1.8
    assert 0.5 < (high_s - low_s) / answer.step_time_s / (2 * 1.645 * deviation) < 1.6


def test_what_the_model_is_off_by_widens_the_interval() -> None:
    answer = predict(certain(), job(1))
    low_s, high_s = answer.step_time_s_interval
    deviation = model_discrepancy.log_deviation(answer.breakdown, "ps-async")
    assert deviation > 0.0
    assert np.log(high_s / low_s) == pytest.approx(2 * 1.645 * deviation, rel=0.05)


def test_owned_workers_as_the_baseline() -> None:
    beside_itself = predict(profile(), job(4), baseline="4")
    assert beside_itself.draws == pytest.approx([1.0] * len(beside_itself.draws))
    assert beside_itself.probability_beats == 0.0
    device = predict(profile(), job(4)).speedup
    two = predict(profile(), job(2)).speedup
    assert predict(profile(), job(4), baseline="2").speedup == pytest.approx(device / two, rel=0.03)


def test_a_host_as_the_baseline_is_at_least_one_process() -> None:
    """Two workers on two cores beat one process here; a single one beside its ps does not."""
    made = profile(host__cores=4.0)
    by_host = predict(made, job(4, workers_per_host=2), baseline="host").speedup
    assert by_host < predict(made, job(4, workers_per_host=2)).speedup
    assert predict(made, job(4), baseline="host").draws == predict(made, job(4)).draws


@pytest.mark.parametrize("baseline", ["", "gpu", "0", "-1", "1.5", "65", "1e9", "²"])
def test_a_baseline_that_cannot_be_is_refused(baseline: str) -> None:
    with pytest.raises(InputError, match=r"^baseline: "):
        predict(profile(), job(4), baseline=baseline)


def test_a_scenario_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match=r"^workers: "):
        predict(profile(), job(65))


def test_one_replication_is_enough_to_run() -> None:
    answer = predict(profile(), job(3), replications=1)
    assert len(answer.draws) == 1
    assert answer.step_time_s_interval[0] == pytest.approx(answer.step_time_s)
