"""The cluster of a scenario: its resources, and what each activity of a worker asks of them."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from itertools import cycle, groupby

import simpy

from nworkers.models.costs.phase import Phase
from nworkers.models.costs.step import StepCosts
from nworkers.models.fitting.flow_weights import deviation_at
from nworkers.models.records.prediction import CAUSES
from nworkers.models.records.profile import Discipline
from nworkers.models.records.scenario import Scenario
from nworkers.simulator.engine.events.links import FairLink, FairNetwork, Weigh
from nworkers.simulator.engine.events.resources import Done, FairShare, FifoQueue, Resource
from nworkers.simulator.step.chance import OPERATIONS, Luck
from nworkers.simulator.step.graph import Gate, Graph, Lane, Node, step_graph
from nworkers.simulator.step.topology import HOST_KINDS, Key, Topology, topology

_LINK = CAUSES.index("link_contention")
_BLAME = {
    "cores": CAUSES.index("host_contention"),
    "machine": CAUSES.index("host_contention"),
    # Workers wait for the one process that dispatches for all.
    "coordinator": CAUSES.index("dispatch"),
}
#: Rounding, which must not make a host that is exactly full look contended.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Job:
    """What an activity asks of one resource: ``size_bytes`` of links, or ``rate`` throughout.

    ``keys`` are what the resource stands for, and ``blame`` is the cause of waiting for it.
    """

    resource: Resource
    rate: float
    size_bytes: float
    blame: int
    keys: tuple[Key, ...]

    def submit(self, wall_s: float, done: Done) -> None:
        """Begin the job, which alone takes ``wall_s``, but no less than the whole link needs."""
        if self.size_bytes > 0.0:
            rate = min(self.rate, self.size_bytes / wall_s)
            self.resource.submit(self.size_bytes, rate, done)
        else:
            self.resource.submit(self.rate * wall_s, self.rate, done)

    def work(self, wall_s: float) -> float:
        """Bytes, or seconds of cores or of a server."""
        return self.size_bytes or self.rate * wall_s


@dataclass(frozen=True, slots=True)
class Part:
    """A phase: positions in OPERATIONS and CAUSES, its time alone, and what it asks of what.

    ``work`` has bytes, processor seconds or seconds of every resource, contended or not.
    """

    operation: int
    cause: int
    wall_s: float
    size_bytes: float
    work: tuple[tuple[Key, float], ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """A node of a worker's step on its resources.

    Several ``parts`` follow each other and have no ``jobs``. ``needs`` counts the activities before
    it, ``then`` has those after it; ``ps`` are those that it goes to.
    """

    parts: tuple[Part, ...]
    jobs: tuple[Job, ...]
    gate: tuple[Gate, int] | None
    input: bool
    needs: int
    then: tuple[int, ...]
    ps: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """The step of workers that are alike.

    Their resources are written as those of ``host``; a worker elsewhere has its own host's instead.
    Workers of one ``kind`` take equally long but for chance.
    """

    activities: tuple[Activity, ...]
    host: int
    leads: bool
    kind: tuple[float, ...]

    @cached_property
    def terms(self) -> list[list[tuple[float, int, int]]]:
        """Of every activity's parts: time alone, position in OPERATIONS, position in CAUSES."""
        return [[(p.wall_s, p.operation, p.cause) for p in a.parts] for a in self.activities]

    @cached_property
    def needs(self) -> list[int]:
        """Of every activity."""
        return [activity.needs for activity in self.activities]

    @cached_property
    def roots(self) -> list[int]:
        """The activities with which a step begins."""
        return [k for k, activity in enumerate(self.activities) if not activity.needs]

    @cached_property
    def before(self) -> list[int]:
        """Of every activity that begins after one other alone, which; of others any."""
        found = [-1] * len(self.activities)
        for k, activity in enumerate(self.activities):
            for following in activity.then:
                found[following] = k
        return found


@dataclass(frozen=True)
class _Worker:
    """What a plan depends on: the workers and the ps of its ``host``, itself included."""

    host: int
    slower: float
    leads: bool
    workers: int
    ps: int

    @property
    def lonely(self) -> bool:
        """Whether it has its host to itself."""
        return self.workers + self.ps == 1


@dataclass(frozen=True)
class _Ask:
    """A node, its time alone, and the rate at which it asks of each resource when alone.

    A transfer asks all its ``route`` for the same bytes.
    """

    node: Node
    phase: Phase | None
    rates: Mapping[Key, float]
    route: tuple[Key, ...]


class Cluster:
    """Plans for every worker, over resources that live in ``env``.

    Resources of which all workers together never ask for more than there is slow nobody down, and
    have no queue: a worker alone on its host, or a ps so lightly loaded that all fit on its cores.
    """

    def __init__(
        self,
        env: simpy.Environment,
        costs: StepCosts,
        scenario: Scenario,
        *,
        discipline: Discipline,
        loopback: bool,
        luck: Luck,
    ) -> None:
        self._env = env
        self._costs = costs
        self._scenario = scenario
        self._fair = discipline == "fair"
        self._means = luck.mean_factors
        self._weigh = _weigher(costs, scenario, luck.scores)
        self.topology: Topology = topology(costs, scenario, loopback=loopback)
        self._resources: dict[tuple[Key, ...], Resource] = {}
        groups = [(group[0], len(group)) for group in _alike(self._workers(), self.topology)]
        asked = [(worker, self._asks(worker), count) for worker, count in groups]
        self._contended = self._find_contended(asked)
        if any(w.lonely and self._contended & set(_own(w, asks)) for w, asks, _ in asked):
            # They need cores or links of their own, and are not alike any more.
            asked = [(worker, self._asks(worker), 1) for worker in self._workers()]
            self._contended = self._find_contended(asked)
        self._make_links([asks for _, asks, _ in asked])
        #: Of every worker, in order, and the host of each.
        self.plans: list[Plan] = []
        self.hosts: list[int] = [worker.host for worker in self._workers()]
        made: dict[_Worker, Plan] = {}
        for worker, asks, count in asked:
            if worker not in made:
                made[worker] = Plan(
                    self._activities(asks), worker.host, worker.leads, self._kind(worker)
                )
            self.plans += [made[worker]] * count

    def _workers(self) -> list[_Worker]:
        """Every worker that is alive; the last of them are those that are slow."""
        scenario = self._scenario
        slow, hosts = scenario.variation.slow_workers, scenario.worker_hosts
        first_slow = scenario.workers - (slow.count if slow else 0)
        crowd, ps = Counter(hosts), Counter(scenario.ps_hosts)
        led: set[int] = set()
        workers = []
        for worker, host in enumerate(hosts):
            slower = slow.factor if slow and worker >= first_slow else 1.0
            leads = not scenario.variation.hybrid or host not in led
            workers.append(_Worker(host, slower, leads, crowd[host], ps[host]))
            led.add(host)
        return workers[scenario.variation.dead_workers :]

    def _asks(self, worker: _Worker) -> tuple[_Ask, ...]:
        graph: Graph = step_graph(self._costs, self._scenario, leads=worker.leads)
        return tuple(self._ask(node, worker) for node in graph)

    def _ask(self, node: Node, worker: _Worker) -> _Ask:
        phase = node.phase
        if phase is None:
            return _Ask(node, None, {}, ())
        ps_hosts = self._ps_hosts(node)
        route: tuple[Key, ...] = ()
        if phase.cause == "compute":
            phase = replace(phase, wall_s=phase.wall_s * worker.slower)
        if phase.direction is not None:
            (ps_host,) = ps_hosts
            ends = (ps_host, worker.host)
            ends = ends if phase.direction == "to_worker" else ends[::-1]
            route = self.topology.route(*ends)
            phase = replace(phase, wall_s=self._transfer_s(phase, ends))
        rates = self._processors(phase, worker.host, ps_hosts)
        for key in route:
            rates[key] = self.topology.capacity(key)
        if phase.cause == "dispatch" and self._costs.coordinator_s > 0.0:
            rates["coordinator", 0] = min(1.0, self._costs.coordinator_s / phase.wall_s)
        return _Ask(node, phase, rates, route)

    def _ps_hosts(self, node: Node) -> tuple[int, ...]:
        """Hosts of the ps that a phase goes to; a dispatch goes to all that hold anything."""
        hosts = self._scenario.ps_hosts
        if node.ps is not None:
            return (hosts[node.ps],)
        if node.lane[0] != "dispatch":
            return ()
        return tuple(h for h, chain in zip(hosts, self._costs.fetch, strict=False) if chain)

    def _transfer_s(self, phase: Phase, ends: tuple[int, int]) -> float:
        inner = self.topology.inner
        if ends[0] == ends[1] and inner is not None:
            return phase.size_bytes / inner.bandwidth_bytes_per_s
        return phase.wall_s * self.topology.slowdown(*ends)

    def _processors(
        self, phase: Phase, worker_host: int, ps_hosts: tuple[int, ...]
    ) -> dict[Key, float]:
        """Cores that the phase keeps busy on each host, so that its jobs alone take its wall time.

        Wall times are fitted to medians, processor seconds are means: a step that takes wall_s · f
        asks for demand · f / mean f, hence for the same number of cores at every f. These can be
        more than there are, since demand is measured where tasks compete: alone, a phase takes its
        wall time even so, and beside others what it asks for.
        """
        demand_s: dict[Key, float] = defaultdict(float)
        demand_s[self.topology.processors(worker_host)] += phase.worker_s
        for host in ps_hosts:
            demand_s[self.topology.processors(host)] += phase.ps_s
        wall_s = phase.wall_s * self._means[phase.operation]
        return {key: seconds / wall_s for key, seconds in demand_s.items() if seconds > 0.0}

    def _kind(self, worker: _Worker) -> tuple[float, ...]:
        """What tells workers apart whose steps differ by more than chance."""
        near = self.topology.rack(worker.host) in map(self.topology.rack, self._scenario.ps_hosts)
        link = self.topology.slower.get(worker.host, 1.0)
        return worker.slower, link, worker.workers, worker.ps, near

    def _find_contended(self, asked: Iterable[tuple[_Worker, tuple[_Ask, ...], int]]) -> set[Key]:
        beside = len(self._costs.layers) > 1
        totals: dict[Key, float] = defaultdict(float)
        for worker, asks, count in asked:
            own = set(_own(worker, asks)) if worker.lonely else set()
            for key, rate in self._peak_rates(asks, beside=beside).items():
                totals[key] += rate * (1 if key in own else count)
        full = 1.0 + _ROUNDING
        return {k for k, rate in totals.items() if rate > self.topology.capacity(k) * full}

    def _peak_rates(self, asks: tuple[_Ask, ...], *, beside: bool) -> dict[Key, float]:
        """The most that one worker asks of each resource at any one time.

        Args:
            beside: whether transfers run beside compute, instead of one stage after the other.
        """
        lanes: dict[Lane, dict[Key, float]] = defaultdict(dict)
        for ask in asks:
            peak = lanes[ask.node.lane]
            for key, rate in ask.rates.items():
                most = min(rate, self.topology.capacity(key))
                peak[key] = max(peak.get(key, 0.0), most)
        stages: dict[str, dict[Key, float]] = defaultdict(lambda: defaultdict(float))
        for (name, _), peak in lanes.items():
            stage = "all" if beside else "push" if name == "apply" else name
            for key, rate in peak.items():
                stages[stage][key] += rate
        return {
            key: max(stage.get(key, 0.0) for stage in stages.values())
            for key in {key for stage in stages.values() for key in stage}
        }

    def _make_links(self, asked: Iterable[tuple[_Ask, ...]]) -> None:
        """A fair link each, or a network of those that some transfer takes together."""
        routes = {self._shared(ask.route) for asks in asked for ask in asks if ask.route} - {()}
        if not self._fair:
            return
        for component in _components(routes):
            if len(component) == 1:
                (key,) = component
                self._resources[component] = FairLink(
                    self._env, self.topology.capacity(key), self._weigh
                )
                continue
            capacities = [self.topology.capacity(k) for k in component]
            network = FairNetwork(self._env, capacities, self._weigh)
            for route in routes:
                if route[0] in component:
                    places = [component.index(key) for key in route]
                    self._resources[route] = network.route(places)

    def _shared(self, route: tuple[Key, ...]) -> tuple[Key, ...]:
        return tuple(key for key in route if key in self._contended)

    def _resource(self, keys: tuple[Key, ...]) -> Resource:
        if keys not in self._resources:
            capacity = self.topology.capacity(keys[0])
            kind = FairShare if keys[0][0] in ("cores", "machine") else FifoQueue
            self._resources[keys] = kind(self._env, capacity)
        return self._resources[keys]

    def _jobs(self, ask: _Ask) -> tuple[Job, ...]:
        assert ask.phase is not None
        jobs = []
        route = self._shared(ask.route)
        transfers = [route] if self._fair and route else [(key,) for key in route]
        for keys in transfers:
            rate = min(ask.rates[key] for key in keys)
            jobs.append(Job(self._resource(keys), rate, ask.phase.size_bytes, _LINK, keys))
        for key, rate in ask.rates.items():
            if key not in ask.route and key in self._contended:
                jobs.append(Job(self._resource((key,)), rate, 0.0, _BLAME[key[0]], (key,)))
        return tuple(jobs)

    def _activities(self, asks: tuple[_Ask, ...]) -> tuple[Activity, ...]:
        """Activities of a step, those without a job joined with the one that they follow."""
        then: dict[int, list[int]] = defaultdict(list)
        for place, ask in enumerate(asks):
            for before in ask.node.needs:
                then[before].append(place)
        made: list[Activity] = []
        position: dict[int, int] = {}
        for place, ask in enumerate(asks):
            node, phase = ask.node, ask.phase
            jobs = () if phase is None else self._jobs(ask)
            parts = () if phase is None else (_part(phase, ask),)
            ps = () if node.ps is None else (node.ps,)
            if len(node.needs) == 1 and phase is not None and not jobs:
                (before,) = node.needs
                joined = made[position[before]]
                plain = joined.parts and not joined.jobs
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
        for place in range(len(asks)):
            after = tuple(position[p] for p in then[place] if position[p] != position[place])
            if after:
                made[position[place]] = replace(made[position[place]], then=after)
        return tuple(made)


def _alike(workers: list[_Worker], of: Topology) -> list[list[_Worker]]:
    """Neighbours whose plans differ in nothing but the host, each on a host of its own."""

    def likeness(worker: _Worker) -> tuple[object, ...]:
        host = worker.host
        where = (of.rack(host), of.slower.get(host, 1.0)) if worker.lonely else host
        return where, worker.slower, worker.leads, worker.lonely

    return [list(group) for _, group in groupby(workers, key=likeness)]


def _weigher(costs: StepCosts, scenario: Scenario, scores: list[float]) -> Weigh | None:
    """Weights of the transfers that all workers begin at once; None where they are all alike."""
    if not costs.uneven or not scores:
        return None
    at = lru_cache(partial(deviation_at, costs.uneven, scenario.workers))
    score = cycle(scores)
    return lambda size_bytes: math.exp(at(size_bytes) * next(score))


def _own(worker: _Worker, asks: tuple[_Ask, ...]) -> Iterator[Key]:
    """The resources of the worker's own host that it asks for."""
    for ask in asks:
        yield from (key for key in ask.rates if key[0] in HOST_KINDS and key[1] == worker.host)


def _part(phase: Phase, ask: _Ask) -> Part:
    work = tuple(
        (key, phase.size_bytes if key in ask.route else rate * phase.wall_s)
        for key, rate in ask.rates.items()
    )
    return Part(
        OPERATIONS.index(phase.operation),
        CAUSES.index(phase.cause),
        phase.wall_s,
        phase.size_bytes,
        work,
    )


def _components(routes: Iterable[tuple[Key, ...]]) -> list[tuple[Key, ...]]:
    """Links that are connected by routes, in order."""
    components: list[set[Key]] = []
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
