"""Steps: plans as the event loop runs them, on resources that live in its environment."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import simpy

from nworkers.models.records.prediction import Cause
from nworkers.simulator.engine.events.fair_share import FairShare
from nworkers.simulator.engine.events.links import FairNetwork
from nworkers.simulator.engine.events.resources import Done, FifoQueue, Resource
from nworkers.simulator.step.plan import ResourceDemand, StepPlan
from nworkers.simulator.step.run_spec import RunSpec
from nworkers.simulator.step.topology import ResourceKey


class LiveDemand:
    """A demand on a resource that lives.

    Args:
        score: the column of a step's variates that has the score of its weight.
    """

    __slots__ = ("_deviation", "_rate", "_resource", "_score", "_size_bytes", "blame")

    def __init__(self, demand: ResourceDemand, resource: Resource, score: int) -> None:
        self._resource = resource
        self._rate = demand.rate
        self._size_bytes = demand.size_bytes
        self._deviation = 0.0 if demand.weight is None else demand.weight.log_deviation
        self._score = score
        self.blame = demand.blame

    def submit(self, wall_s: float, varied: list[float], done: Done) -> None:
        """Begin the job, which alone takes ``wall_s``, but no less than the whole link needs."""
        if self._size_bytes > 0.0:
            rate = min(self._rate, self._size_bytes / wall_s)
            if self._deviation:
                weight = math.exp(self._deviation * varied[self._score])
                self._resource.submit(self._size_bytes, rate, done, weight)
            else:
                self._resource.submit(self._size_bytes, rate, done)
        else:
            self._resource.submit(self._rate * wall_s, self._rate, done)


@dataclass(frozen=True, eq=False)
class LiveStep:
    """A plan, and what the event loop looks up in it, by the activity's place.

    ``terms`` are of its parts: time alone, column of a step's variates, cause. ``before`` is
    the one activity that it begins after, where there is one alone, else any; -1 for ``roots``.
    """

    plan: StepPlan
    jobs: list[tuple[LiveDemand, ...]]
    terms: list[list[tuple[float, int, Cause]]]
    needs: list[int] = field(init=False)
    roots: list[int] = field(init=False)
    before: list[int] = field(init=False)

    def __post_init__(self) -> None:
        activities = self.plan.activities
        before = [-1] * len(activities)
        for k, activity in enumerate(activities):
            for following in activity.then:
                before[following] = k
        object.__setattr__(self, "needs", [activity.needs for activity in activities])
        object.__setattr__(self, "roots", [k for k, of in enumerate(activities) if not of.needs])
        object.__setattr__(self, "before", before)


def live_steps(env: simpy.Environment, spec: RunSpec) -> list[LiveStep]:
    """Of every plan, over resources that they share."""
    found = _resources(env, spec)
    factor = {operation: k for k, operation in enumerate(spec.operations)}
    score = {transfer: len(factor) + k for k, transfer in enumerate(spec.transfers)}

    def live(demand: ResourceDemand) -> LiveDemand:
        column = 0 if demand.weight is None else score[demand.weight.transfer]
        return LiveDemand(demand, found[demand.keys], column)

    return [
        LiveStep(
            plan,
            [tuple(map(live, activity.demands)) for activity in plan.activities],
            [
                [(part.wall_s, factor[part.operation], part.cause) for part in activity.parts]
                for activity in plan.activities
            ],
        )
        for plan in spec.plans
    ]


def _resources(env: simpy.Environment, spec: RunSpec) -> dict[tuple[ResourceKey, ...], Resource]:
    """By the keys that demands name: those of a flow's whole route, where links are shared so."""
    found: dict[tuple[ResourceKey, ...], Resource] = {}
    for of in spec.resources:
        if of.sharing == "queue":
            found[of.keys] = FifoQueue(env, of.capacities[0])
        elif len(of.keys) == 1:
            found[of.keys] = FairShare(env, of.capacities[0], of.losses[0])
        else:
            network = FairNetwork(env, of.capacities, of.losses)
            for route in _routes(spec):
                if route[0] in of.keys:
                    found[route] = network.route([of.keys.index(key) for key in route])
    return found


def _routes(spec: RunSpec) -> dict[tuple[ResourceKey, ...], None]:
    """What flows take, each once."""
    return dict.fromkeys(
        demand.keys
        for plan in spec.plans
        for activity in plan.activities
        for demand in activity.demands
        if demand.blame == "link_contention"
    )
