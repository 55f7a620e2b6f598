"""Cost change: a step of which some causes take another time, or none at all.

What a cause costs is not what a step would gain without it: what it kept apart then meets, and
another resource takes over. So such a step is simulated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from nworkers.models.costs.phase import Chain, Phase
from nworkers.models.costs.step import StepCosts
from nworkers.models.records.prediction import Cause

#: A phase of no time would leave the graph of a step, and with it those that begin with it.
_NO_TIME_S = 1e-12


@dataclass(frozen=True)
class CostChange:
    """Phases of these causes take ``factor`` times what they do, of time, processors and links.

    With 0 they are free.
    """

    causes: frozenset[Cause]
    factor: float = 0.0

    @property
    def free(self) -> Cause | None:
        """The cause that nobody is to wait for either, where it is a single one and free."""
        return next(iter(self.causes)) if self.factor == 0.0 and len(self.causes) == 1 else None


def changed(costs: StepCosts, change: CostChange | None) -> StepCosts:
    """The same step with causes changed; that of the single process stays.

    Waiting is no phase: where nobody waits is for the simulation to say.
    """
    if change is None:
        return costs
    causes, factor = change.causes, change.factor

    def phase(of: Phase) -> Phase:
        if of.cause not in causes:
            return of
        if factor == 0.0:
            return Phase(of.cause, of.operation, _NO_TIME_S, layer=of.layer)
        return replace(
            of,
            wall_s=of.wall_s * factor,
            worker_s=of.worker_s * factor,
            ps_s=of.ps_s * factor,
            size_bytes=of.size_bytes * factor,
        )

    def chain(of: Chain) -> Chain:
        return tuple(map(phase, of))

    return replace(
        costs,
        dispatch=phase(costs.dispatch),
        fetch=tuple(map(chain, costs.fetch)),
        compute=phase(costs.compute),
        push=tuple(map(chain, costs.push)),
        collective=chain(costs.collective),
        spread=chain(costs.spread),
        round=chain(costs.round),
        input_s=costs.input_s * (factor if "input" in causes else 1.0),
        coordinator_s=costs.coordinator_s * (factor if "dispatch" in causes else 1.0),
        added=None if costs.added is None else changed(costs.added, change),
    )
