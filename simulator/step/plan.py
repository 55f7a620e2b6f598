"""Plan: the activities of a worker's step, and the contended resources that each asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from nworkers.models.costs.phase import Operation, Phase
from nworkers.models.records.prediction import Cause
from nworkers.models.records.profile import Discipline
from nworkers.simulator.step.demand import Group, NodeDemand, Weight
from nworkers.simulator.step.graph import GateKey
from nworkers.simulator.step.topology import ResourceKey, ResourceKind, Topology

#: What waiting for a resource counts as; that for links is in ``link_contention``. Workers wait for
#: the one process that dispatches for all.
_BLAME: dict[ResourceKind, Cause] = {
    "cores": "host_contention",
    "machine": "host_contention",
    "coordinator": "dispatch",
    "gpu": "device_contention",
}
#: What tasks at once have even shares of.
_CORES: tuple[ResourceKind, ...] = ("cores", "machine")
#: How jobs share a resource: each gets its max-min share, or one is served after the other.
Sharing = Literal["max_min", "queue"]


@dataclass(frozen=True, slots=True)
class ResourceDemand:
    """What an activity asks of a resource: ``size_bytes`` of links, or ``rate`` throughout.

    A flow goes over all links of ``keys`` at once; ``blame`` is the cause of waiting for them.
    ``weight`` is None where all weigh alike.
    """

    keys: tuple[ResourceKey, ...]
    rate: float
    size_bytes: float
    blame: Cause
    weight: Weight | None = None

    def work(self, wall_s: float) -> float:
        """Bytes, or seconds of cores or of a server."""
        return self.size_bytes or self.rate * wall_s


@dataclass(frozen=True, slots=True)
class Part:
    """A phase: its time alone, what varies it, what it counts as, and what it asks of what.

    ``work`` has bytes, processor seconds or seconds of every resource, contended or not.
    """

    operation: Operation
    cause: Cause
    wall_s: float
    size_bytes: float
    work: tuple[tuple[ResourceKey, float], ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """A node of a worker's step on its resources.

    Several ``parts`` follow each other and have no ``demands``. ``needs`` counts the activities
    before it, ``then`` has those after it; ``ps`` are those that it goes to.
    """

    parts: tuple[Part, ...]
    demands: tuple[ResourceDemand, ...]
    gate: GateKey | None
    input: bool
    needs: int
    then: tuple[int, ...]
    ps: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class StepPlan:
    """The step of workers that are alike.

    Their resources are written as those of ``host``; a worker elsewhere has its own host's instead.
    """

    activities: tuple[Activity, ...]
    host: int
    is_leader: bool

    def alone_s(self, factors: Mapping[Operation, float]) -> float:
        """The longest way through the step when nobody else is there.

        Args:
            factors: what multiplies each operation; nothing does where it is not named.
        """
        ends_s = [0.0] * len(self.activities)
        begins_s = [0.0] * len(self.activities)
        for k, activity in enumerate(self.activities):
            ends_s[k] = begins_s[k] + sum(
                part.wall_s * factors.get(part.operation, 1.0) for part in activity.parts
            )
            for after in activity.then:
                begins_s[after] = max(begins_s[after], ends_s[k])
        return max(ends_s)


@dataclass(frozen=True)
class SharedResource:
    """A resource that has a queue, or links that some flow takes together; capacities of each.

    k that share one get k^-loss of its capacity together.
    """

    keys: tuple[ResourceKey, ...]
    sharing: Sharing
    capacities: tuple[float, ...]
    losses: tuple[float, ...]


def step_plan(group: Group, contended: Collection[ResourceKey], discipline: Discipline) -> StepPlan:
    """Activities of a step, those that ask for nothing contended joined with what they follow."""
    demands = group.demands
    then: dict[int, list[int]] = defaultdict(list)
    for place, demand in enumerate(demands):
        for before in demand.node.needs:
            then[before].append(place)
    made: list[Activity] = []
    position: dict[int, int] = {}
    for place, demand in enumerate(demands):
        node, phase = demand.node, demand.phase
        jobs = () if phase is None else _jobs(demand, phase, contended, discipline)
        parts = () if phase is None else (_part(phase, demand),)
        ps = () if node.ps is None else (node.ps,)
        if len(node.needs) == 1 and phase is not None and not jobs:
            (before,) = node.needs
            joined = made[position[before]]
            plain = joined.parts and not joined.demands
            if plain and len(then[before]) == 1:
                position[place] = position[before]
                made[position[place]] = replace(
                    joined,
                    parts=joined.parts + parts,
                    ps=tuple(dict.fromkeys(joined.ps + ps)),
                )
                continue
        position[place] = len(made)
        made.append(Activity(parts, jobs, node.gate, node.input, len(node.needs), (), ps))
    for place in range(len(demands)):
        after = tuple(position[p] for p in then[place] if position[p] != position[place])
        if after:
            made[position[place]] = replace(made[position[place]], then=after)
    return StepPlan(tuple(made), group.member.host, group.member.is_leader)


def _jobs(
    demand: NodeDemand, phase: Phase, contended: Collection[ResourceKey], discipline: Discipline
) -> tuple[ResourceDemand, ...]:
    fair = discipline == "fair"
    route = tuple(key for key in demand.route if key in contended)
    transfers = [route] if fair and route else [(key,) for key in route]
    jobs = [
        ResourceDemand(
            keys,
            min(demand.rates[key] for key in keys),
            phase.size_bytes,
            "link_contention",
            demand.weight if fair else None,
        )
        for keys in transfers
    ]
    for key, rate in demand.rates.items():
        if key not in demand.route and key in contended:
            jobs.append(ResourceDemand((key,), rate, 0.0, _BLAME[key[0]]))
    return tuple(jobs)


def _part(phase: Phase, demand: NodeDemand) -> Part:
    work = tuple(
        (key, phase.size_bytes if key in demand.route else rate * phase.wall_s)
        for key, rate in demand.rates.items()
    )
    return Part(phase.operation, phase.cause, phase.wall_s, phase.size_bytes, work)


def resources(
    plans: Iterable[StepPlan], hosts: Topology, discipline: Discipline
) -> tuple[SharedResource, ...]:
    """The contended resources of these plans, each once; links that flows connect together."""
    asked = dict.fromkeys(
        (demand.blame == "link_contention", demand.keys)
        for plan in plans
        for activity in plan.activities
        for demand in activity.demands
    )
    found = []
    if discipline == "fair":
        routes = [keys for of_links, keys in asked if of_links]
        for keys in _components(routes):
            capacities, losses = map(hosts.capacity, keys), map(hosts.loss, keys)
            found.append(SharedResource(keys, "max_min", tuple(capacities), tuple(losses)))
    for of_links, keys in asked:
        if not of_links or discipline != "fair":
            kind = keys[0][0]
            even = kind in _CORES or (kind == "gpu" and hosts.gpu_discipline == "fair")
            shares: Sharing = "max_min" if even else "queue"
            found.append(SharedResource(keys, shares, (hosts.capacity(keys[0]),), (0.0,)))
    return tuple(found)


def _components(routes: Iterable[tuple[ResourceKey, ...]]) -> list[tuple[ResourceKey, ...]]:
    """Links that are connected by routes, in order."""
    components: list[set[ResourceKey]] = []
    for route in routes:
        joined = set(route)
        apart = []
        for component in components:
            if component & joined:
                joined |= component
            else:
                apart.append(component)
        components = [*apart, joined]
    return [tuple(sorted(component)) for component in components]
