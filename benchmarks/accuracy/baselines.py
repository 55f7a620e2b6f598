"""Baselines: what simpler models make of a cell, from its calibration or other runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from nworkers.models.base.statistics import Floats
from nworkers.models.costs.laws import sustained
from nworkers.models.costs.step import step_costs
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario

#: How many measured rows of a curve a fitted law sees: the smallest counts. It is judged on others.
SEEN = {"amdahl": 2, "usl": 3, "optimus": 2}


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


def paleo_s(profile: Profile, scenario: Scenario) -> float:
    """Compute, and bytes over bandwidth at the busiest server or in the ring (Paleo, ICLR 2017)."""
    compute_s = step_costs(profile, scenario, draw=None).compute.wall_s
    known = profile.drawn(None)
    size, workers = scenario.workload.size_bytes, scenario.workers
    if scenario.strategy == "allreduce":
        ring = known.collective.bandwidth_bytes_per_s or sustained(known.link.fetch)
        return compute_s + 2.0 * (workers - 1) / workers * size / ring
    fetched, pushed = sustained(known.link.fetch), sustained(known.link.push)
    return compute_s + workers * size / scenario.ps * (1.0 / fetched + 1.0 / pushed)


@dataclass(frozen=True)
class Seen:
    """A measured row that a law is fitted to, or one that it is asked about."""

    workers: int
    ps: int
    batch: int
    step_s: float


Terms = Callable[[Seen], list[float]]


def amdahl_s(seen: Sequence[Seen], asked: Seen) -> float:
    """Throughput λN/(1 + σ(N − 1)), through the rows seen (Amdahl, 1967)."""
    return asked.batch * _fitted(seen, asked, lambda row: [1.0, row.workers - 1.0], by_batch=True)


def usl_s(seen: Sequence[Seen], asked: Seen) -> float:
    """The Universal Scalability Law: λN/(1 + σ(N − 1) + κN(N − 1)) (Gunther, 2007)."""
    return asked.batch * _fitted(
        seen,
        asked,
        lambda row: [1.0, row.workers - 1.0, row.workers * (row.workers - 1.0)],
        by_batch=True,
    )


def optimus_s(seen: Sequence[Seen], asked: Seen, *, sync: bool) -> float:
    """Optimus' speed over p servers and w workers (Peng et al., EuroSys 2018, section 3.2).

    Asynchronous: w/(θ0 + θ1 w/p + θ2 w + θ3 p). Synchronous, of a batch of M for all workers:
    1/(θ0 M/w + θ1 + θ2 w/p + θ3 w + θ4 p). All θ are non-negative.
    """

    def terms(row: Seen) -> list[float]:
        shared = [1.0, row.workers / row.ps, float(row.workers), float(row.ps)]
        return [float(row.batch), *shared] if sync else shared

    return _fitted(seen, asked, terms, by_batch=False)


def _fitted(seen: Sequence[Seen], asked: Seen, terms: Terms, *, by_batch: bool) -> float:
    """A step's time, or a sample's, by non-negative least squares of relative errors."""
    times = np.array([row.step_s / (row.batch if by_batch else 1) for row in seen])
    known: Floats = np.array([terms(row) for row in seen])
    # Terms of very different sizes: each in units of its largest.
    units = np.max(np.abs(known), axis=0)
    units[units == 0.0] = 1.0
    found, _ = optimize.nnls(known / units / times[:, None], np.ones(len(seen)))
    return float(np.array(terms(asked)) / units @ found)
