"""Training: the workers of a cluster step after step, and where their seconds go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import simpy

from scale.models.costs import StepCosts
from scale.models.prediction import CAUSES
from scale.models.profile import Discipline
from scale.models.scenario import Scenario
from scale.models.statistics import Floats
from scale.simulator.cluster import Chain, Plan, Stage, plan_workers
from scale.simulator.noise import Luck
from scale.simulator.resources import Resource

#: Steps 2 to 6 of 8 to 64 workers on a saturated fair link then come out within 3 % of long runs;
#: without room up to 5 % too long, and up to 20 % if all start within a step alone. With more
#: room, the phases of two or three workers, which last, would no longer be spread evenly.
_ROOM = 1.3
_BARRIER_WAIT = CAUSES.index("barrier_wait")

_Process = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class Training:
    """Steady training. ``steps_s`` is [worker, step]; ``breakdown`` adds up to their mean."""

    steps_s: Floats
    breakdown: dict[str, float]

    @property
    def step_time_s(self) -> float:
        """Mean time between the ends of one worker's successive steps."""
        return float(self.steps_s.mean())


class _Barrier:
    """Holds every worker until the last has arrived."""

    def __init__(self, env: simpy.Environment, workers: int) -> None:
        self._env = env
        self._workers = workers
        self._waiting = 0
        self._open = env.event()

    def arrive(self) -> simpy.Event:
        opened = self._open
        self._waiting += 1
        if self._waiting == self._workers:
            self._waiting = 0
            self._open = self._env.event()
            opened.succeed()
        return opened


class _Workers:
    """All workers of one run.

    Each goes on until the last has taken its steps, so that the load lasts, but only the same
    number of steps counts for each: to count by the clock would favour short steps.
    """

    def __init__(
        self, env: simpy.Environment, plans: list[Plan], luck: Luck, warmup: int, steps: int
    ) -> None:
        self._env = env
        self._luck = luck
        self._warmup = warmup
        self._last = warmup + steps
        self._barrier = _Barrier(env, len(plans))
        self._running = len(plans)
        self.finished = env.event()
        self.ends_s: list[list[float]] = [[] for _ in plans]
        self.spent_s: list[list[float]] = [[] for _ in plans]
        self._plans = plans

    def start(self, synchronous: bool) -> None:
        """Begin: all at once, or each where its luck has it."""
        over_s = 0.0 if synchronous else spread_s(self._plans)
        for worker, plan in enumerate(self._plans):
            offset_s = self._luck.starts[worker] * over_s
            self._env.process(self._train(worker, plan, offset_s, synchronous))

    def _train(self, worker: int, plan: Plan, offset_s: float, synchronous: bool) -> _Process:
        env, ends_s = self._env, self.ends_s[worker]
        factors = self._luck.factors[worker]
        spent_s = [0.0] * len(CAUSES)
        if offset_s > 0.0:
            yield env.timeout(offset_s)
        for step in count():
            if step == self._warmup:
                spent_s = [0.0] * len(CAUSES)
            if self._warmup <= step <= self._last:
                ends_s.append(env.now)
            if step == self._last:
                self.spent_s[worker] = spent_s.copy()
                self._running -= 1
                if self._running == 0:
                    self.finished.succeed()
            luck = factors[step % len(factors)]
            for stage in plan.work:
                yield from self._stage(stage, luck, spent_s)
            if synchronous:
                arrived_s = env.now
                yield self._barrier.arrive()
                spent_s[_BARRIER_WAIT] += env.now - arrived_s
            for stage in plan.collective:
                yield from self._stage(stage, luck, spent_s)

    def _stage(self, stage: Stage, luck: list[float], spent_s: list[float]) -> _Process:
        """Run parallel chains; the one that ends last is on the critical path."""
        if len(stage) == 1:
            yield from self._chain(stage[0], luck, spent_s)
            return
        own_s = [[0.0] * len(CAUSES) for _ in stage]
        chains = [
            self._env.process(self._chain(chain, luck, own))
            for chain, own in zip(stage, own_s, strict=True)
        ]
        critical = own_s[0]
        for chain, own in zip(chains, own_s, strict=True):
            before_s = self._env.now
            yield chain
            if self._env.now > before_s:
                critical = own
        for cause, seconds in enumerate(critical):
            spent_s[cause] += seconds

    def _chain(self, chain: Chain, luck: list[float], spent_s: list[float]) -> _Process:
        """Run tasks in sequence, each until the last of its jobs is done.

        A job alone takes its task's wall time, so only a task without jobs needs a delay of its
        own, and delays that follow each other are one. The excess over the wall time goes to the
        resource that kept the task waiting longest.
        """
        env = self._env
        delay_s = 0.0
        for task in chain:
            wall_s = task.wall_s * luck[task.operation]
            spent_s[task.cause] += wall_s
            if not task.jobs:
                delay_s += wall_s
                continue
            if delay_s > 0.0:
                yield env.timeout(delay_s)
                delay_s = 0.0
            started_s = env.now
            waits = [(job.submit(wall_s), job.blame) for job in task.jobs]
            ended_s, slowest = started_s, waits[0][1]
            for wait, blame in waits:
                yield wait
                if env.now > ended_s:
                    ended_s, slowest = env.now, blame
            # Rounding may make an uncontended job a little too fast.
            spent_s[slowest] += max(0.0, ended_s - started_s - wall_s)
        if delay_s > 0.0:
            yield env.timeout(delay_s)


def spread_s(plans: list[Plan]) -> float:
    """Over how long asynchronous workers start, so that few steps lead to the steady state.

    Over a step alone, or over what the busiest resource needs for a step of every worker, with
    some room: no steady step is shorter than either (the asymptotic bounds of a closed network,
    Denning and Buzen, *ACM Computing Surveys* 10, 1978). Workers that start closer together than
    they can go on stay in a bunch for tens of steps under fair sharing.
    """
    busy_s: dict[Resource, float] = defaultdict(float)
    alone_s = 0.0
    for plan in plans:
        stages = plan.work + plan.collective
        alone_s = max(
            alone_s,
            sum(max(sum(task.wall_s for task in chain) for chain in stage) for stage in stages),
        )
        for task in (task for stage in stages for chain in stage for task in chain):
            for job in task.jobs:
                busy_s[job.resource] += job.busy_s(task.wall_s)
    return max(alone_s, _ROOM * max(busy_s.values(), default=0.0))


def train(
    costs: StepCosts,
    scenario: Scenario,
    luck: Luck,
    *,
    discipline: Discipline,
    loopback: bool,
    warmup: int = 2,
    steps: int = 6,
) -> Training:
    """Train: every worker steps on its own, or all in rounds if the strategy is synchronous.

    ps-sync: a round ends when every worker's push has arrived. allreduce: the collective begins
    when every worker has its gradients. ps-async: nobody waits for anybody.

    Args:
        discipline: how concurrent transfers share the link.
        loopback: whether the link is one host's own, not a wire between hosts.
        warmup: steps of each worker before those that count.
        steps: steps of each worker that count.
    """
    env = simpy.Environment()
    plans = plan_workers(
        env,
        costs,
        scenario,
        discipline=discipline,
        loopback=loopback,
        mean_factors=luck.mean_factors,
    )
    workers = _Workers(env, plans, luck, warmup, steps)
    workers.start(scenario.strategy != "ps-async")
    env.run(until=workers.finished)
    counted = len(plans) * steps
    spent_s = np.array(workers.spent_s).sum(axis=0) / counted
    return Training(
        np.diff(np.array(workers.ends_s), axis=1),
        dict(zip(CAUSES, spent_s.tolist(), strict=True)),
    )
