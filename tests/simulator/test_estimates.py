"""An estimate is within its own interval, whatever question it answers."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import interval90
from nworkers.models.records.aim import PLAIN_AIM, Aim
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import Prediction
from nworkers.models.records.runtimes import STRATEGIES
from nworkers.models.records.solved import Goal
from nworkers.simulator.decide.job_mix import WeightedJob, job_mix
from nworkers.simulator.decide.job_options import JobOption, compare
from nworkers.simulator.decide.money import Assignment, Prices, cost_curve
from nworkers.simulator.decide.quantities import job_of, quantity_of
from nworkers.simulator.decide.search import search
from nworkers.simulator.study.ask import predict
from nworkers.simulator.study.crossing import first_wins
from tests.support.estimates import is_within, outside

#: Steps that compute for most of their time, of which few by chance are shorter than can be.
COMPUTING = (
    (12, JobRequest(workload="resnet-50", batch=65536, scaling="weak")),
    (8, JobRequest(workload="resnet-50", batch=65536, baseline="host", seed=5)),
    (1, JobRequest(profile="loopback-2core", workload="resnet-50", batch=65536, seed=6)),
    (1, JobRequest(profile="h100", workload="resnet-50", batch=65536, seed=4)),
)
JOBS = st.builds(
    JobRequest,
    profile=st.sampled_from(["emulated-1gbit", "loopback-2core", "h100"]),
    workload=st.sampled_from(["gemm:128,256", "mlp:784,512,10", "resnet-50"]),
    batch=st.sampled_from([8, 512, 65536]),
    strategy=st.sampled_from(STRATEGIES),
    scaling=st.sampled_from(["weak", "strong"]),
    baseline=st.sampled_from(["device", "host", "2"]),
    seed=st.integers(1, 9),
)
AIMS = st.sampled_from(
    [PLAIN_AIM, Aim(0.9), Aim(2.0), Aim(samples_factor=2.0), Aim(noise_scale=2000.0)]
)
GOALS = st.sampled_from([Goal(), Goal("speedup", 1.2), Goal("overhead", 0.3)])
NEARLY = JobRequest(
    profile="loopback-2core",
    workload="gemm:128,256",
    batch=65536,
    strategy="allreduce",
    baseline="host",
    seed=5,
)
FEW = settings(max_examples=12, deadline=None, derandomize=True, database=None)


def beyond(found: Any, *names: str) -> list[str]:
    """Of a record, the fields whose values are not within their intervals."""
    fields = {name: getattr(found, name) for name in names}
    return outside(
        fields | {f"{name}_interval": getattr(found, f"{name}_interval") for name in names}
    )


def of_row(row: Prediction) -> list[str]:
    return beyond(row, "step_time_s", "throughput_samples_per_s", "speedup")


@pytest.mark.parametrize(("workers", "request_"), COMPUTING)
def test_lucky_steps_are_no_speed_up(workers: int, request_: JobRequest) -> None:
    row = predict(request_, workers)
    assert not of_row(row)
    assert row.speedup <= workers * (1.0 + 1e-9) or request_.baseline == "host"


@FEW
@given(JOBS, st.integers(1, 12), AIMS)
def test_of_a_curve_and_its_money(request: JobRequest, most: int, aim: Aim) -> None:
    prices, work = Prices(price_per_host_hour=0.9), Assignment(1e7, 8 * 3600.0, 900.0)
    with suppress(InputError):
        found = cost_curve(request, most, prices=prices, assignment=work, aim=aim)
        assert not beyond(found.result, "breakeven_workers")
        assert not [each for row in found.result.rows for each in of_row(row)]
        names = ("samples_per_s", "cost_per_million", "hours", "cost")
        assert not [each for row in found.all for each in beyond(row, *names)]


@FEW
@given(JOBS, JOBS, st.integers(1, 3), AIMS)
def test_of_options_and_of_mixes(one: JobRequest, other: JobRequest, most: int, aim: Aim) -> None:
    other = replace(other, seed=one.seed)
    with suppress(InputError):
        prices = Prices(price_per_host_hour=0.9)
        options = [JobOption("one", one), JobOption("other", other)]
        for option in compare(options, most, aim=aim, prices=prices):
            assert option.spent is not None
            assert not beyond(option, "ratio") + beyond(option.spent, "ratio")
    with suppress(InputError):
        mixed = job_mix(
            [WeightedJob("one", one, 1.0), WeightedJob("other", other, 3.0)], most, aim=aim
        )
        assert not beyond(mixed, "breakeven_workers")
        assert not [each for row in mixed.rows for each in beyond(row, "speedup")]


@settings(FEW, max_examples=10)
@given(JOBS, st.integers(1, 6), st.sampled_from(["batch", "ps", "latency", "workers"]), GOALS)
@example(NEARLY, 3, "latency", Goal())  # never, though the rough curve would have reached it
def test_of_what_is_solved_for(request: JobRequest, workers: int, what: str, goal: Goal) -> None:
    with suppress(InputError):
        found = search(quantity_of(job_of(request), what, workers).axis, goal, replications=24)
        assert is_within(found.reached.value, *found.reached.interval)
        assert is_within(found.value, *found.interval)


def test_few_draws_far_out_carry_no_mean_past_the_interval() -> None:
    assert interval90([1.0] * 97 + [1e6] * 3, 1.5) == (1.0, 1.5)
    assert interval90([1.0] * 97 + [1e-6] * 3, 0.5) == (0.5, 1.0)


class _Point:
    def __init__(self, speedup: float, draws: tuple[float, ...]) -> None:
        self.speedup, self.draws = speedup, draws


def test_the_first_number_by_the_estimates_is_within_its_interval() -> None:
    """Each draw wins at one of two numbers, none of which does by the estimate."""
    near = {
        n: _Point(0.99, tuple(1.1 if k % 2 == n % 2 else 0.9 for k in range(8))) for n in (2, 3)
    }
    assert first_wins(near, 1.0) == (2, None)
    assert first_wins(near | {4: _Point(1.5, (1.5,) * 8)}, 1.0) == (2, 4)
