"""The ring's terms and nccl-tests' bandwidths, on cases worked out by hand."""

from __future__ import annotations

import pytest

from scale.models.collectives import bus_bandwidth, ring_terms


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
