"""All-reduce: the phases of collectives between workers, inside hosts, and of fused gradients."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nworkers.models.base.all_reduce_terms import (
    ALGORITHMS,
    Algorithm,
    hierarchical_terms,
    two_tier_terms,
)
from nworkers.models.base.draws import larger
from nworkers.models.costs.laws import all_reduce_s, busy, segment_for, unmeasured_hop
from nworkers.models.costs.layers import layer_of
from nworkers.models.costs.phase import Chain, Phase
from nworkers.models.costs.sharding import carried_bytes, compressed
from nworkers.models.records.profile import Drawn, Segment
from nworkers.models.records.scenario import Scenario


@dataclass(frozen=True)
class AlphaBeta:
    """What a collective costs: seconds of a hop and of a byte, and processor seconds of them."""

    hop_s: float
    byte_s: float
    processor_hop_s: float
    processor_byte_s: float

    def phases(self, terms: tuple[float, float], layer: int = 0) -> Chain:
        """Latency of every hop, then the bytes."""
        latency_s, transfer_s = all_reduce_s(terms, self.hop_s, self.byte_s)
        hops_s, bytes_s = all_reduce_s(terms, self.processor_hop_s, self.processor_byte_s)
        return (
            Phase("collective_latency", "collective", latency_s, hops_s, layer=layer),
            Phase("collective_transfer", "collective", transfer_s, bytes_s, layer=layer),
        )


#: Coefficients of α and 1/β (`nworkers.models.base.all_reduce_terms`).
_Terms = tuple[float, float]


def _between_workers(known: Drawn, size_bytes: float, terms: _Terms) -> AlphaBeta:
    """As collectives of so many bytes were measured.

    Until they are, a hop costs what a fetch of its bytes does, its processor time too. An imported
    time holds whatever its processors did, which no table of another tool tells apart.
    """
    host, collective = known.host, known.collective
    latency_s, bandwidth = collective.latency_s, collective.bandwidth_bytes_per_s
    if latency_s is None or bandwidth is None:
        hops, moved = terms
        latency_s, byte_s = unmeasured_hop(known.link, moved / hops if hops else 0.0)
    else:
        first = Segment(0.0, latency_s, bandwidth)
        of = segment_for((first, *collective.segments), size_bytes)
        latency_s, byte_s = of.latency_s, 1.0 / of.bandwidth_bytes_per_s
    per_hop_s, per_byte_s = collective.processor_per_hop_s, collective.processor_per_byte_s
    if per_hop_s is None or per_byte_s is None:
        per_hop_s = host.fetch_worker.per_request_s + host.fetch_ps.per_request_s
        per_byte_s = host.fetch_worker.per_byte_s + host.fetch_ps.per_byte_s
        if collective.imported and collective.measured:
            per_hop_s = per_byte_s = 0.0
    return AlphaBeta(latency_s, byte_s, per_hop_s * busy(host), per_byte_s * busy(host))


def all_reduce(known: Drawn, workers: int, size_bytes: float) -> Chain:
    """One all-reduce between workers on hosts alike, by the algorithm that was measured."""
    terms = ALGORITHMS[known.collective.algorithm](size_bytes, workers)
    return _between_workers(known, size_bytes, terms).phases(terms)


def _between_hosts(known: Drawn, scenario: Scenario, size_bytes: float, terms: _Terms) -> AlphaBeta:
    """Over the slowest link of the ring, and with the transport that was asked for."""
    change, cost = scenario.what_if, _between_workers(known, size_bytes, terms)
    slower = 1.0 if change.slow_links is None else change.slow_links.factor
    if change.racks is not None:
        # A ring in the order of the racks leaves and enters each of them once.
        slower = max(slower, change.racks.oversubscription / change.racks.hosts)
    cost = replace(cost, byte_s=cost.byte_s * slower)
    if change.rdma is not None:
        cost = replace(cost, hop_s=change.rdma.latency_s, processor_hop_s=change.rdma.processor_s)
        cost = replace(cost, processor_byte_s=0.0)
    return cost


def _inside(known: Drawn, scenario: Scenario, size_bytes: float, terms: _Terms) -> AlphaBeta:
    """Inside a host: the link that is asked for, or was measured there; else as between workers."""
    stated, tier = scenario.what_if.inner_link, known.collective.inner
    if tier is not None:
        of = segment_for(tier.segments, size_bytes)
        cost = AlphaBeta(of.latency_s, 1.0 / of.bandwidth_bytes_per_s, 0.0, 0.0)
    else:
        cost = _between_workers(known, size_bytes, terms)
    if stated is None:
        return cost
    return replace(
        cost, hop_s=stated.latency_s or cost.hop_s, byte_s=1.0 / stated.bandwidth_bytes_per_s
    )


def buckets(known: Drawn, scenario: Scenario) -> Chain:
    """All-reduces of fused gradients, in the order in which these appear.

    A bucket takes gradients as long as they fit, and at least one.
    """
    workload, change = scenario.workload, scenario.what_if
    of = layer_of(workload)
    factor = compressed(change)
    filled: list[tuple[int, float]] = []
    for layer, variable in zip(reversed(of), reversed(workload.variables), strict=True):
        size = carried_bytes(variable, change) * factor
        begun = filled[-1][1] if filled else 0.0
        if filled and (change.bucket_bytes is None or begun + size <= change.bucket_bytes):
            filled[-1] = (layer, begun + size)
        else:
            filled.append((layer, size))
    chain: Chain = ()
    for layer, size in filled:
        chain += _one_all_reduce(known, scenario, size, layer if change.overlap else 0)
    return chain


def _one_all_reduce(known: Drawn, scenario: Scenario, size_bytes: float, layer: int) -> Chain:
    workers, per_host = scenario.workers, scenario.workers_on_a_host
    collective, wanted = known.collective, scenario.what_if.all_reduce
    hosts = scenario.hosts_with_workers
    if wanted is None and collective.inner is not None and collective.per_host is None:
        # Inside measured alone: what is between hosts was measured apart, or is a link's.
        wanted = "hierarchical" if hosts > 1 else "ring"
    if wanted == "hierarchical":
        inside, outside = hierarchical_terms(size_bytes, hosts, per_host)
        return _inside(known, scenario, size_bytes, inside).phases(inside, layer) + _between_hosts(
            known, scenario, size_bytes, outside
        ).phases(outside, layer)
    algorithm = wanted or collective.algorithm
    if collective.per_host is not None or (hosts == 1 and collective.inner is not None):
        return _two_tiers(known, scenario, size_bytes, algorithm, layer)
    terms = ALGORITHMS[algorithm](size_bytes, workers)
    between = _between_hosts(known, scenario, size_bytes, terms)
    if per_host > 1:
        # In lock-step, every hop is as slow as the slowest.
        inner = _inside(known, scenario, size_bytes, terms)
        between = replace(between, byte_s=larger(between.byte_s, inner.byte_s))
    return between.phases(terms, layer)


def _two_tiers(
    known: Drawn, scenario: Scenario, size_bytes: float, algorithm: Algorithm, layer: int
) -> Chain:
    """Latencies of both tiers, and the bytes of the one that takes longer for them."""
    hosts = scenario.hosts_with_workers
    inside, outside = two_tier_terms(size_bytes, scenario.workers, hosts, algorithm)
    within = _inside(known, scenario, size_bytes, inside).phases(inside, layer)
    if not any(outside):
        return within
    latency, transfer = _between_hosts(known, scenario, size_bytes, outside).phases(outside, layer)
    slower_s = larger(within[1].wall_s, transfer.wall_s)
    return within[0], latency, replace(transfer, wall_s=slower_s)


def inside_host(known: Drawn, scenario: Scenario, size_bytes: float) -> tuple[Chain, Chain]:
    """A reduce to one worker of each host, and a broadcast from it: half an all-reduce each."""
    hops, moved = ALGORITHMS["ring"](size_bytes, scenario.workers_on_a_host)
    half = (hops / 2.0, moved / 2.0)
    cost = _inside(known, scenario, size_bytes, half)
    return cost.phases(half), cost.phases(half)
