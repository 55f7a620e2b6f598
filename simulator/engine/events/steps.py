"""Steps: plans as the event loop runs them, on resources that live in its environment."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import cycle

import simpy

from nworkers.models.costs.phase import Operation
from nworkers.models.records.prediction import Cause
from nworkers.simulator.engine.events.links import FairLink, FairNetwork
from nworkers.simulator.engine.events.resources import Done, FairShare, FifoQueue, Resource
from nworkers.simulator.step.plan import ResourceDemand, StepPlan
from nworkers.simulator.step.run_spec import RunSpec
from nworkers.simulator.step.topology import ResourceKey

#: A standard normal number for the weight of the next transfer.
Score = Callable[[], float]


class LiveDemand:
    """A demand on a resource that lives."""

    __slots__ = ("_deviation", "_rate", "_resource", "_score", "_size_bytes", "blame")

    def __init__(self, demand: ResourceDemand, resource: Resource, score: Score | None) -> None:
        self._resource = resource
        self._rate = demand.rate
        self._size_bytes = demand.size_bytes
        self._deviation = demand.log_deviation
        self._score = score
        self.blame = demand.blame

    def submit(self, wall_s: float, done: Done) -> None:
        """Begin the job, which alone takes ``wall_s``, but no less than the whole link needs."""
        if self._size_bytes > 0.0:
            rate = min(self._rate, self._size_bytes / wall_s)
            if self._deviation is not None and self._score is not None:
                weight = math.exp(self._deviation * self._score())
                self._resource.submit(self._size_bytes, rate, done, weight)
            else:
                self._resource.submit(self._size_bytes, rate, done)
        else:
            self._resource.submit(self._rate * wall_s, self._rate, done)


@dataclass(frozen=True, eq=False)
class LiveStep:
    """A plan, and what the event loop looks up in it, by the activity's place.

    ``terms`` are of its parts: time alone, place among the run's operations, cause. ``before`` is
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
    scores = spec.variates.scores
    score = cycle(scores).__next__ if scores else None
    column = {operation: k for k, operation in enumerate(spec.operations)}
    return [_live(plan, found, score, column) for plan in spec.plans]


def _live(
    plan: StepPlan,
    found: Mapping[tuple[ResourceKey, ...], Resource],
    score: Score | None,
    column: Mapping[Operation, int],
) -> LiveStep:
    return LiveStep(
        plan,
        [tuple(LiveDemand(d, found[d.keys], score) for d in a.demands) for a in plan.activities],
        [[(p.wall_s, column[p.operation], p.cause) for p in a.parts] for a in plan.activities],
    )


def _resources(env: simpy.Environment, spec: RunSpec) -> dict[tuple[ResourceKey, ...], Resource]:
    """By the keys that demands name: those of a flow's whole route, where links are shared so."""
    found: dict[tuple[ResourceKey, ...], Resource] = {}
    for of in spec.resources:
        if of.sharing == "processor":
            found[of.keys] = FairShare(env, of.capacities[0])
        elif of.sharing == "queue":
            found[of.keys] = FifoQueue(env, of.capacities[0])
        elif len(of.keys) == 1:
            found[of.keys] = FairLink(env, of.capacities[0])
        else:
            network = FairNetwork(env, of.capacities)
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
