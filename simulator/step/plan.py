"""Plan: the activities of a worker's step, and the contended resources that each asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

from nworkers.models.base.draws import larger, smaller
from nworkers.models.costs.phase import Operation, Phase
from nworkers.models.records.prediction import Cause
from nworkers.models.records.profile import Discipline
from nworkers.simulator.step.demand import Group, NodeDemand, Weight
from nworkers.simulator.step.graph import GateKey
from nworkers.simulator.step.topology import (
    ResourceKey,
    ResourceKind,
    Topology,
    blame,
    host_of,
    on_host,
)

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
                begins_s[after] = larger(begins_s[after], ends_s[k])
        return reduce(larger, ends_s)


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
    # Nodes that one activity has, and what it asks for.
    made: list[tuple[list[int], tuple[ResourceDemand, ...]]] = []
    position: dict[int, int] = {}
    for place, demand in enumerate(demands):
        node, phase = demand.node, demand.phase
        jobs = () if phase is None else _jobs(demand, phase, contended, discipline)
        if len(node.needs) == 1 and phase is not None and not jobs:
            (before,) = node.needs
            nodes, asked = made[position[before]]
            if demands[before].phase is not None and not asked and len(then[before]) == 1:
                position[place] = position[before]
                nodes.append(place)
                continue
        position[place] = len(made)
        made.append(([place], jobs))
    return StepPlan(
        tuple(
            _activity(
                [demands[place] for place in nodes], jobs, [position[p] for p in then[nodes[-1]]]
            )
            for nodes, jobs in made
        ),
        group.member.host,
        group.member.is_leader,
    )


def _activity(
    of: Sequence[NodeDemand], jobs: tuple[ResourceDemand, ...], then: Iterable[int]
) -> Activity:
    """Nodes that follow each other, as one."""
    node = of[0].node
    return Activity(
        tuple(_part(demand.phase, demand) for demand in of if demand.phase is not None),
        jobs,
        node.gate,
        node.input,
        len(node.needs),
        tuple(then),
        tuple(dict.fromkeys(d.node.ps for d in of if d.node.ps is not None)),
    )


def _jobs(
    demand: NodeDemand, phase: Phase, contended: Collection[ResourceKey], discipline: Discipline
) -> tuple[ResourceDemand, ...]:
    fair = discipline == "fair"
    route = tuple(key for key in demand.route if key in contended)
    transfers = [route] if fair and route else [(key,) for key in route]
    jobs = [
        ResourceDemand(
            keys,
            reduce(smaller, (demand.rates[key] for key in keys)),
            phase.size_bytes,
            "link_contention",
            demand.weight if fair else None,
        )
        for keys in transfers
    ]
    for key, rate in demand.rates.items():
        if key not in demand.route and key in contended:
            jobs.append(ResourceDemand((key,), rate, 0.0, blame(key[0])))
    return tuple(jobs)


def _part(phase: Phase, demand: NodeDemand) -> Part:
    work = tuple(
        (key, phase.size_bytes if key in demand.route else rate * phase.wall_s)
        for key, rate in demand.rates.items()
    )
    return Part(phase.operation, phase.cause, phase.wall_s, phase.size_bytes, work)


def is_own(keys: Iterable[ResourceKey], plan: StepPlan) -> bool:
    """Whether any of these resources is one of the worker's own host."""
    return any(host_of(key) == plan.host for key in keys)


def on_host_of(keys: tuple[ResourceKey, ...], plan: StepPlan, host: int) -> tuple[ResourceKey, ...]:
    """What a demand of a plan names, for a worker on this host."""
    return keys if host == plan.host else tuple(on_host(key, plan.host, host) for key in keys)


def asked(
    plans: Sequence[StepPlan], hosts_of: Sequence[Iterable[int]]
) -> dict[tuple[ResourceKey, ...], bool]:
    """What demands of all workers name, each once, and whether a flow takes it.

    Args:
        hosts_of: for every plan, the hosts of its workers.
    """
    found: dict[tuple[ResourceKey, ...], bool] = {}
    for plan, hosts in zip(plans, hosts_of, strict=True):
        named = {
            demand.keys: demand.blame == "link_contention"
            for activity in plan.activities
            for demand in activity.demands
        }
        for keys, of_links in named.items():
            where = hosts if is_own(keys, plan) else (plan.host,)
            found |= {on_host_of(keys, plan, host): of_links for host in where}
    return found


def resources(
    asked: Mapping[tuple[ResourceKey, ...], bool], hosts: Topology, discipline: Discipline
) -> tuple[SharedResource, ...]:
    """The contended resources, each once; links that flows connect together.

    Args:
        asked: what demands name, and whether a flow takes it.
    """
    found = []
    if discipline == "fair":
        for keys in _components([keys for keys, of_links in asked.items() if of_links]):
            capacities, losses = map(hosts.capacity, keys), map(hosts.loss, keys)
            found.append(SharedResource(keys, "max_min", tuple(capacities), tuple(losses)))
    for keys, of_links in asked.items():
        if not of_links or discipline != "fair":
            kind = keys[0][0]
            even = kind in _CORES or (kind == "gpu" and hosts.gpu_discipline == "fair")
            shares: Sharing = "max_min" if even else "queue"
            found.append(SharedResource(keys, shares, (hosts.capacity(keys[0]),), (0.0,)))
    return tuple(found)


def _components(routes: Iterable[tuple[ResourceKey, ...]]) -> list[tuple[ResourceKey, ...]]:
    """Links that are connected by routes, in order."""
    root: dict[ResourceKey, ResourceKey] = {}

    def top(key: ResourceKey) -> ResourceKey:
        while root.setdefault(key, key) != key:
            root[key] = root[root[key]]
            key = root[key]
        return key

    for route in routes:
        for key in route:
            root[top(key)] = top(route[0])
    found: dict[ResourceKey, list[ResourceKey]] = defaultdict(list)
    for key in root:
        found[top(key)].append(key)
    return sorted(tuple(sorted(keys)) for keys in found.values())
