"""Training: all workers of a run as events, step after step, and where their seconds go."""

from __future__ import annotations

import numpy as np
import simpy

from nworkers.simulator.engine.base import Run
from nworkers.simulator.engine.events.blocks import Blocks
from nworkers.simulator.engine.events.gates import Barrier, Bound
from nworkers.simulator.engine.events.outages import schedule_faults
from nworkers.simulator.engine.events.resources import FifoQueue
from nworkers.simulator.engine.events.steps import LiveSteps
from nworkers.simulator.engine.events.worker import Account, Gates, Worker
from nworkers.simulator.engine.memory import check_memory
from nworkers.simulator.engine.seen import EVERY, seen
from nworkers.simulator.engine.uncollected import uncollected
from nworkers.simulator.step.run_spec import RunSpec
from nworkers.simulator.step.spans import Record

#: What an activity of a worker takes, and a span: 1160 and 250 by tracemalloc, 500 to 2000 workers.
_ACTIVITY_BYTES = 1300
_SPAN_BYTES = 300


@uncollected()
def train(spec: RunSpec) -> Run:
    """Have every worker take its steps, by simpy.

    Raises:
        InputError: the run would not fit into memory.
    """
    activities = max(len(plan.activities) for plan in spec.plans)
    phases = sum(max(1, len(a.parts)) for a in spec.plans[spec.plan_of[0]].activities)
    spans = (spec.warmup + spec.steps) * phases if spec.record else 0
    check_memory(spec.workers, activities * _ACTIVITY_BYTES + spans * _SPAN_BYTES)
    training = _Training(spec)
    training.begin()
    return training.end()


class _Training:
    """All workers of one run.

    Each goes on until the last has taken its steps, so that the load lasts, but only the same
    number of steps counts for each: to count by the clock would favour short steps.
    """

    def __init__(self, spec: RunSpec) -> None:
        self._spec = spec
        self._env = simpy.Environment()
        self._last = spec.warmup + spec.steps
        self._finished = self._env.event()
        self._rounds_s = [0.0]
        self._ends_s: list[list[float]] = [[] for _ in spec.plan_of]
        self._running = spec.workers
        self._accounts: dict[int, tuple[Account, int]] = {}
        self._records: list[Record] = []
        self._workers = self._made()
        if spec.faults is not None:
            self._schedule_faults()
        if spec.input_s > 0.0:
            self._read_input()

    def _made(self) -> list[Worker]:
        spec, env = self._spec, self._env
        gates: dict[int | None, Gates] = {}
        for (gate, host), of in spec.gates.items():
            opened = self._round_opened if gate[0] == "round" else None
            gates.setdefault(host, {})[gate] = (
                Barrier(of.parties, of.spare, opened)
                if of.staleness is None
                else Bound(of.parties, of.staleness)
            )
        steps = LiveSteps(env, spec)
        blocks = Blocks(spec)
        shared = gates.get(None, {})
        return [
            Worker(
                env,
                number,
                host,
                steps.of(number),
                blocks,
                shared | gates[host] if host in gates else shared,
                self._step_ended,
                self._records if spec.record else None,
            )
            for number, host in enumerate(spec.hosts)
        ]

    def _schedule_faults(self) -> None:
        """Have outages happen to workers and ps."""
        assert self._spec.faults is not None
        drawn = schedule_faults(self._spec.faults, self._spec.workers)
        for number, worker in enumerate(self._workers):
            if drawn.slow:
                worker.slow, worker.slow_factor = drawn.slow[number], drawn.slow_factor
            if drawn.workers:
                worker.down, worker.starts_over = drawn.workers[number], drawn.starts_over
            worker.ps_down = drawn.ps

    def _read_input(self) -> None:
        """Give every host a pipeline that delivers one batch after the other."""
        pipelines: dict[int, FifoQueue] = {}
        for worker in self._workers:
            worker.input = pipelines.setdefault(worker.host, FifoQueue(self._env, 1.0))
            worker.input_s = self._spec.input_s

    def begin(self) -> None:
        spec = self._spec
        starts = spec.variates.starts or (0.0,) * spec.workers
        for worker, ends_s, start in zip(self._workers, self._ends_s, starts, strict=False):
            ends_s.append(start * spec.start_over_s)
            worker.begin_at(start * spec.start_over_s)
        self._env.run(until=self._finished)

    def _step_ended(self, number: int) -> None:
        ends_s = self._ends_s[number]
        done = len(ends_s)
        if done > self._last:
            return
        ends_s.append(self._env.now)
        if done == self._spec.warmup:
            self._workers[number].forget()
        if done == self._last:
            worker = self._workers[number]
            self._accounts[number] = worker.forget(), worker.steps
            self._running -= 1
            if not self._running and not self._spec.by_round:
                self._finished.succeed()

    def _round_opened(self) -> None:
        self._rounds_s.append(self._env.now)
        if self._spec.by_round and len(self._rounds_s) == self._last + 1:
            self._finished.succeed()

    def end(self) -> Run:
        spec = self._spec
        ends_s = [self._rounds_s] * spec.workers if spec.by_round else self._ends_s
        accounts = [
            self._accounts.get(number, (worker.account, worker.steps))
            for number, worker in enumerate(self._workers)
        ]
        lasted_s = [np.zeros(len(plan.activities)) for plan in spec.plans]
        steps = [0] * len(spec.plans)
        for plan, (account, until) in zip(spec.plan_of, accounts, strict=True):
            lasted_s[plan] += account.lasted_s
            steps[plan] += until - account.begun
        return seen(
            spec,
            np.array(ends_s),
            np.array([[account.spent_s[cause] for cause in EVERY] for account, _ in accounts]),
            [sum_s / max(1, count) for sum_s, count in zip(lasted_s, steps, strict=True)],
            self._records,
        )
