"""Training: the workers of a cluster step after step, and where their seconds go."""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import simpy

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import Floats
from nworkers.models.costs.step import StepCosts
from nworkers.models.records.prediction import CAUSES
from nworkers.models.records.profile import Discipline
from nworkers.models.records.scenario import Scenario
from nworkers.simulator.engine.events.gates import Barrier, Bound
from nworkers.simulator.engine.events.outages import NONE, Outages
from nworkers.simulator.engine.events.resources import FifoQueue
from nworkers.simulator.engine.events.worker import OUTAGE, Gates, Worker
from nworkers.simulator.engine.memory import check_memory
from nworkers.simulator.step.chance import Luck
from nworkers.simulator.step.plan import Cluster, Plan
from nworkers.simulator.step.spans import Span
from nworkers.simulator.step.topology import Key, Topology

#: Steps 2 to 6 of 8 to 64 workers on a saturated fair link then come out within 3 % of long runs;
#: without room up to 5 % too long, and up to 20 % if all start within a step alone. With more
#: room, the phases of two or three workers, which last, would no longer be spread evenly.
_ROOM = 1.3
#: The name of time lost to tasks that are down, which only faults have.
OUTAGE_CAUSE = "outage"


@dataclass(frozen=True)
class Training:
    """One run. ``steps_s`` is [worker, step], those of the warm-up in ``warmup_s``.

    ``breakdown`` has the causes of the mean step that counts. ``kinds`` tells workers apart that
    are not alike. ``spans`` are empty unless asked for.
    """

    steps_s: Floats
    warmup_s: Floats
    breakdown: dict[str, float]
    kinds: tuple[int, ...]
    spans: tuple[Span, ...]
    topology: Topology

    @property
    def step_time_s(self) -> float:
        """Mean time between the ends of one worker's successive steps."""
        return mean_step_s(self.steps_s, self.kinds)


def mean_step_s(steps_s: Floats, kinds: tuple[int, ...]) -> float:
    """Mean over all steps that end in some time, of workers that may differ.

    Faster workers end more steps in it: the harmonic mean over kinds. Within a kind it is the mean,
    since few steps a worker would favour those that happened to be short.
    """
    if len(set(kinds)) == 1:
        return float(steps_s.mean())
    of = np.array(kinds)
    rate = sum(
        np.count_nonzero(of == kind) / float(steps_s[of == kind].mean()) for kind in set(kinds)
    )
    return float(len(kinds) / rate)


class _Run:
    """All workers of one run.

    Each goes on until the last has taken its steps, so that the load lasts, but only the same
    number of steps counts for each: to count by the clock would favour short steps.
    """

    def __init__(
        self,
        env: simpy.Environment,
        cluster: Cluster,
        scenario: Scenario,
        luck: Luck,
        warmup: int,
        steps: int,
    ) -> None:
        self._env = env
        self._warmup = warmup
        self._last = warmup + steps
        plans = cluster.plans
        self.finished = env.event()
        self.rounds_s = [0.0]
        self.ends_s: list[list[float]] = [[] for _ in plans]
        self.faulty = False
        self._running = len(plans)
        self._by_round = scenario.variation.backup_workers > 0
        self._final_s: dict[int, list[float]] = {}
        shared, inside = _gates(plans, scenario, self._round_opened)
        self.workers = [
            Worker(
                env,
                number,
                plan,
                luck.factors[number],
                shared | inside.get(plan.host, {}),
                self._step_ended,
            )
            for number, plan in enumerate(plans)
        ]

    @property
    def spent_s(self) -> list[list[float]]:
        """Of each worker, seconds by cause in the steps that count."""
        return [self._final_s.get(k, worker.spent_s) for k, worker in enumerate(self.workers)]

    def befall(self, drawn: Outages, scenario: Scenario) -> None:
        """Have outages happen to workers and ps."""
        self.faulty = drawn is not NONE
        waits = scenario.strategy == "allreduce" or scenario.variation.hybrid
        for number, worker in enumerate(self.workers):
            if drawn.slow:
                worker.slow, worker.slow_factor = drawn.slow[number], drawn.slow_factor
            if drawn.workers:
                worker.down, worker.starts_over = drawn.workers[number], not waits
            worker.ps_down = drawn.ps

    def read_input(self, batch_s: float) -> None:
        """Give every host a pipeline that delivers one batch after the other."""
        pipelines: dict[int, FifoQueue] = {}
        for worker in self.workers:
            worker.input = pipelines.setdefault(worker.host, FifoQueue(self._env, 1.0))
            worker.input_s = batch_s

    def begin(self, starts_s: list[float]) -> None:
        for worker, ends_s, start_s in zip(self.workers, self.ends_s, starts_s, strict=True):
            ends_s.append(start_s)
            worker.begin_at(start_s)

    def _step_ended(self, number: int) -> None:
        ends_s = self.ends_s[number]
        done = len(ends_s)
        if done > self._last:
            return
        ends_s.append(self._env.now)
        if done == self._warmup:
            self.workers[number].forget()
        if done == self._last:
            self._final_s[number] = self.workers[number].spent_s
            self.workers[number].forget()
            self._running -= 1
            if not self._running and not self._by_round:
                self.finished.succeed()

    def _round_opened(self) -> None:
        self.rounds_s.append(self._env.now)
        if self._by_round and len(self.rounds_s) == self._last + 1:
            self.finished.succeed()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection, which takes an eighth of a run and finds next to nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_uncollected()
def train(
    costs: StepCosts,
    scenario: Scenario,
    luck: Luck,
    *,
    discipline: Discipline,
    loopback: bool,
    warmup: int = 2,
    steps: int = 6,
    outages: Outages = NONE,
    record: bool = False,
) -> Training:
    """Train: every worker steps on its own, or all in rounds if the strategy is synchronous.

    ps-sync: a round ends when every worker's push has arrived, or all but the backup workers'.
    allreduce: a collective begins when every worker has its gradients. ps-async: nobody waits for
    anybody, unless staleness is bounded.

    Args:
        discipline: how concurrent transfers share the link.
        loopback: whether the link is one host's own, not a wire between hosts.
        warmup: steps of each worker before those that count.
        steps: steps of each worker that count.
        outages: what befalls the tasks.
        record: keep spans.

    Raises:
        InputError: the run would not end, or not fit into memory.
    """
    env = simpy.Environment()
    cluster = Cluster(
        env,
        costs,
        scenario,
        discipline=discipline,
        loopback=loopback,
        luck=luck,
    )
    plans = cluster.plans
    alone_s = max(_alone_s(plan) for plan in set(plans))
    if alone_s <= 0.0:
        raise InputError("workload", "a step of no time", "something that takes time in a step")
    activities = max(len(plan.activities) for plan in set(plans))
    phases = sum(max(1, len(a.parts)) for a in plans[0].activities)
    check_memory(len(plans), activities, (warmup + steps) * phases if record else 0)
    run = _Run(env, cluster, scenario, luck, warmup, steps)
    spans: list[Span] = []
    run.befall(outages, scenario)
    for number, worker in enumerate(run.workers):
        worker.spans = spans if record else None
        worker.host = cluster.hosts[number]
    if costs.input_s > 0.0:
        run.read_input(costs.input_s)
    together = scenario.strategy != "ps-async" or scenario.variation.hybrid
    over_s = 0.0 if together else spread_s(cluster, alone_s)
    run.begin([luck.starts[k] * over_s for k in range(len(plans))])
    env.run(until=run.finished)
    kinds = {kind: number for number, kind in enumerate(dict.fromkeys(p.kind for p in plans))}
    by_round = scenario.variation.backup_workers > 0
    all_s = np.diff(np.array([run.rounds_s] * len(plans) if by_round else run.ends_s), axis=1)
    training_kinds = tuple(0 if by_round else kinds[plan.kind] for plan in plans)
    counted = all_s[:, warmup:]
    return Training(
        counted,
        all_s[:, :warmup],
        _breakdown(run, counted, training_kinds),
        training_kinds,
        tuple(spans),
        cluster.topology,
    )


def _breakdown(run: _Run, steps_s: Floats, kinds: tuple[int, ...]) -> dict[str, float]:
    """Seconds of the mean step by cause: shares of all workers' time, faster steps more often.

    Where rounds are counted, a worker's steps do not fill them.
    """
    spent_s = np.array(run.spent_s)
    if len(set(kinds)) == 1:
        shares = spent_s.sum(axis=0) / spent_s.sum()
    else:
        shares = (spent_s / spent_s.sum(axis=1, keepdims=True)).mean(axis=0)
    seconds = shares * mean_step_s(steps_s, kinds)
    found = dict(zip(CAUSES, seconds.tolist(), strict=False))
    if seconds[OUTAGE] > 0.0 and run.faulty:
        found[OUTAGE_CAUSE] = float(seconds[OUTAGE])
    return found


def _gates(
    plans: list[Plan], scenario: Scenario, opened: Callable[[], None]
) -> tuple[Gates, dict[int, Gates]]:
    """Gates of all workers, and of those of each host."""
    change = scenario.variation
    named = {a.gate for plan in set(plans) for a in plan.activities if a.gate is not None}
    leaders = sum(plan.leads for plan in plans)
    shared: Gates = {}
    for gate in named:
        if gate[0] == "round":
            spare = max(0, change.backup_workers - change.dead_workers)
            shared[gate] = Barrier(leaders, spare, opened)
        elif gate[0] == "bound":
            shared[gate] = Bound(len(plans), change.staleness or 0)
        elif gate[0] == "gradients":
            shared[gate] = Barrier(len(plans))
    inside: dict[int, Gates] = {
        host: {gate: Barrier(count) for gate in named if gate[0] in ("fetched", "reduced")}
        for host, count in Counter(plan.host for plan in plans).items()
    }
    return shared, inside


def _alone_s(plan: Plan) -> float:
    """The longest way through a step when nobody else is there."""
    ends_s = [0.0] * len(plan.activities)
    begins_s = [0.0] * len(plan.activities)
    for k, activity in enumerate(plan.activities):
        ends_s[k] = begins_s[k] + sum(part.wall_s for part in activity.parts)
        for after in activity.then:
            begins_s[after] = max(begins_s[after], ends_s[k])
    return max(ends_s)


def spread_s(cluster: Cluster, alone_s: float) -> float:
    """Over how long asynchronous workers start, so that few steps lead to the steady state.

    Over a step alone, or over what the busiest resource needs for a step of every worker, with
    some room: no steady step is shorter than either (the asymptotic bounds of a closed network,
    Denning and Buzen, *ACM Computing Surveys* 10, 1978). Workers that start closer together than
    they can go on stay in a bunch for tens of steps under fair sharing.
    """
    busy_s: dict[Key, float] = defaultdict(float)
    for plan, count in Counter(cluster.plans).items():
        for activity in plan.activities:
            for job in activity.jobs:
                work_s = job.work(activity.parts[0].wall_s)
                for key in job.keys:
                    busy_s[key] += count * work_s / cluster.topology.capacity(key)
    return max(alone_s, _ROOM * max(busy_s.values(), default=0.0))
