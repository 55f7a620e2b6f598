"""Collectives: the ring's terms, and bandwidth in the definition of nccl-tests."""

from __future__ import annotations


def ring_terms(size_bytes: float, workers: int) -> tuple[float, float]:
    """Coefficients of α and 1/β in the time of a ring all-reduce: 2(N−1) and 2(N−1)/N · n.

    N−1 steps of reduce-scatter and N−1 of all-gather, each of n/N bytes: Patarasuk and Yuan,
    *J. Parallel Distrib. Comput.* 69 (2009). The second is what crosses each worker's link, in one
    direction.
    """
    hops = 2.0 * (workers - 1)
    return hops, hops / workers * size_bytes


def bus_bandwidth(size_bytes: float, seconds: float, workers: int) -> float:
    """Bytes per second over the busiest link (nccl-tests, doc/PERFORMANCE.md, "busbw").

    It does not depend on N where the link is the limit, so it compares with the link's bandwidth;
    it is 0 for one worker, which sends nothing.
    """
    return ring_terms(size_bytes, workers)[1] / seconds
