"""Deterministic runs held to closed forms, to 1e-9."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nworkers.models.costs.all_reduce import all_reduce
from nworkers.models.costs.phase import Phase
from nworkers.models.records.added_workers import AddedWorkers
from nworkers.models.records.profile import Discipline
from nworkers.simulator.step.variates import Given
from tests.support.costs import EXACT, costs
from tests.support.factories import estimate, every_feature
from tests.support.runs import SHARED, Trained

STEP = costs(
    dispatch_s=0.5e-3,
    latency_s=1e-3,
    transfer_s=4e-3,
    compute_s=20e-3,
    push_latency_s=2e-3,
    push_transfer_s=8e-3,
    size_bytes=1e6,
    shared=2.5e8,
    dispatch_worker_s=1e-4,
    fetch_transfer_ps_s=1e-3,
)


@pytest.mark.parametrize("strategy", ["ps-async", "ps-sync"])
@pytest.mark.parametrize("discipline", ["fair", "fifo"])
def test_one_worker_takes_the_sum_of_its_phases(
    trained: Trained, strategy: str, discipline: Discipline
) -> None:
    run = trained(STEP, 1, strategy=strategy, discipline=discipline)
    assert run.step_time_s == pytest.approx(35.5e-3, rel=EXACT)
    assert run.breakdown["push_transfer"] == pytest.approx(8e-3, rel=EXACT)
    assert run.breakdown["host_contention"] == 0.0


def test_one_worker_sharing_a_host_with_its_ps_takes_no_longer(trained: Trained) -> None:
    run = trained(STEP, 1, **SHARED)
    assert run.step_time_s == pytest.approx(35.5e-3, rel=EXACT)


@pytest.mark.parametrize(
    ("discipline", "compute_s"), [("fair", 0.0), ("fifo", 0.0), ("fifo", 5e-3)]
)
@pytest.mark.parametrize("workers", [4, 7, 16])
def test_a_saturated_link_carries_its_bandwidth(
    trained: Trained, discipline: Discipline, compute_s: float, workers: int
) -> None:
    """Throughput = β / bytes, whatever else a step waits for."""
    size, beta = 1e6, 1e8
    step = costs(
        transfer_s=size / beta,
        push_transfer_s=0.0,
        compute_s=compute_s,
        size_bytes=size,
        shared=beta,
    )
    run = trained(step, workers, discipline=discipline)
    assert workers / run.step_time_s == pytest.approx(beta / size, rel=EXACT)
    assert run.breakdown["link_contention"] == pytest.approx(
        run.step_time_s - size / beta - compute_s, rel=EXACT
    )


def test_workers_apart_saturate_a_fair_link(trained: Trained) -> None:
    """In the limit: how far apart they are settles over many steps, each worker at its own pace."""
    size, beta, workers = 1e6, 1e8, 16
    step = costs(
        transfer_s=size / beta, push_transfer_s=0.0, compute_s=5e-3, size_bytes=size, shared=beta
    )
    apart = Given(starts=[k / workers for k in range(workers)])
    run = trained(step, workers, variates=apart, warmup=20, steps=20)
    assert workers / run.step_time_s == pytest.approx(beta / size, rel=1e-4)


def test_workers_in_phase_leave_a_fair_link_idle_while_they_compute(trained: Trained) -> None:
    size, beta, workers = 1e6, 1e8, 4
    step = costs(
        transfer_s=size / beta, push_transfer_s=0.0, compute_s=5e-3, size_bytes=size, shared=beta
    )
    in_phase = trained(step, workers).step_time_s
    assert in_phase == pytest.approx(workers * size / beta + 5e-3, rel=EXACT)


@pytest.mark.parametrize("workers", [1, 2, 4, 5])
def test_flows_slower_than_the_link_share_it_only_once_it_is_full(
    trained: Trained, workers: int
) -> None:
    """One flow reaches a quarter of the link: up to four do not feel each other."""
    size, beta = 1e6, 1e8
    step = costs(transfer_s=4 * size / beta, push_transfer_s=0.0, size_bytes=size, shared=beta)
    run = trained(step, workers)
    assert run.step_time_s == pytest.approx(size / beta * max(4, workers), rel=EXACT)


def test_two_directions_do_not_share_a_link(trained: Trained) -> None:
    """Full duplex: N workers take 2·N·n/β in phase, and half of it in turn."""
    size, beta, workers = 1e6, 1e8, 4
    step = costs(transfer_s=size / beta, size_bytes=size, shared=beta)
    in_phase = trained(step, workers).step_time_s
    assert in_phase == pytest.approx(2 * workers * size / beta, rel=EXACT)
    in_turn = trained(step, workers, discipline="fifo").step_time_s
    assert in_turn == pytest.approx(workers * size / beta, rel=EXACT)


def test_bytes_inside_a_host_take_no_wire_but_they_take_loopback(trained: Trained) -> None:
    size, beta, workers = 1e6, 1e8, 4
    step = costs(transfer_s=size / beta, push_transfer_s=0.0, size_bytes=size, shared=beta)
    inside = trained(step, workers, **SHARED).step_time_s
    assert inside == pytest.approx(size / beta, rel=EXACT)
    looped = trained(step, workers, loopback=True, **SHARED).step_time_s
    assert looped == pytest.approx(workers * size / beta, rel=EXACT)


def test_shards_of_two_ps_cross_the_workers_end_together(trained: Trained) -> None:
    """Each ps sends at β, but one worker's link takes only β of the two."""
    size, beta = 1e6, 1e8
    step = costs(
        transfer_s=size / beta, push_transfer_s=0.0, size_bytes=size, shards=2, shared=beta
    )
    run = trained(step, 1, ps=2)
    assert run.step_time_s == pytest.approx(2 * size / beta, rel=EXACT)
    unlimited = costs(transfer_s=size / beta, push_transfer_s=0.0, size_bytes=size, shards=2)
    assert trained(unlimited, 1, ps=2).step_time_s == pytest.approx(size / beta, rel=EXACT)


@pytest.mark.parametrize("workers", [2, 3, 8, 64])
def test_ring_all_reduce(trained: Trained, workers: int) -> None:
    """2(N−1)α + 2(N−1)/N · n/β, after dispatch and compute."""
    made = every_feature()
    alpha = estimate(made.collective.latency_s)
    beta = estimate(made.collective.bandwidth_bytes_per_s)
    size = 1e6
    step = costs(compute_s=7e-3, collective=all_reduce(made.drawn(None), workers, size))
    run = trained(step, workers, strategy="allreduce")
    ring_s = 2 * (workers - 1) * alpha + 2 * (workers - 1) / workers * size / beta
    assert run.step_time_s == pytest.approx(7e-3 + ring_s, rel=EXACT)
    assert run.breakdown["collective_latency"] == pytest.approx(
        2 * (workers - 1) * alpha, rel=EXACT
    )


def test_a_synchronous_round_ends_with_the_last_push(trained: Trained) -> None:
    """Fair: N fetches at once, compute, N pushes at once: 2·N·n/β + compute."""
    size, beta, workers = 1e6, 1e8, 3
    step = costs(transfer_s=size / beta, compute_s=5e-3, size_bytes=size, shared=beta)
    run = trained(step, workers, strategy="ps-sync")
    assert run.step_time_s == pytest.approx(2 * workers * size / beta + 5e-3, rel=EXACT)


def test_a_synchronous_round_under_fifo(trained: Trained) -> None:
    """The k-th fetch ends at k·S; pushes follow in order, so a round is (N+1)·S + compute.

    S = n/β. Of three workers the first waits 2·S at the barrier, the second S, the last not.
    """
    size, beta, workers = 1e6, 1e8, 3
    step = costs(transfer_s=size / beta, compute_s=5e-3, size_bytes=size, shared=beta)
    run = trained(step, workers, strategy="ps-sync", discipline="fifo")
    assert run.step_time_s == pytest.approx((workers + 1) * size / beta + 5e-3, rel=EXACT)
    assert run.breakdown["barrier_wait"] == pytest.approx(size / beta, rel=EXACT)
    assert run.breakdown["link_contention"] == pytest.approx(size / beta, rel=EXACT)


@pytest.mark.parametrize("rate", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("workers", [1, 2, 3, 5, 9])
def test_tasks_share_the_cores_of_their_host(trained: Trained, workers: int, rate: float) -> None:
    """N tasks that keep ``rate`` of c cores busy are slowed by max(1, N·rate/c)."""
    cores, compute_s = 2.0, 10e-3
    step = costs(compute_s=compute_s, cores=cores, compute_worker_s=rate * compute_s)
    run = trained(step, workers, **SHARED)
    slowed_s = compute_s * max(1.0, workers * rate / cores)
    assert run.step_time_s == pytest.approx(slowed_s, rel=EXACT)
    assert run.breakdown["compute"] == pytest.approx(compute_s, rel=EXACT)
    assert run.breakdown["host_contention"] == pytest.approx(
        slowed_s - compute_s, rel=EXACT, abs=1e-15
    )


def test_a_ps_serves_all_workers_with_its_own_cores(trained: Trained) -> None:
    """Six workers on hosts of their own; each fetch keeps one core of the ps's two busy."""
    step = costs(transfer_s=4e-3, push_transfer_s=0.0, cores=2.0, fetch_transfer_ps_s=4e-3)
    assert trained(step, 6).step_time_s == pytest.approx(4e-3 * 6 / 2, rel=EXACT)


def test_two_workers_a_host_share_it_and_not_their_neighbours(trained: Trained) -> None:
    step = costs(compute_s=10e-3, cores=2.0, compute_worker_s=20e-3)
    run = trained(step, 4, workers_per_host=2)
    assert run.step_time_s == pytest.approx(20e-3, rel=EXACT)
    uneven = trained(step, 3, workers_per_host=2)
    assert uneven.steps_s.mean(axis=1) == pytest.approx([20e-3, 20e-3, 10e-3], rel=EXACT)


def test_a_demand_beyond_all_cores_counts_where_tasks_compete(trained: Trained) -> None:
    """It was measured there: two take it all in turn, and one alone still takes its own time."""
    step = costs(compute_s=10e-3, cores=2.0, compute_worker_s=30e-3)
    assert trained(step, 1, **SHARED).step_time_s == pytest.approx(10e-3, rel=EXACT)
    assert trained(step, 2, **SHARED).step_time_s == pytest.approx(30e-3, rel=EXACT)


#: Steps of 20 ms by those that are owned, of 5 ms by those that are added.
TWO_KINDS = replace(costs(compute_s=20e-3), added=costs(compute_s=5e-3))


@pytest.mark.parametrize("owned", [1, 3])
def test_asynchronous_workers_of_two_kinds_add_up(trained: Trained, owned: int) -> None:
    """N / step = Σ 1 / own step: nobody waits for anybody."""
    added = AddedWorkers(owned, 2, "2:4x")
    run = trained(TWO_KINDS, owned + 2, added=added)
    assert run.steps_s.mean(axis=1) == pytest.approx([20e-3] * owned + [5e-3] * 2, rel=EXACT)
    rate = owned / 20e-3 + 2 / 5e-3
    assert (owned + 2) / run.step_time_s == pytest.approx(rate, rel=EXACT)


@pytest.mark.parametrize(
    ("way", "after"),
    [
        ({"strategy": "ps-sync"}, ()),
        (
            {"strategy": "allreduce", "runtime": "mirrored"},
            (Phase("collective_latency", "collective", 2e-3),),
        ),
    ],
)
@pytest.mark.parametrize(("own_s", "added_s"), [(20e-3, 5e-3), (5e-3, 20e-3)])
def test_synchronous_workers_of_two_kinds_take_the_slower_one_s_step(
    trained: Trained, way: dict[str, str], after: tuple[Phase, ...], own_s: float, added_s: float
) -> None:
    own, added = (costs(compute_s=each_s, collective=after) for each_s in (own_s, added_s))
    both = replace(own, added=added)
    run = trained(both, 4, added=AddedWorkers(2, 2, "2:4x"), **way)
    assert run.step_time_s == pytest.approx(20e-3 + sum(p.wall_s for p in after), rel=EXACT)
    assert run.breakdown["barrier_wait"] == pytest.approx(15e-3 / 2, rel=EXACT)
