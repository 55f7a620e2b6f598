"""Steps: plans as the event loop runs them, on resources that live in its environment."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import simpy

from nworkers.models.records.prediction import Cause
from nworkers.simulator.engine.events.fair_share import FairShare
from nworkers.simulator.engine.events.links import FairNetwork
from nworkers.simulator.engine.events.resources import Done, FifoQueue, Resource
from nworkers.simulator.step.plan import (
    ResourceDemand,
    StepPlan,
    is_own,
    on_host_of,
)
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


class LiveSteps:
    """Steps of all workers, over resources that they share and such of their own hosts."""

    def __init__(self, env: simpy.Environment, spec: RunSpec) -> None:
        self._spec = spec
        self._resources = _resources(env, spec)
        self._factor = {operation: k for k, operation in enumerate(spec.operations)}
        self._score = {t: len(self._factor) + k for k, t in enumerate(spec.transfers)}
        self._of: dict[tuple[int, int | None], LiveStep] = {}

    def of(self, worker: int) -> LiveStep:
        """Workers of one plan have one step, unless they ask for what is of their own hosts."""
        number, host = self._spec.plan_of[worker], self._spec.hosts[worker]
        plan = self._spec.plans[number]
        own = any(is_own(d.keys, plan) for a in plan.activities for d in a.demands)
        at = (number, host if own else None)
        if at not in self._of:
            self._of[at] = self._live(plan, host)
        return self._of[at]

    def _live(self, plan: StepPlan, host: int) -> LiveStep:
        def live(demand: ResourceDemand) -> LiveDemand:
            column = 0 if demand.weight is None else self._score[demand.weight.transfer]
            resource = self._resources[on_host_of(demand.keys, plan, host)]
            return LiveDemand(demand, resource, column)

        return LiveStep(
            plan,
            [tuple(map(live, activity.demands)) for activity in plan.activities],
            [
                [(part.wall_s, self._factor[part.operation], part.cause) for part in activity.parts]
                for activity in plan.activities
            ],
        )


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
            for route, of_links in spec.asked.items():
                if of_links and route[0] in of.keys:
                    found[route] = network.route([of.keys.index(key) for key in route])
    return found
