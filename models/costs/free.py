"""Free: a step of which one cause takes no time, and asks nothing of any resource.

What a cause costs is not what a step would gain without it: what it kept apart then meets, and
another resource takes over. So such a step is simulated.
"""

from __future__ import annotations

from dataclasses import replace

from nworkers.models.costs.phase import Chain, Phase
from nworkers.models.costs.step import StepCosts
from nworkers.models.records.prediction import Cause

#: A phase of no time would leave the graph of a step, and with it those that begin with it.
_NO_TIME_S = 1e-12


def without(costs: StepCosts, cause: Cause | None) -> StepCosts:
    """The same step with a cause free; that of the single process stays.

    Waiting is no phase: where nobody waits is for the simulation to say.
    """

    def phase(of: Phase) -> Phase:
        if of.cause != cause:
            return of
        return Phase(of.cause, of.operation, _NO_TIME_S, layer=of.layer)

    def chain(of: Chain) -> Chain:
        return tuple(map(phase, of))

    if cause is None:
        return costs
    return replace(
        costs,
        dispatch=phase(costs.dispatch),
        fetch=tuple(map(chain, costs.fetch)),
        compute=phase(costs.compute),
        push=tuple(map(chain, costs.push)),
        collective=chain(costs.collective),
        spread=chain(costs.spread),
        round=chain(costs.round),
        input_s=0.0 if cause == "input" else costs.input_s,
        coordinator_s=0.0 if cause == "dispatch" else costs.coordinator_s,
    )
