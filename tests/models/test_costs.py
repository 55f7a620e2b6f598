"""Costs of a step against sums done by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scale.models.costs import all_reduce, compute_time, extrapolations, step_costs
from scale.models.scenario import Scenario
from scale.models.workload import Cost, StepSeconds, Variable, Workload, named_workload, shards
from tests.factories import profile

GEMM = named_workload("gemm:128,256")


def test_one_shard_is_latency_then_transfer() -> None:
    known = profile()
    costs = step_costs(known, Scenario(GEMM, workers=2))
    latency, transfer = costs.fetch[0]
    assert latency.wall_s == known.link.fetch.latency_s.estimate
    rate = known.link.fetch.bandwidth_bytes_per_s.estimate
    assert transfer.wall_s == pytest.approx(131072 / rate)
    assert transfer.size_bytes == 131072
    assert transfer.direction == "to_worker"
    assert costs.push[0][1].direction == "to_ps"


def test_further_tensors_pay_their_own_latency() -> None:
    known = profile()
    mlp = named_workload("mlp:8,4,2")
    latency, _ = step_costs(known, Scenario(mlp, workers=1)).fetch[0]
    path = known.link.fetch
    assert latency.wall_s == pytest.approx(path.latency_s.estimate + 3 * path.per_tensor_s.estimate)


def test_shards_hold_every_variable_once() -> None:
    mlp = named_workload("mlp:8,4,2")
    split = shards(mlp, 3)
    assert sum(map(len, split)) == mlp.tensors
    assert sum(map(sum, split)) == mlp.size_bytes
    assert step_costs(profile(), Scenario(GEMM, workers=1, ps=2)).fetch[1] == ()


def test_compute_sources_come_in_the_contracts_order() -> None:
    known = profile()
    variables = (Variable("w", (4,)),)
    table = Workload("t", variables, step=(StepSeconds(1, 0.1), StepSeconds(3, 0.3)))
    assert compute_time(known, table, 2, None).step_s == pytest.approx(0.2)
    assert compute_time(known, table, 6, None).step_s == pytest.approx(0.6)
    assert compute_time(known, table, 6, None).log_spread == pytest.approx(0.1)
    stated = Workload("s", variables, cost=Cost(0.01, 0.001))
    assert compute_time(known, stated, 10, None).gradient_s == pytest.approx(0.02)
    assert compute_time(known, stated, 10, None).source == "workload_file"
    guess = compute_time(known, named_workload("gemm:64,64"), 32, None)
    assert guess.source == "gemm_rate"
    assert guess.log_spread > 0.3


def test_flops_of_an_mlp_by_hand() -> None:
    # 784·512 forward and weights' gradient; 512·10 forward and both gradients; 2 flops each.
    assert named_workload("mlp:784,512,10").flops_per_sample == 2 * (784 * 512 * 2 + 512 * 10 * 3)


def test_ring_all_reduce_is_the_closed_form() -> None:
    known = profile()
    latency, transfer = all_reduce(known, 4, 1e6, None)
    assert latency.wall_s == pytest.approx(6 * known.collective.latency_s.estimate)
    assert transfer.wall_s == pytest.approx(1.5e6 / known.collective.bandwidth_bytes_per_s.estimate)


def test_what_lies_outside_the_measured_range_is_said() -> None:
    known = profile()
    large = Workload("l", (Variable("w", (2**30,)),), cost=Cost(0.1, 0.0))
    notes = extrapolations(known, Scenario(large, workers=1000, scaling="weak"))
    assert any("bytes" in n for n in notes)
    assert any("1000 workers" in n for n in notes)
    ring = Scenario(GEMM, workers=4, strategy="allreduce", runtime="mirrored")
    assert any("collective" in n for n in extrapolations(known, ring))


def test_draws_differ_from_the_estimate_together() -> None:
    known = profile()
    scenario = Scenario(GEMM, workers=1)
    draw = step_costs(known, scenario, 3)
    assert draw.fetch[0][0].wall_s == known.link.fetch.latency_s.draws[3]
    assert replace(scenario, workers=2).per_worker_batch == 16
