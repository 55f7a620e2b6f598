"""Demand: what each phase of a worker's step asks of every resource, and which are contended."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from itertools import count, groupby, pairwise

from nworkers.models.base.draws import agreed, larger, smaller
from nworkers.models.costs.phase import Operation, Phase
from nworkers.models.costs.step import StepCosts
from nworkers.models.costs.unevenness import deviation_at
from nworkers.models.records.prediction import Cause
from nworkers.models.records.profile import Discipline
from nworkers.models.records.scenario import Scenario
from nworkers.simulator.step.graph import Lane, Node, step_graph
from nworkers.simulator.step.topology import ResourceKey, Topology, gpu_key, host_of

#: Rounding, which must not make a host that is exactly full look contended.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Member:
    """A worker by what its step depends on; ``workers`` and ``ps`` of its ``host``, all counted.

    ``slower`` divides its compute, which is on this ``gpu`` of the host, if on any. In hybrid
    training the first worker of a host leads it. Those that are added may have other devices.
    """

    host: int
    slower: float
    is_leader: bool
    workers: int
    ps: int
    gpu: int | None = None
    is_added: bool = False

    @property
    def alone_on_host(self) -> bool:
        return self.workers + self.ps == 1


@dataclass(frozen=True)
class Crowd:
    """So many workers that differ in nothing but the host: the first, then one on every next."""

    first: Member
    count: int = 1

    def members(self) -> Iterator[Member]:
        return (replace(self.first, host=self.first.host + k) for k in range(self.count))

    def without(self, workers: int) -> Crowd:
        """The last of them, after so many."""
        first = replace(self.first, host=self.first.host + workers)
        return Crowd(first, self.count - workers)


@dataclass(frozen=True)
class Layout:
    """Who trains where, and how transfers share links: what all replications have in common.

    ``crowds`` are the workers that are alive. On ``loopback`` the link is one host's own. Each
    worker ``stands_for`` so many that are like it, on hosts of their own. Nobody waits for what
    ``without`` counts.
    """

    scenario: Scenario
    discipline: Discipline
    loopback: bool
    crowds: tuple[Crowd, ...]
    stands_for: float = 1.0
    without: Cause | None = None

    @property
    def workers(self) -> int:
        return sum(crowd.count for crowd in self.crowds)

    @property
    def hosts(self) -> tuple[int, ...]:
        """Of each worker."""
        return tuple(c.first.host + k for c in self.crowds for k in range(c.count))

    def members(self) -> Iterator[Member]:
        return (member for crowd in self.crowds for member in crowd.members())


@dataclass(frozen=True, slots=True)
class Weight:
    """A transfer's among those that share a link: lognormal, drawn anew for every step.

    ``transfer`` is the transfer's number in the step, by which it is drawn.
    """

    transfer: int
    log_deviation: float


@dataclass(frozen=True)
class NodeDemand:
    """A node of a step, and the rate at which its phase asks for each resource when alone.

    A transfer asks all its ``route`` for the same bytes; ``weight`` is None where all weigh alike.
    """

    node: Node
    phase: Phase | None
    rates: Mapping[ResourceKey, float]
    route: tuple[ResourceKey, ...]
    weight: Weight | None = None


@dataclass(frozen=True)
class Group:
    """Neighbouring workers that are alike: the first of them, its demands, and their number."""

    member: Member
    demands: tuple[NodeDemand, ...]
    count: int


def layout(
    scenario: Scenario, *, discipline: Discipline, loopback: bool, most: int | None = None
) -> Layout:
    """The workers that are alive; the last of them are those that are slow, or added.

    Args:
        most: how many are to stand for all, if all are alike and more than that.
    """
    crowds = _crowds(scenario)
    dead = scenario.what_if.dead_workers
    while dead >= crowds[0].count:
        dead -= crowds.pop(0).count
    crowds[0] = crowds[0].without(dead)
    stands_for = 1.0
    if most is not None and len(crowds) == 1 and crowds[0].count > most:
        stands_for = crowds[0].count / most
        crowds = [replace(crowds[0], count=most)]
    return Layout(scenario, discipline, loopback, tuple(crowds), stands_for)


def _crowds(scenario: Scenario) -> list[Crowd]:
    """All workers; those of a host with other tasks one by one."""
    workers, slow = scenario.workers, scenario.what_if.slow_workers
    first_slow = workers - (slow.count if slow and slow.factor != 1.0 else 0)
    first_added, added = workers - scenario.added_workers, scenario.added
    beside_ps = Counter(scenario.ps_hosts)
    shared = scenario.ps_placement == "shared"
    each = scenario.workers_per_host
    gathered = workers if each > 1 else min(workers, len(beside_ps) if shared else 0)

    def member(worker: int) -> Member:
        host, place = divmod(worker, each)
        is_added = worker >= first_added
        of_gpu = added.workers_per_gpu if added and is_added else scenario.workers_per_gpu
        return Member(
            host,
            slow.factor if slow and worker >= first_slow else 1.0,
            not scenario.what_if.hybrid or place == 0,
            min(each, workers - host * each),
            beside_ps[host],
            None if of_gpu is None else place // of_gpu,
            is_added,
        )

    crowds = [Crowd(member(worker)) for worker in range(gathered)]
    begins = sorted(max(gathered, first) for first in (first_slow, first_added))
    bounds = (gathered, *begins, workers)
    return crowds + [
        Crowd(member(first), last - first) for first, last in pairwise(bounds) if last > first
    ]


def grouped(
    costs: StepCosts, of: Layout, hosts: Topology, means: Mapping[Operation, float]
) -> tuple[tuple[Group, ...], frozenset[ResourceKey]]:
    """The workers' demands, and the resources of which they ask for more than there is.

    Resources of which all workers together never ask for more than there is slow nobody down: those
    of a worker alone on its host, or of a ps so lightly loaded that all fit on its cores. Those of
    a host of one's own are named for the first of a group.

    Args:
        means: of the factors by which an operation varies; 1 where it is not named.
    """
    demanded = _Demanded(costs, of.scenario, hosts, means)
    added = demanded if costs.added is None else replace(demanded, costs=costs.added)
    alike = _alike(of, hosts)
    groups = tuple(
        Group(first, (added if first.is_added else demanded).of(first), count)
        for first, count in alike
    )
    return groups, _contended(groups, hosts, of.stands_for, beside=len(costs.layers) > 1)


def _alike(of: Layout, hosts: Topology) -> list[tuple[Member, int]]:
    """Neighbours whose steps differ in nothing but the host, each on a host of its own."""
    if hosts.racks is None and not hosts.slower and len(of.crowds) <= 2:
        return [(crowd.first, crowd.count) for crowd in of.crowds]

    def likeness(member: Member) -> tuple[object, ...]:
        host, alone = member.host, member.alone_on_host
        where = (hosts.rack(host), hosts.slower.get(host, 1.0)) if alone else host
        return where, member.slower, member.is_leader, alone, member.gpu, member.is_added

    found = [list(group) for _, group in groupby(of.members(), key=likeness)]
    return [(group[0], len(group)) for group in found]


def _own(group: Group) -> Iterator[ResourceKey]:
    """The resources of the worker's own host that it asks for."""
    for demand in group.demands:
        for key in demand.rates:
            if host_of(key) == group.member.host:
                yield key


@dataclass(frozen=True)
class _Demanded:
    """Demands of any worker of one job."""

    costs: StepCosts
    scenario: Scenario
    hosts: Topology
    means: Mapping[Operation, float]

    def of(self, member: Member) -> tuple[NodeDemand, ...]:
        graph = step_graph(self.costs, self.scenario, is_leader=member.is_leader)
        transfer = count()
        return tuple(
            self._demand(node, member, next(transfer) if _is_transfer(node) else 0)
            for node in graph
        )

    def _demand(self, node: Node, member: Member, transfer: int) -> NodeDemand:
        phase = node.phase
        if phase is None:
            return NodeDemand(node, None, {}, ())
        ps_hosts = self._ps_hosts(node)
        route: tuple[ResourceKey, ...] = ()
        if phase.cause == "compute" and member.slower != 1.0:
            phase = replace(phase, wall_s=phase.wall_s * member.slower)
        if phase.direction is not None:
            (ps_host,) = ps_hosts
            ends = (ps_host, member.host)
            ends = ends if phase.direction == "to_worker" else ends[::-1]
            route = self.hosts.route(*ends)
            takes_s = self._transfer_s(phase, ends)
            phase = phase if takes_s is phase.wall_s else replace(phase, wall_s=takes_s)
        rates = self._processors(phase, member.host, ps_hosts)
        if phase.cause == "compute" and member.gpu is not None:
            rates[gpu_key(member.host, member.gpu)] = self.costs.gpu_share
        for key in route:
            rates[key] = self.hosts.capacity(key)
        if phase.cause == "dispatch" and agreed(self.costs.coordinator_s > 0.0):
            rates["coordinator", 0] = smaller(1.0, self.costs.coordinator_s / phase.wall_s)
        return NodeDemand(node, phase, rates, route, self._weight(phase, transfer))

    def _ps_hosts(self, node: Node) -> tuple[int, ...]:
        """Hosts of the ps that a phase goes to; a dispatch goes to all that hold anything."""
        hosts = self.scenario.ps_hosts
        if node.ps is not None:
            return (hosts[node.ps],)
        if node.lane[0] != "dispatch":
            return ()
        return tuple(h for h, chain in zip(hosts, self.costs.fetch, strict=False) if chain)

    def _transfer_s(self, phase: Phase, ends: tuple[int, int]) -> float:
        inner = self.hosts.inner
        if ends[0] == ends[1] and inner is not None:
            return phase.size_bytes / inner.bandwidth_bytes_per_s
        slower = self.hosts.slowdown(*ends)
        return phase.wall_s if slower == 1.0 else phase.wall_s * slower

    def _processors(
        self, phase: Phase, worker_host: int, ps_hosts: tuple[int, ...]
    ) -> dict[ResourceKey, float]:
        """Cores that the phase keeps busy on each host, so that its jobs alone take its wall time.

        Wall times are fitted to medians, processor seconds are means: a step that takes wall_s · f
        asks for demand · f / mean f, hence for the same number of cores at every f. These can be
        more than there are, since demand is measured where tasks compete: alone, a phase takes its
        wall time even so, and beside others what it asks for.
        """
        demand_s: dict[ResourceKey, float] = defaultdict(float)
        demand_s[self.hosts.processors(worker_host)] = phase.worker_s
        for host in ps_hosts:
            key = self.hosts.processors(host)
            demand_s[key] = demand_s[key] + phase.ps_s
        wall_s = phase.wall_s * self.means.get(phase.operation, 1.0)
        return {key: seconds / wall_s for key, seconds in demand_s.items() if agreed(seconds > 0.0)}

    def _weight(self, phase: Phase, transfer: int) -> Weight | None:
        if phase.direction is None or not phase.size_bytes:
            return None
        seen = self.costs.two_way
        at = (
            deviation_at(self.costs.flow_weights, self.scenario.workers, phase.size_bytes)
            if seen is None
            else seen.log_deviation
        )
        return Weight(transfer, at) if at > 0.0 else None


def _is_transfer(node: Node) -> bool:
    return node.phase is not None and node.phase.direction is not None


def _contended(
    groups: Iterable[Group], hosts: Topology, stands_for: float, *, beside: bool
) -> frozenset[ResourceKey]:
    totals: dict[ResourceKey, float] = defaultdict(float)
    for group in groups:
        own = set(_own(group)) if group.member.alone_on_host else set()
        for key, rate in _peak_rates(group.demands, hosts, beside=beside).items():
            many = 1 if key in own else group.count * stands_for
            totals[key] = totals[key] + rate * many
    full = 1.0 + _ROUNDING
    return frozenset(k for k, rate in totals.items() if agreed(rate > hosts.capacity(k) * full))


def _peak_rates(
    demands: Iterable[NodeDemand], hosts: Topology, *, beside: bool
) -> dict[ResourceKey, float]:
    """The most that one worker asks of each resource at any one time.

    Args:
        beside: whether transfers run beside compute, instead of one stage after the other.
    """
    lanes: dict[Lane, dict[ResourceKey, float]] = defaultdict(dict)
    for demand in demands:
        peak = lanes[demand.node.lane]
        for key, rate in demand.rates.items():
            peak[key] = larger(peak.get(key, 0.0), smaller(rate, hosts.capacity(key)))
    stages: dict[str, dict[ResourceKey, float]] = defaultdict(lambda: defaultdict(float))
    for (name, _), peak in lanes.items():
        stage = "all" if beside else "push" if name == "apply" else name
        for key, rate in peak.items():
            stages[stage][key] = stages[stage][key] + rate
    return {
        key: reduce(larger, (stage.get(key, 0.0) for stage in stages.values()))
        for key in {key for stage in stages.values() for key in stage}
    }
