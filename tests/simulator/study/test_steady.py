"""The mean step without chance, beside closed forms and beside the simulation with chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nworkers.models.base.statistics import lognormal_bins
from nworkers.models.records.profile import Noise, Profile
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import Variable, Workload
from nworkers.models.tables.throughput.system import trial
from nworkers.simulator.study.ensemble import simulate
from nworkers.simulator.study.steady import steady_step_s
from tests.support.factories import profile

ONE = Workload("one", (Variable("v", (250_000,)),))
STEP_S = 0.1


def hardware(spread: float, per_byte_s: float = 0.0) -> Profile:
    costs = {"spread": spread, "per_byte_s": per_byte_s, "per_tensor_s": 0.0}
    return trial(profile(), costs, "one", 32, STEP_S)  # type: ignore[arg-type]


def job(workers: int, strategy: str = "ps-sync") -> Scenario:
    return Scenario(ONE, workers, strategy, scaling="weak", batch=32)  # type: ignore[arg-type]


@pytest.mark.parametrize("workers", [2, 8, 64])
def test_the_barrier_waits_for_the_largest_of_n(workers: int) -> None:
    """E max of N lognormal times, by drawing a hundred thousand of each."""
    drawn = np.exp(0.1 * np.random.default_rng(1).standard_normal((100_000, workers)) - 0.005)
    wanted = STEP_S * drawn.max(axis=1).mean()
    assert steady_step_s(hardware(0.1), job(workers)) == pytest.approx(wanted, rel=0.005)


def test_a_link_carries_every_workers_bytes_both_ways() -> None:
    """8 workers in step: 8 MB leave the ps, then come back, at 1 GB/s."""
    assert steady_step_s(hardware(0.0, 1e-9), job(8)) == pytest.approx(STEP_S + 0.016, rel=1e-6)


@pytest.mark.parametrize("strategy", ["ps-sync", "ps-async"])
def test_it_is_what_the_ensemble_gives(strategy: str) -> None:
    made = hardware(0.05, 2e-10)
    made = replace(made, noise=Noise({"compute": lognormal_bins(0.05)}, ({"compute": 1.0},)))
    found = simulate(made, job(8, strategy), seed=3, count=48)
    assert steady_step_s(made, job(8, strategy)) == pytest.approx(
        float(np.median(found.step_time_s)), rel=0.01
    )


def test_the_same_every_time() -> None:
    assert steady_step_s(hardware(0.1), job(5)) == steady_step_s(hardware(0.1), job(5))
