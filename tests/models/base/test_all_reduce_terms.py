"""The ring's terms and nccl-tests' bandwidths, on cases worked out by hand."""

from __future__ import annotations

import pytest

from nworkers.models.base.all_reduce_terms import (
    bus_bandwidth,
    hierarchical_terms,
    ring_terms,
    tree_terms,
)


def ring_s(size_bytes: float, workers: int, latency_s: float, bytes_per_s: float) -> float:
    hops, moved = ring_terms(size_bytes, workers)
    return hops * latency_s + moved / bytes_per_s


@pytest.mark.parametrize(
    ("workers", "bus"), [(1, 0.0), (2, 100.0), (3, 400 / 3), (4, 150.0), (8, 175.0)]
)
def test_bandwidths_are_those_of_nccl_tests(workers: int, bus: float) -> None:
    assert bus_bandwidth(50.0, 0.5, workers) == pytest.approx(bus)


@pytest.mark.parametrize("workers", [2, 3, 16, 1000])
def test_without_latency_the_bus_bandwidth_is_the_links(workers: int) -> None:
    taken_s = ring_s(1e6, workers, latency_s=0.0, bytes_per_s=1e9)
    assert bus_bandwidth(1e6, taken_s, workers) == pytest.approx(1e9)


def test_a_ring_pays_the_latency_of_every_hop() -> None:
    assert ring_s(0.0, 5, latency_s=0.001, bytes_per_s=1.0) == pytest.approx(0.008)


def test_a_ring_of_four_steps_takes_each_quarter_six_times() -> None:
    """3 + 3 transfers of 250 bytes at 1000 bytes a second, each after 10 ms."""
    taken_s = ring_s(1000.0, 4, latency_s=0.01, bytes_per_s=1000.0)
    assert taken_s == pytest.approx(6 * (0.01 + 0.25))


def test_one_worker_has_nothing_to_exchange() -> None:
    assert ring_s(1e9, 1, latency_s=1.0, bytes_per_s=1.0) == 0.0


@pytest.mark.parametrize(("workers", "hops"), [(1, 0), (2, 2), (3, 4), (4, 4), (5, 6), (8, 6)])
def test_a_tree_has_as_many_levels_as_doublings(workers: int, hops: int) -> None:
    assert tree_terms(100.0, workers) == (hops, 100.0 * hops)


def test_a_hierarchy_has_a_ring_inside_and_one_between() -> None:
    inside, between = hierarchical_terms(1200.0, hosts=3, per_host=4)
    assert inside == pytest.approx((6, 1800))
    assert between == pytest.approx((4, 1600))
    assert hierarchical_terms(1200.0, hosts=1, per_host=4)[1] == (0, 0)
