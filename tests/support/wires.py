"""Wires: seconds of one worker's transfers, alone on its links, by the costs of a step."""

from __future__ import annotations

from nworkers.models.costs.step import step_costs
from nworkers.models.records.profile import Profile
from nworkers.models.records.runtimes import RUNTIMES_OF, Strategy
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import Cost, Variable, Workload

MIB = 2**20
SIZES = (4, 1000, 15_000, 16_000, 40_000, 45_000, MIB, 16 * MIB)


def job(strategy: Strategy, size_bytes: int, workers: int = 4) -> Scenario:
    return Scenario(
        Workload("it", (Variable("w", (max(1, size_bytes // 4),)),), cost=Cost(1e-3, 0.0)),
        workers,
        strategy,
        RUNTIMES_OF[strategy][0],
    )


def moved_s(of: Profile, strategy: Strategy, size_bytes: int) -> float:
    """Seconds of transfers of one worker alone on its links, without those that bring no bytes."""
    costs = step_costs(of, job(strategy, size_bytes))
    chains = (*costs.fetch, *costs.push, costs.collective)
    return sum(p.wall_s for chain in chains for p in chain if p.cause.endswith("_transfer"))


def step_s(of: Profile, strategy: Strategy, size_bytes: int) -> float:
    costs = step_costs(of, job(strategy, size_bytes))
    chains = (*costs.fetch, *costs.push, costs.collective, (costs.dispatch,))
    return sum(p.wall_s for chain in chains for p in chain)
