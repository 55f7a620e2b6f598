from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nworkers.models.costs.phase import OPERATIONS, Operation
from nworkers.models.costs.step import step_costs
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import named_workload
from nworkers.simulator.engine.base import Engine, Run
from nworkers.simulator.step.noise import mean_factor
from nworkers.simulator.step.variates import DrawnVariates, Variates, factors
from nworkers.simulator.study.replications import replications, starting_phases
from tests.support.factories import profile
from tests.support.runs import specified

SHARED = {"workers_per_host": 1000, "ps_placement": "shared"}
JOBS: dict[str, dict[str, Any]] = {
    "one": {"workers": 1},
    "async": {"workers": 5},
    "async on one host": {"workers": 5, **SHARED},
    "async, three ps": {"workers": 4, "ps": 3},
    "more ps than variables": {"workers": 3, "ps": 6},
    "two a host": {"workers": 5, "ps": 2, "workers_per_host": 2, "ps_placement": "shared"},
    "sync": {"workers": 5, "strategy": "ps-sync"},
    "sync fifo": {"workers": 5, "strategy": "ps-sync", "discipline": "fifo"},
    "allreduce": {"workers": 5, "strategy": "allreduce", "runtime": "mirrored"},
    "allreduce on one host": {
        "workers": 5,
        "strategy": "allreduce",
        "runtime": "mirrored",
        **SHARED,
    },
}


def scenario(job: dict[str, Any]) -> Scenario:
    return Scenario(named_workload("mlp:784,512,10"), batch=64, **job)


def chance(workers: int, seed: int = 1) -> DrawnVariates:
    starts = starting_phases(seed, workers, range(4))[1]
    slowdown = dict.fromkeys(OPERATIONS, 1.1)
    return DrawnVariates(profile().noise, seed, 0, slowdown, starts.tolist())


def run(engine: Engine, job: dict[str, Any], variates: Variates | None = None) -> Run:
    asked = scenario(job)
    return engine(specified(step_costs(profile(), asked), asked, variates))


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
@pytest.mark.parametrize("noisy", [False, True])
def test_the_breakdown_adds_up_to_the_step(
    engine: Engine, job: dict[str, Any], noisy: bool
) -> None:
    done = run(engine, job, chance(job["workers"]) if noisy else None)
    assert sum(done.breakdown.values()) == pytest.approx(done.step_time_s, rel=1e-9)
    assert min(done.breakdown.values()) >= 0.0
    assert done.steps_s.shape == (job["workers"], 6)


def test_contention_is_blamed_on_what_is_scarce(engine: Engine) -> None:
    """On one host the cores, between hosts the ps's link, and nothing for one worker."""
    assert run(engine, JOBS["async on one host"]).breakdown["host_contention"] > 1e-3
    assert run(engine, JOBS["async on one host"]).breakdown["link_contention"] == 0.0
    assert run(engine, JOBS["async"]).breakdown["link_contention"] > 1e-3
    one = run(engine, JOBS["one"], chance(1)).breakdown
    assert one["link_contention"] == one["host_contention"] == one["barrier_wait"] == 0.0


def test_synchronous_workers_end_every_round_together(engine: Engine) -> None:
    done = run(engine, JOBS["sync"], chance(5))
    assert done.steps_s == pytest.approx(np.tile(done.steps_s[0], (5, 1)), rel=1e-9)
    assert done.breakdown["barrier_wait"] > 0.0


def test_a_run_is_its_luck(engine: Engine) -> None:
    first, again = run(engine, JOBS["async"], chance(5)), run(engine, JOBS["async"], chance(5))
    assert np.array_equal(first.steps_s, again.steps_s)
    assert first.breakdown == again.breakdown
    other = run(engine, JOBS["async"], chance(5, seed=2))
    assert not np.array_equal(first.steps_s, other.steps_s)


def test_scenarios_that_differ_in_workers_meet_the_same_luck() -> None:
    few, many = chance(3), chance(8)
    steps = range(16)
    assert np.array_equal(
        factors(many, OPERATIONS, range(8), steps)[:3], factors(few, OPERATIONS, range(3), steps)
    )
    assert np.array_equal(starting_phases(1, 8, range(20))[:, :3], starting_phases(1, 3, range(20)))


def test_starting_phases_are_stratified_and_relative_to_the_first_worker() -> None:
    phases = starting_phases(3, 4, range(10))
    assert not phases[:, 0].any()
    assert np.sort(phases[:, 2]) == pytest.approx((np.arange(10) + 0.5) / 10)


def test_factors_are_the_measured_ones_equally_often() -> None:
    noise = profile(noise__within={"compute": (0.5, 1.0, 3.0)}).noise
    slowdown = dict.fromkeys(OPERATIONS, 2.0)
    chance = DrawnVariates(noise, 1, 0, slowdown)
    both = factors(chance, ["compute", "push"], range(4), range(5000))
    found = both[:, :, 0] / 2.0
    values, counts = np.unique(found, return_counts=True)
    assert values == pytest.approx([0.5, 1.0, 3.0])
    assert counts / found.size == pytest.approx([1 / 3] * 3, rel=0.05)
    assert found.mean() == pytest.approx(mean_factor(noise, "compute"), rel=0.01)
    assert chance.means["compute"] == pytest.approx(1.5)
    assert (both[:, :, 1] == 2.0).all()


def test_collectives_vary_as_fetches_do() -> None:
    noise = profile(noise__within={"fetch": (1.0, 3.0)}).noise
    assert mean_factor(noise, "collective") == mean_factor(noise, "fetch") == 2.0


def test_every_round_is_drawn_equally_often_and_spread_for_being_few() -> None:
    noise = profile(noise__between=({"fetch": 0.5}, {"fetch": 2.0})).noise
    between = replications(noise, 1, 10).between
    drawn_fetch = sorted(between["fetch"])
    root = 2**0.5
    assert drawn_fetch == pytest.approx([0.5**root] * 5 + [2.0**root] * 5)
    assert (between["compute"] == 1.0).all()
    deviates = replications(noise, 1, 101).deviates["compute"]
    assert np.mean(deviates) == pytest.approx(0.0, abs=1e-9)
    assert np.std(deviates) == pytest.approx(1.0, rel=0.02)


def test_slow_phases_last_as_they_were_measured() -> None:
    """Ranks of successive steps are correlated; every factor stays as likely."""
    lasting = replace(profile().noise, autocorrelation={"fetch": 0.6})
    chance = DrawnVariates(lasting, 1, 0)
    wanted: dict[Operation, float] = {"fetch": 0.6, "push": 0.0, "collective": 0.6}
    for name, rho in wanted.items():
        series = factors(chance, [name], range(400), range(50))[:, :, 0]
        ranks = series.ravel().argsort().argsort().reshape(series.shape) / series.size - 0.5
        found = (ranks[:, 1:] * ranks[:, :-1]).mean() / (ranks**2).mean()
        assert found == pytest.approx(rho, abs=0.03)
        assert np.median(series) == pytest.approx(1.0, abs=0.02)
