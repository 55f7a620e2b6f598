"""Workers that share a GPU, held to closed forms of a closed network without chance."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nworkers.models.records.profile import Discipline
from tests.support.costs import EXACT, costs
from tests.support.runs import SHARED, Trained

#: A step is 3 ms away from the GPU and 2 ms on it.
AWAY_S, ON_S = 3e-3, 2e-3
STEP = costs(dispatch_s=AWAY_S, compute_s=ON_S)


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 8])
def test_who_takes_turns_waits_only_for_a_full_gpu(trained: Trained, workers: int) -> None:
    """The asymptotic bound max(D + Z, N·D) is reached: each is out of the others' way."""
    run = trained(STEP, workers, workers_per_gpu=workers, **SHARED)
    assert run.step_time_s == pytest.approx(max(AWAY_S + ON_S, workers * ON_S), rel=EXACT)


@pytest.mark.parametrize("discipline", ["fifo", "fair"])
@pytest.mark.parametrize("workers", [4, 8])
def test_a_full_gpu_computes_all_the_time(
    trained: Trained, discipline: Discipline, workers: int
) -> None:
    full = replace(costs(dispatch_s=1e-4, compute_s=ON_S), gpu_discipline=discipline)
    run = trained(full, workers, workers_per_gpu=workers, steps=20, **SHARED)
    # Those who began together dispatch together: then it is idle meanwhile.
    assert run.step_time_s == pytest.approx(workers * ON_S, rel=0.015)
    waits_s = (workers - 1) * ON_S - 1e-4
    assert run.breakdown["device_contention"] == pytest.approx(waits_s, rel=0.02)


def test_even_shares_of_workers_who_begin_together_take_as_long_as_all(trained: Trained) -> None:
    fair = replace(STEP, gpu_discipline="fair")
    run = trained(fair, 3, strategy="ps-sync", workers_per_gpu=3, **SHARED)
    assert run.step_time_s == pytest.approx(AWAY_S + 3 * ON_S, rel=EXACT)


def test_half_a_gpu_is_enough_for_who_keeps_half_of_it_busy(trained: Trained) -> None:
    half = replace(STEP, gpu_share=0.5, gpu_discipline="fair")
    two = trained(half, 2, strategy="ps-sync", workers_per_gpu=2, **SHARED)
    assert two.step_time_s == pytest.approx(AWAY_S + ON_S, rel=EXACT)
    four = trained(half, 4, strategy="ps-sync", workers_per_gpu=4, **SHARED)
    assert four.step_time_s == pytest.approx(AWAY_S + 2 * ON_S, rel=EXACT)


def test_each_gpu_of_a_host_has_workers_of_its_own(trained: Trained) -> None:
    """Five workers by twos: the fifth has a GPU to itself, and a round waits for the others."""
    run = trained(STEP, 5, strategy="ps-sync", workers_per_gpu=2, **SHARED)
    assert run.step_time_s == pytest.approx(AWAY_S + 2 * ON_S, rel=EXACT)


def test_workers_on_hosts_of_their_own_have_gpus_of_their_own(trained: Trained) -> None:
    run = trained(STEP, 6, workers_per_gpu=4)
    assert run.step_time_s == pytest.approx(AWAY_S + ON_S, rel=EXACT)
    assert "device_contention" not in run.breakdown


def test_hosts_of_two_gpus_are_alike(trained: Trained) -> None:
    run = trained(STEP, 8, workers_per_host=4, workers_per_gpu=2, ps_placement="own")
    assert run.step_time_s == pytest.approx(max(AWAY_S + ON_S, 2 * ON_S), rel=EXACT)
