"""Baselines: what simpler models make of a cell, from the same calibration or the same runs."""

from __future__ import annotations

from collections.abc import Mapping

from nworkers.models.costs.laws import sustained
from nworkers.models.costs.step import step_costs
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario


def hockney_s(profile: Profile, scenario: Scenario) -> float:
    """α + n/β of every transfer, one after the other, as if each worker were alone."""
    costs = step_costs(profile, scenario, draw=None)
    chains = (costs.fetch, costs.push)
    slowest = [
        max((sum(phase.wall_s for phase in chain) for chain in shards), default=0.0)
        for shards in chains
    ]
    return (
        costs.dispatch.wall_s
        + costs.compute.wall_s
        + sum(slowest)
        + sum(phase.wall_s for phase in (*costs.collective, *costs.round))
    )


def bandwidth_s(profile: Profile, scenario: Scenario) -> float:
    """Compute, and bytes over bandwidth at the busiest server or in the ring (Paleo, ICLR 2017)."""
    compute_s = step_costs(profile, scenario, draw=None).compute.wall_s
    known = profile.drawn(None)
    size, workers = scenario.workload.size_bytes, scenario.workers
    if scenario.strategy == "allreduce":
        ring = known.collective.bandwidth_bytes_per_s or sustained(known.link.fetch)
        return compute_s + 2.0 * (workers - 1) / workers * size / ring
    fetched, pushed = sustained(known.link.fetch), sustained(known.link.push)
    return compute_s + workers * size / scenario.ps * (1.0 / fetched + 1.0 / pushed)


def universal_s(measured_s: Mapping[int, tuple[float, int]], workers: int, batch: int) -> float:
    """The Universal Scalability Law through the throughputs of one and two workers.

    Two rows leave the coherence term at zero, which is Amdahl's law (Gunther, 2007).

    Args:
        measured_s: step time and per-worker batch, at one and at two workers.
        batch: of each of the workers.
    """
    (one_s, one_batch), (two_s, two_batch) = measured_s[1], measured_s[2]
    rate = one_batch / one_s
    contention = 2.0 * rate / (2.0 * two_batch / two_s) - 1.0
    return batch * (1.0 + contention * (workers - 1)) / rate
