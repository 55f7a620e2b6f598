"""The cluster of a scenario: which resources each phase of a worker's step asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import simpy

from scale.models.costs import Operation, Phase, StepCosts
from scale.models.prediction import CAUSES
from scale.models.profile import Discipline
from scale.models.scenario import Scenario
from scale.simulator.noise import OPERATIONS
from scale.simulator.resources import FairShare, FifoQueue, Resource

#: A resource of one host: its cores, or one direction of its full-duplex link.
_Kind = Literal["cores", "out", "in"]
_Key = tuple[_Kind, int]

_BLAME: dict[_Kind, int] = {
    "cores": CAUSES.index("host_contention"),
    "out": CAUSES.index("link_contention"),
    "in": CAUSES.index("link_contention"),
}
#: Rounding, which must not make a host that is exactly full look contended.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Job:
    """What a task asks of one resource: ``size_bytes`` of a link, or ``rate`` cores throughout."""

    resource: Resource
    rate: float
    size_bytes: float
    blame: int

    def submit(self, wall_s: float) -> simpy.Event:
        """Begin the job, which alone takes ``wall_s``, but no less than the whole link needs."""
        if self.size_bytes > 0.0:
            return self.resource.submit(self.size_bytes, min(self.rate, self.size_bytes / wall_s))
        return self.resource.submit(self.rate * wall_s, self.rate)

    def busy_s(self, wall_s: float) -> float:
        """How long the job would take all of the resource."""
        return (self.size_bytes or self.rate * wall_s) / self.resource.capacity


@dataclass(frozen=True, slots=True)
class Task:
    """A phase on its resources.

    ``operation`` is a position in OPERATIONS, ``cause`` and a job's ``blame`` are in CAUSES.
    """

    operation: int
    cause: int
    wall_s: float
    jobs: tuple[Job, ...]


#: Tasks in sequence; the chains of one stage run in parallel.
Chain = tuple[Task, ...]
Stage = tuple[Chain, ...]


@dataclass(frozen=True)
class Plan:
    """A worker's step: all of it, or up to its all-reduce, and the all-reduce."""

    work: tuple[Stage, ...]
    collective: tuple[Stage, ...]


@dataclass(frozen=True)
class _Ask:
    """A phase, and the rate that it asks of each resource when alone."""

    phase: Phase
    rates: dict[_Key, float]


#: Parallel chains of phases, each a sequence.
_AskStage = tuple[tuple[_Ask, ...], ...]


@dataclass(frozen=True)
class _Site:
    """Where the tasks of a scenario are, and what a worker on one of the hosts asks for."""

    costs: StepCosts
    ps_hosts: tuple[int, ...]
    loopback: bool
    mean_factors: Mapping[Operation, float]

    def capacity(self, kind: _Kind) -> float:
        """Cores, or bytes per second.

        What one flow was seen to reach, the link carries, even where the fit of the shared rate
        came out a little lower.
        """
        if kind == "cores":
            return self.costs.cores
        flows = self.costs.flow_bandwidth_bytes_per_s.values()
        return max(self.costs.shared_bandwidth_bytes_per_s or 0.0, *flows)

    def stages(self, worker_host: int) -> tuple[_AskStage, ...]:
        """Dispatch, fetch, compute, push and collective of one worker."""
        costs = self.costs
        used = tuple(h for h, chain in zip(self.ps_hosts, costs.fetch, strict=False) if chain)
        fetch = zip(costs.fetch, self.ps_hosts, strict=False)
        push = zip(costs.push, self.ps_hosts, strict=False)
        return (
            (self._chain((costs.dispatch,), worker_host, used),),
            tuple(self._chain(phases, worker_host, (host,)) for phases, host in fetch),
            (self._chain((costs.compute,), worker_host, ()),),
            tuple(self._chain(phases, worker_host, (host,)) for phases, host in push),
            (self._chain(costs.collective, worker_host, ()),),
        )

    def _chain(
        self, phases: Iterable[Phase], worker_host: int, ps_hosts: tuple[int, ...]
    ) -> tuple[_Ask, ...]:
        return tuple(
            _Ask(
                phase,
                self._processors(phase, worker_host, ps_hosts)
                | self._link(phase, worker_host, ps_hosts),
            )
            for phase in phases
            if phase.wall_s > 0.0
        )

    def _processors(
        self, phase: Phase, worker_host: int, ps_hosts: tuple[int, ...]
    ) -> dict[_Key, float]:
        """Cores that the phase keeps busy on each host, so that its jobs alone take its wall time.

        Wall times are fitted to medians, processor seconds are means: a step that takes wall_s · f
        asks for demand · f / mean f, hence for the same number of cores at every f. What the fits
        have above all cores throughout is cut off.
        """
        demand_s: dict[int, float] = defaultdict(float)
        demand_s[worker_host] += phase.worker_s
        for host in ps_hosts:
            demand_s[host] += phase.ps_s
        wall_s = phase.wall_s * self.mean_factors[phase.operation]
        return {
            ("cores", host): min(self.costs.cores, seconds / wall_s)
            for host, seconds in demand_s.items()
            if seconds > 0.0
        }

    def _link(self, phase: Phase, worker_host: int, ps_hosts: tuple[int, ...]) -> dict[_Key, float]:
        """Both ends of a transfer; a lucky draw may take one flow up to the whole link.

        Inside a host, bytes take no wire; on loopback they take the host's memory, once.
        """
        if phase.direction is None or self.costs.shared_bandwidth_bytes_per_s is None:
            return {}
        (ps_host,) = ps_hosts
        sides: tuple[_Kind, _Kind] = (
            ("out", "in") if phase.direction == "to_worker" else ("in", "out")
        )
        keys: list[_Key] = [(sides[0], ps_host)]
        if ps_host != worker_host:
            keys.append((sides[1], worker_host))
        elif not self.loopback:
            return {}
        return {key: self.capacity(key[0]) for key in keys}


def _peak_rates(stages: tuple[_AskStage, ...]) -> dict[_Key, float]:
    """The most that one worker asks of each resource at any one time."""
    peaks: dict[_Key, float] = defaultdict(float)
    for stage in stages:
        together: dict[_Key, float] = defaultdict(float)
        for chain in stage:
            for key in {key for ask in chain for key in ask.rates}:
                together[key] += max(ask.rates.get(key, 0.0) for ask in chain)
        for key, rate in together.items():
            peaks[key] = max(peaks[key], rate)
    return peaks


def _contended(
    site: _Site, stages: Mapping[int, tuple[_AskStage, ...]], worker_hosts: Iterable[int]
) -> set[_Key]:
    """Resources of which all workers together can ask for more than there is.

    The others never slow anyone down and need no queue: a worker alone on its host, or a ps so
    lightly loaded that all workers fit on its cores at once.
    """
    peaks = {host: _peak_rates(asked) for host, asked in stages.items()}
    totals: dict[_Key, float] = defaultdict(float)
    for worker_host in worker_hosts:
        for key, rate in peaks[worker_host].items():
            totals[key] += rate
    return {key for key, rate in totals.items() if rate > site.capacity(key[0]) * (1.0 + _ROUNDING)}


def _task(ask: _Ask, resources: Mapping[_Key, Resource]) -> Task:
    phase = ask.phase
    jobs = tuple(
        Job(
            resources[key],
            rate,
            0.0 if key[0] == "cores" else phase.size_bytes,
            _BLAME[key[0]],
        )
        for key, rate in ask.rates.items()
        if key in resources
    )
    return Task(OPERATIONS.index(phase.operation), CAUSES.index(phase.cause), phase.wall_s, jobs)


def plan_workers(
    env: simpy.Environment,
    costs: StepCosts,
    scenario: Scenario,
    *,
    discipline: Discipline,
    loopback: bool,
    mean_factors: Mapping[Operation, float],
) -> list[Plan]:
    """One plan a worker, over resources that live in ``env``.

    Args:
        discipline: how the link is shared; cores are always shared fairly.
        loopback: whether the link is one host's own.
        mean_factors: mean of the noise that multiplies each operation's wall time.
    """
    site = _Site(costs, scenario.ps_hosts, loopback, mean_factors)
    stages = {host: site.stages(host) for host in set(scenario.worker_hosts)}
    link = FairShare if discipline == "fair" else FifoQueue
    resources: dict[_Key, Resource] = {}
    for key in sorted(_contended(site, stages, scenario.worker_hosts)):
        kind = FairShare if key[0] == "cores" else link
        resources[key] = kind(env, site.capacity(key[0]))
    plans: dict[int, Plan] = {}
    for host, asked in stages.items():
        tasks = tuple(
            tuple(tuple(_task(ask, resources) for ask in chain) for chain in stage if chain)
            for stage in asked
        )
        plans[host] = Plan(_in_sequence(tasks[:-1]), _in_sequence(tasks[-1:]))
    return [plans[host] for host in scenario.worker_hosts]


def _in_sequence(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """Join stages of a single chain with their like, so that they run as one."""
    joined: list[Stage] = []
    for stage in stages:
        if not stage:
            continue
        if joined and len(stage) == len(joined[-1]) == 1:
            joined[-1] = (joined[-1][0] + stage[0],)
        else:
            joined.append(stage)
    return tuple(joined)
