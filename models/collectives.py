"""Collectives: bandwidths in the definition of nccl-tests, and the ring's closed form."""

from __future__ import annotations


def algorithm_bandwidth(size_bytes: float, seconds: float) -> float:
    """Bytes of the result per second: n/t (nccl-tests, doc/PERFORMANCE.md, "algbw")."""
    return size_bytes / seconds


def all_reduce_bus_bandwidth(size_bytes: float, seconds: float, workers: int) -> float:
    """Bytes per second over the busiest link: algbw · 2(K−1)/K (the same document, "busbw").

    It does not depend on K where the link is the limit, so it compares with the link's bandwidth;
    it is 0 for one worker, which sends nothing.
    """
    return algorithm_bandwidth(size_bytes, seconds) * _crossings(workers)


def ring_all_reduce_s(
    size_bytes: float, workers: int, *, latency_s: float, bandwidth_bytes_per_s: float
) -> float:
    """Seconds of a ring all-reduce of n bytes over K workers: 2(K−1)α + 2(K−1)/K · n/β.

    K−1 steps of reduce-scatter and K−1 of all-gather, each of n/K bytes (Patarasuk and Yuan,
    "Bandwidth optimal all-reduce algorithms for clusters of workstations", J. Parallel Distrib.
    Comput. 69, 2009; with latency as in Thakur, Rabenseifner and Gropp, "Optimization of collective
    communication operations in MPICH", Int. J. High Perform. Comput. Appl. 19, 2005).
    """
    return 2 * (workers - 1) * latency_s + _crossings(workers) * size_bytes / bandwidth_bytes_per_s


def _crossings(workers: int) -> float:
    """How often each byte of the result crosses a worker's link, in one direction: 2(K−1)/K."""
    return 2 * (workers - 1) / workers
