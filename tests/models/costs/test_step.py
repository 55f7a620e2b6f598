"""Costs of a step against sums done by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nworkers.cli.asked.what_if_options import what_if
from nworkers.models.costs.all_reduce import all_reduce
from nworkers.models.costs.compute import compute_time
from nworkers.models.costs.extrapolation import extrapolations
from nworkers.models.costs.laws import transfer_s
from nworkers.models.costs.step import step_costs
from nworkers.models.records.profile import (
    Apply,
    Coordinator,
    GemmLaw,
    Parameter,
    Profile,
    Segment,
)
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.what_if import WhatIf
from nworkers.models.records.workload import Cost, StepSeconds, Variable, Workload, named_workload
from tests.support.factories import estimate, every_feature, parameter, profile

GEMM = named_workload("gemm:128,256")


def test_one_shard_is_latency_then_transfer() -> None:
    known = profile()
    costs = step_costs(known, Scenario(GEMM, workers=2))
    latency, transfer = costs.fetch[0]
    assert latency.wall_s == estimate(known.link.fetch.segments[0].latency_s)
    rate = estimate(known.link.fetch.segments[0].bandwidth_bytes_per_s)
    assert transfer.wall_s == pytest.approx(131072 / rate)
    assert transfer.size_bytes == 131072
    assert transfer.direction == "to_worker"
    assert costs.push[0][1].direction == "to_ps"


def test_further_tensors_pay_their_own_latency() -> None:
    known = profile()
    mlp = named_workload("mlp:8,4,2")
    latency, _ = step_costs(known, Scenario(mlp, workers=1)).fetch[0]
    path = known.link.fetch
    assert latency.wall_s == pytest.approx(
        estimate(path.segments[0].latency_s) + 3 * estimate(path.per_tensor_s)
    )


def test_a_ps_without_variables_costs_nothing() -> None:
    assert step_costs(profile(), Scenario(GEMM, workers=1, ps=2)).fetch[1] == ()


def test_compute_sources_come_in_the_contracts_order() -> None:
    known = profile()
    variables = (Variable("w", (4,)),)
    table = Workload("t", variables, step=(StepSeconds(1, 0.1), StepSeconds(3, 0.3)))
    assert compute_time(known.drawn(None), table, 2).step_s == pytest.approx(0.2)
    assert compute_time(known.drawn(None), table, 6).step_s == pytest.approx(0.6)
    assert compute_time(known.drawn(None), table, 6).log_spread == pytest.approx(0.1)
    stated = Workload("s", variables, cost=Cost(0.01, 0.001))
    assert compute_time(known.drawn(None), stated, 10).gradient_s == pytest.approx(0.02)
    assert compute_time(known.drawn(None), stated, 10).source == "workload_file"
    guess = compute_time(known.drawn(None), named_workload("gemm:64,64"), 32)
    assert guess.source == "gemm_rate"
    assert guess.log_spread > 0.3


@pytest.mark.parametrize("workload", [GEMM, named_workload("mlp:784,512,10")])
@pytest.mark.parametrize("strategy", ["ps-async", "ps-sync", "allreduce"])
def test_devices_ten_times_as_fast_compute_a_tenth_and_all_else_stays(
    workload: Workload, strategy: Any
) -> None:
    known = every_feature(collective__compute_loss=None)
    scenario = Scenario(workload, 3, strategy)
    plain, fast = (
        step_costs(known, replace(scenario, what_if=what_if(said))) for said in ([], ["compute=10"])
    )
    for quantity in ("wall_s", "worker_s"):
        before, after = (getattr(of.compute, quantity) for of in (plain, fast))
        assert after == pytest.approx(before / 10.0)
    dispatch_s = estimate(known.device.dispatch_s)
    alone_s = (plain.single_process.computes_s - dispatch_s) / 10.0 + dispatch_s
    assert fast.single_process.computes_s == pytest.approx(alone_s)
    same = replace(fast, compute=plain.compute, single_process=plain.single_process)
    assert same == plain


#: Two products of a matrix of 64 · 64, 32 rows of 64 inputs and 32 of 64 outputs.
MOVED = 2 * 4 * (64 * 64 + 32 * 64 + 32 * 64)


@pytest.mark.parametrize(("law", "bytes_s"), [("rate", 0.0), ("sum", 1e-6 * MOVED), ("max", None)])
def test_the_law_of_products_is_the_one_predicted_by(law: GemmLaw, bytes_s: float | None) -> None:
    """At a megabyte a second, which is far slower than the flops."""
    known = profile()
    products = replace(
        known.device.products, law=law, bandwidth_bytes_per_s=parameter(1e6, "bytes/s")
    )
    slow = profile(device__products=products).drawn(None)
    plain_s, law_s = (
        compute_time(of, named_workload("gemm:64,64"), 32).gradient_s
        for of in (known.drawn(None), slow)
    )
    overhead_s = slow.device.products.segments[0].gemm_overhead_s
    wanted = overhead_s + 1e-6 * MOVED if bytes_s is None else plain_s + bytes_s
    assert law_s == pytest.approx(wanted)


def test_flops_of_an_mlp_by_hand() -> None:
    # 784·512 forward and weights' gradient; 512·10 forward and both gradients; 2 flops each.
    assert named_workload("mlp:784,512,10").flops_per_sample == 2 * (784 * 512 * 2 + 512 * 10 * 3)


def test_ring_all_reduce_is_the_closed_form() -> None:
    known = every_feature()
    latency, transfer = all_reduce(known.drawn(None), 4, 1e6)
    assert latency.wall_s == pytest.approx(6 * estimate(known.collective.latency_s))
    assert transfer.wall_s == pytest.approx(
        1.5e6 / estimate(known.collective.bandwidth_bytes_per_s)
    )


def test_gradients_are_longer_beside_overlapped_all_reduces() -> None:
    """By half of the time that both go on; not where the only all-reduce waits for all of them."""
    known, even = every_feature(), every_feature(collective__compute_loss=None)
    layered = Workload("it", (Variable("v", (2**20,)),) * 4, cost=Cost(0.1, 0.0))

    def compute_s(of: Profile, change: WhatIf, size: int = 2**20) -> float:
        sized = replace(layered, variables=(Variable("v", (size,)),) * 4)
        job = Scenario(sized, 4, "allreduce", "mirrored", what_if=change)
        return step_costs(of, job).compute.wall_s

    fused, apart = WhatIf(overlap=True), WhatIf(overlap=True, bucket_bytes=1.0)
    assert compute_s(known, fused) == compute_s(known, WhatIf()) == compute_s(even, apart)
    # All-reduces last beyond the gradients: of these, all but those of the last layer are slowed.
    backward_s = 0.1 * (2 + 2 + 1) / 11
    assert compute_s(known, apart) == pytest.approx(0.1 + 0.5 * backward_s / (1 - 0.5))
    buckets = step_costs(
        known,
        Scenario(
            replace(layered, variables=(Variable("v", (2,)),) * 4),
            4,
            "allreduce",
            "mirrored",
            what_if=apart,
        ),
    ).collective
    beside_s = sum(phase.wall_s for phase in buckets if phase.layer)
    assert compute_s(known, apart, size=2) == pytest.approx(0.1 + 0.5 * beside_s)


def test_a_half_duplex_link_shares_its_rate() -> None:
    def both(**changes: Any) -> float | None:
        return step_costs(profile(**changes), Scenario(GEMM, 2)).both_ways_bandwidth_bytes_per_s

    assert both() is both(link__duplex="full") is None
    assert both(link__duplex="half") == 2.5e8 / 2
    assert both(link__duplex="half", link__kind="loopback") is None
    measured = parameter(2e8, "bytes/s")
    assert both(link__duplex="half", link__both_ways_bandwidth_bytes_per_s=measured) == 2e8


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
    assert draw.fetch[0][0].wall_s == known.link.fetch.segments[0].latency_s.draws[3]
    assert replace(scenario, workers=2).per_worker_batch == 16


def test_large_tensors_have_their_own_latency_and_rate() -> None:
    known = profile()
    beyond: Segment[Parameter] = Segment(1000.0, parameter(0.5), parameter(10.0, "bytes/s"))
    small = known.link.fetch.segments[0]
    path = replace(known.link.fetch, segments=(small, beyond), several_s=parameter(7.0))
    made = profile(link__fetch=path)
    several = Workload("w", tuple(Variable(f"v{k}", (n,)) for k, n in enumerate((5, 250, 300))))
    stated = replace(several, cost=Cost(0.01, 0.0))
    latency, transfer = step_costs(made, Scenario(stated, workers=1)).fetch[0]
    first, each = estimate(small.latency_s), estimate(path.per_tensor_s)
    assert first < 0.5
    assert latency.wall_s == pytest.approx(0.5 + 7 + 2 * each)
    rate = estimate(small.bandwidth_bytes_per_s)
    assert transfer.wall_s == pytest.approx(20 / rate + 1000 / 10 + 1200 / 10)


def test_the_coordinator_takes_cores_of_a_host_that_it_shares() -> None:
    made = profile(host__coordinator=Coordinator(parameter(2e-3), parameter(1e-3)))
    apart = Scenario(GEMM, workers=2, runtime="coordinator")
    together = replace(apart, workers_per_host=1000, ps_placement="shared")
    alone_s, beside_s = (step_costs(made, s).dispatch.worker_s for s in (apart, together))
    assert beside_s - alone_s == pytest.approx(1e-3 * (1 + made.host.os_overhead_share))
    virtual = replace(apart, what_if=what_if(("one-machine",)))
    assert step_costs(made, virtual).dispatch.worker_s == beside_s


def test_every_ps_that_a_run_touches_is_sent_its_part_and_answers_for_it() -> None:
    known = profile(host__dispatch_worker_s=parameter(5e-4), host__os_overhead_share=0.0)
    host, mlp = known.host, named_workload("mlp:8,4,2")
    sent_s = 5e-4 - estimate(host.server_dispatch_s)
    each_s = sent_s + estimate(host.fetch_worker.per_tensor_s)
    at_ps_s = estimate(host.dispatch_ps_s) + estimate(host.fetch_ps.per_tensor_s)
    # Of its four variables five ps cannot all hold one.
    for ps, touched in ((1, 1), (3, 3), (5, 4)):
        asked = Scenario(mlp, workers=2, ps=ps, strategy="ps-sync")
        costs = step_costs(known, asked)
        whole_s = estimate(host.server_dispatch_s) + touched * each_s
        assert costs.dispatch.worker_s == pytest.approx(whole_s)
        assert costs.dispatch.ps_s == pytest.approx(at_ps_s)
        # The chief's run is one for both workers.
        assert costs.round[0].worker_s == pytest.approx(whole_s / 2)
        assert costs.round[0].ps_s == pytest.approx(at_ps_s / 2)


def test_tensors_on_several_ps_cost_each_more_by_their_doublings() -> None:
    asked = Scenario(named_workload("mlp:8,4,2"), workers=2, ps=2)
    plain = profile(host__os_overhead_share=0.0)
    more = replace(plain, host=replace(plain.host, apart_ps_s=1e-4, most_ps=2))

    def spent_s(of: Profile, scenario: Scenario) -> float:
        costs = step_costs(of, scenario)
        return sum(p.ps_s for chain in (*costs.fetch, *costs.push) for p in chain)

    # Two ps have two of four variables each: a doubling, of a fetch and of a push.
    assert spent_s(more, asked) - spent_s(plain, asked) == pytest.approx(2 * 1e-4)
    alone = replace(asked, ps=1)
    assert spent_s(more, alone) == pytest.approx(spent_s(plain, alone))
    noted = ["ps: several parameter servers, measured with one"]
    assert [n for n in extrapolations(plain, asked) if n.startswith("ps:")] == noted
    assert not [n for n in extrapolations(more, asked) if n.startswith("ps:")]
    noted = ["ps: 4 parameter servers, measured with up to 2"]
    assert [n for n in extrapolations(more, replace(asked, ps=4)) if n.startswith("ps:")] == noted


def test_many_workers_use_a_share_of_the_cores_and_compute_costs_more() -> None:
    asked = Scenario(named_workload("mlp:8,4,2"), workers=2)
    plain = profile(host__os_overhead_share=0.0)
    name = asked.workload.name
    measured = replace(plain.device.workloads[0], workload=name)
    plain = replace(plain, device=replace(plain.device, workloads=(measured,)))
    loaded = replace(plain, host=replace(plain.host, usable_share=0.8, compute_under_load=1.5))
    before, after = step_costs(plain, asked), step_costs(loaded, asked)
    assert after.compute.worker_s == pytest.approx(before.compute.worker_s * 1.5 / 0.8)
    assert after.compute.wall_s == before.compute.wall_s
    pairs = zip(before.fetch[0], after.fetch[0], strict=True)
    assert all(b.worker_s == pytest.approx(a.worker_s / 0.8) for a, b in pairs)


def test_a_token_bucket_s_credit_is_given_once() -> None:
    path = replace(profile().drawn(None).link.fetch, credit_bytes=300.0)
    [small] = path.segments
    rate = small.bandwidth_bytes_per_s
    assert transfer_s(path, (1000.0, 500.0)) == pytest.approx(1200 / rate)
    # Where it covers all, what is left still takes its turn on a busy link.
    assert transfer_s(path, (100.0,)) == pytest.approx(0.05 * 100 / rate)
    beyond = replace(path, segments=(small, Segment(1000.0, 0.5, 10.0)))
    assert transfer_s(beyond, (2000.0, 500.0)) == pytest.approx(1700 / 10 + 500 / rate)


def test_a_push_in_training_follows_a_fetch_and_ends_with_its_update() -> None:
    known = profile()
    path = replace(known.link.push, after_fetch_s=parameter(3e-4))
    sgd = Apply("sgd", parameter(1.0), parameter(2e-10, "s/byte"))
    made = profile(link__push=path, host__apply=(sgd,))
    latency, transfer, update = step_costs(made, Scenario(GEMM, workers=1)).push[0]
    assert latency.wall_s == pytest.approx(3e-4)
    assert update.cause == "apply"
    assert update.wall_s == pytest.approx(131072 * 2e-10)
    kernel = 1 + known.host.os_overhead_share
    whole = estimate(known.host.push_ps.per_byte_s) * 131072 * kernel
    assert transfer.ps_s + update.ps_s == pytest.approx(whole)


def test_what_lies_beyond_the_measured_is_less_certain() -> None:
    known = profile()
    inside = step_costs(known, Scenario(GEMM, workers=2)).log_spread
    crowd = step_costs(known, Scenario(GEMM, workers=8)).log_spread
    assert inside["fetch"] == inside["push"] == 0.0
    assert crowd["fetch"] == crowd["push"] == pytest.approx(2 * 0.05)
    huge = named_workload("gemm:8192,8192")
    assert step_costs(known, Scenario(huge, workers=2)).log_spread["push"] == pytest.approx(
        0.1 * 2.07, abs=0.01
    )


def test_a_stated_step_comes_first_and_one_row_of_it_tells_of_no_floor() -> None:
    known = profile().drawn(None)
    measured = named_workload(known.device.workloads[0].workload)
    stated = replace(measured, stated_step=(StepSeconds(64, 0.12),))
    assert compute_time(known, measured, 64).source == "step_table"
    found = compute_time(known, stated, 64)
    assert (found.source, found.step_s) == ("stated", 0.12)
    dispatch_s = known.device.dispatch_s
    assert compute_time(known, stated, 16).step_s == pytest.approx(
        dispatch_s + (0.12 - dispatch_s) / 4
    )
    assert compute_time(known, stated, 128).step_s == pytest.approx(0.24)
    two = replace(measured, stated_step=(StepSeconds(32, 0.1), StepSeconds(64, 0.12)))
    assert compute_time(known, two, 8).step_s == 0.1
