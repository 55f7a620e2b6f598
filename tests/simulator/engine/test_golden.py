"""Whole traces of tiny runs, each with the sum by hand beside it. Seconds are whole numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nworkers.models.costs.layers import Layer
from nworkers.models.costs.phase import Phase
from nworkers.models.costs.step import StepCosts
from tests.support.costs import costs
from tests.support.runs import Row, Traced


def test_one_worker_goes_through_its_phases(traced: Traced) -> None:
    step = costs(dispatch_s=1, latency_s=1, transfer_s=2, compute_s=4, size_bytes=2)
    assert traced(step, 1) == [
        (0, "dispatch", 0, 1),
        (0, "fetch_latency", 1, 2),
        (0, "fetch_transfer", 2, 4),
        (0, "compute", 4, 8),
        (0, "push_latency", 8, 9),
        (0, "push_transfer", 9, 11),
    ]


def test_two_workers_share_the_link_of_the_ps(traced: Traced) -> None:
    """2 bytes at 1 byte/s take 2 s alone; two at once take 4 s, both ways."""
    step = costs(transfer_s=2, compute_s=4, size_bytes=2, shared=1)
    assert traced(step, 2) == [
        (0, "fetch_transfer", 0, 4),
        (1, "fetch_transfer", 0, 4),
        (0, "compute", 4, 8),
        (1, "compute", 4, 8),
        (0, "push_transfer", 8, 12),
        (1, "push_transfer", 8, 12),
    ]


def test_a_synchronous_round_waits_for_the_slow_worker(traced: Traced) -> None:
    """Worker 1 computes twice as long: 8 s; its push begins when that of worker 0 has ended."""
    step = costs(transfer_s=2, push_transfer_s=1, compute_s=4, size_bytes=2)
    assert traced(step, 2, 2, "slow-workers=1,2", strategy="ps-sync") == [
        (0, "fetch_transfer", 0, 2),
        (1, "fetch_transfer", 0, 2),
        (0, "compute", 2, 6),
        (1, "compute", 2, 10),
        (0, "push_transfer", 6, 7),
        (0, "barrier_wait", 7, 11),
        (1, "push_transfer", 10, 11),
        (0, "fetch_transfer", 11, 13),
        (1, "fetch_transfer", 11, 13),
        (0, "compute", 13, 17),
        (1, "compute", 13, 21),
        (0, "push_transfer", 17, 18),
        (0, "barrier_wait", 18, 22),
        (1, "push_transfer", 21, 22),
    ]


def test_a_backup_worker_is_not_waited_for(traced: Traced) -> None:
    """Three workers, the last four times slower, one spare: rounds of 4 s without it.

    Its first gradient comes at 16 s, in the fifth round, which began then: it is dropped, and the
    worker begins anew.
    """
    step = costs(compute_s=4)
    said = ("slow-workers=1,4", "backup-workers=1")
    rows = traced(step, 3, 4, *said, strategy="ps-sync")
    assert [row for row in rows if row[0] == 0] == [
        (0, "compute", 4.0 * k, 4.0 * k + 4) for k in range(4)
    ]
    assert [row for row in rows if row[0] == 2] in (
        [(2, "compute", 0, 16)],
        [],  # the run ends with the fourth round, in the same instant
    )


def test_nobody_gets_further_ahead_than_the_bound(traced: Traced) -> None:
    """Worker 1 takes 6 s a step, worker 0 takes 2. One ahead: it waits for 6 s, then for 12."""
    step = costs(compute_s=2)
    rows = traced(step, 2, 3, "slow-workers=1,3", "staleness=1")
    assert [row for row in rows if row[0] == 0] == [
        (0, "compute", 0, 2),
        (0, "compute", 2, 4),
        (0, "barrier_wait", 4, 6),
        (0, "compute", 6, 8),
        (0, "barrier_wait", 8, 12),
    ]


def layered() -> StepCosts:
    """Two layers: transfers of 2 s each way for each, passes of 1 s each."""
    step = costs(compute_s=4)
    fetch = tuple(Phase("fetch_transfer", "fetch", 2, layer=k) for k in (0, 1))
    push = tuple(Phase("push_transfer", "push", 2, layer=k) for k in (1, 0))
    return replace(step, layers=(Layer(0.25, 0.25),) * 2, fetch=(fetch,), push=(push,))


def test_transfers_of_a_layer_overlap_the_compute_of_another(traced: Traced) -> None:
    """The forward pass of layer 1 waits for its variables; gradients queue on the connection."""
    assert traced(layered(), 1) == [
        (0, "fetch_transfer", 0, 2),
        (0, "compute", 2, 3),
        (0, "fetch_transfer", 2, 4),
        (0, "compute", 4, 5),
        (0, "compute", 5, 6),
        (0, "compute", 6, 7),
        (0, "push_transfer", 6, 8),
        (0, "push_transfer", 8, 10),
    ]


def test_buckets_are_reduced_while_gradients_appear(traced: Traced) -> None:
    """Layer 1's bucket goes from 3 to 6 s, beside layer 0's backward pass; then layer 0's."""
    buckets = tuple(Phase("collective_transfer", "collective", 3, layer=k) for k in (1, 0))
    step = replace(layered(), fetch=(), push=(), collective=buckets)
    rows = traced(step, 2, strategy="allreduce", runtime="mirrored")
    assert [row for row in rows if row[0] == 0] == [
        (0, "compute", 0, 1),
        (0, "compute", 1, 2),
        (0, "compute", 2, 3),
        (0, "compute", 3, 4),
        (0, "collective_transfer", 3, 6),
        (0, "collective_transfer", 6, 9),
    ]


def test_a_host_goes_to_the_ps_as_one(traced: Traced) -> None:
    """Four workers on two hosts: a leader of each fetches, all compute, all reduce, one pushes."""
    inside = (Phase("collective_transfer", "collective", 1),)
    step = replace(costs(transfer_s=2, compute_s=4, size_bytes=2), collective=inside, spread=inside)
    rows = traced(step, 4, 1, "hybrid", workers_per_host=2)
    assert [row for row in rows if row[0] == 2] == [
        (2, "fetch_transfer", 0, 2),
        (2, "collective_transfer", 2, 3),
        (2, "compute", 3, 7),
        (2, "collective_transfer", 7, 8),
        (2, "push_transfer", 8, 10),
    ]
    assert [row for row in rows if row[0] == 3] == [
        (3, "barrier_wait", 0, 3),
        (3, "compute", 3, 7),
        (3, "collective_transfer", 7, 8),
    ]


def test_one_process_schedules_for_all_workers(traced: Traced) -> None:
    """A function takes 3 s to come, 2 of them in the coordinator: the second worker's takes 4."""
    step = replace(costs(dispatch_s=3, compute_s=1), coordinator_s=2.0)
    assert traced(step, 2, runtime="coordinator") == [
        (0, "dispatch", 0, 3),
        (1, "dispatch", 0, 5),
        (0, "compute", 3, 4),
        (1, "compute", 5, 6),
    ]


@pytest.mark.parametrize(
    ("compute_s", "second"),
    [
        # The next batch is made while the one before is computed with.
        (1.0, (0, "input", 4, 6)),
        # A pipeline that is quicker than the compute is never waited for.
        (5.0, (0, "compute", 8, 13)),
    ],
)
def test_input_is_made_ahead(traced: Traced, compute_s: float, second: Row) -> None:
    step = replace(costs(compute_s=compute_s), input_s=3.0)
    rows = traced(step, 1, 2)
    first: Row = (0, "input", 0, 3)
    assert rows[0::2] == [first, second]
