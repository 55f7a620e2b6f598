"""All-reduce terms: its hops and moved bytes, and bandwidth as nccl-tests defines it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Algorithm = Literal["ring", "tree"]
#: Coefficients of α and 1/β in the seconds of an all-reduce of so many bytes by so many workers.
Terms = Callable[[float, int], tuple[float, float]]


def ring_terms(size_bytes: float, workers: int) -> tuple[float, float]:
    """2(N−1) and 2(N−1)/N · n.

    N−1 steps of reduce-scatter and N−1 of all-gather, each of n/N bytes: Patarasuk and Yuan,
    *J. Parallel Distrib. Comput.* 69 (2009). The second is what crosses each worker's link, in one
    direction.
    """
    hops = 2.0 * (workers - 1)
    return hops, hops / workers * size_bytes


def tree_terms(size_bytes: float, workers: int) -> tuple[float, float]:
    """2⌈log₂ N⌉ and 2⌈log₂ N⌉ · n: a binomial tree reduces to one worker, another broadcasts.

    Thakur, Rabenseifner and Gropp, *Int. J. High Perform. Comput. Appl.* 19 (2005).
    """
    hops = 2.0 * (workers - 1).bit_length()
    return hops, hops * size_bytes


def hierarchical_terms(
    size_bytes: float, hosts: int, per_host: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Terms inside a host, and between hosts.

    A reduce and a broadcast inside each host, in rings of its workers, around a ring of the hosts'
    leaders: NCCL's and Horovod's hierarchical all-reduce (Sergeev and Del Balso, arXiv:1802.05799).
    """
    return ring_terms(size_bytes, per_host), ring_terms(size_bytes, hosts)


def two_tier_terms(
    size_bytes: float, workers: int, hosts: int, algorithm: Algorithm
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Terms inside hosts, and between them, where the bytes of both move at the same time.

    As NCCL's own model has them (src/graph/tuning.cc of NCCL 2.18). Of a ring's 2(N−1) hops, 2H
    cross hosts. A tree is a chain inside each host and has ⌈log₂ H⌉ levels of hosts. Every host
    passes on 2(N−1)/N of the bytes. Two hosts alone send each other each byte once: there one is
    the other's only child in a tree (nccl issue 812, nccl-tests issue 169).
    """
    hops, moved = ring_terms(size_bytes, workers)
    if hosts == 1:
        return (hops, moved), (0.0, 0.0)
    per_host = -(-workers // hosts)
    if algorithm == "tree":
        between, within = 2.0 * (hosts - 1).bit_length(), 2.0 * (per_host - 1)
    else:
        between = min(2.0 * hosts, hops)
        within = hops - between
    crossing = size_bytes if hosts == 2 else moved
    return (within, moved if per_host > 1 else 0.0), (between, crossing)


ALGORITHMS: dict[Algorithm, Terms] = {"ring": ring_terms, "tree": tree_terms}


def bus_bandwidth(size_bytes: float, seconds: float, workers: int) -> float:
    """Bytes per second over the busiest link (nccl-tests, doc/PERFORMANCE.md, "busbw").

    It does not depend on N where the link is the limit, so it compares with the link's bandwidth;
    it is 0 for one worker, which sends nothing.
    """
    return ring_terms(size_bytes, workers)[1] / seconds
