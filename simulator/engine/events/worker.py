"""Worker: one replica that takes its step over and over, activity by activity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import simpy

from nworkers.models.records.prediction import CAUSES, NOT_ALWAYS, OUTAGE, Cause
from nworkers.simulator.engine.events.blocks import Blocks
from nworkers.simulator.engine.events.gates import Barrier, Bound
from nworkers.simulator.engine.events.outages import Renewal
from nworkers.simulator.engine.events.resources import FifoQueue, Timer, after
from nworkers.simulator.engine.events.steps import LiveStep
from nworkers.simulator.step.graph import GateKey
from nworkers.simulator.step.plan import Activity
from nworkers.simulator.step.spans import Record

Gates = dict[GateKey, Barrier | Bound]


@dataclass(slots=True)
class Account:
    """What a worker did since it began to account: since ``begun`` steps had ended.

    ``spent_s`` are seconds of the critical paths by cause, ``lasted_s`` those of each activity.
    """

    spent_s: dict[Cause, float]
    lasted_s: list[float]
    begun: int


class Worker:
    """Runs the graph of a step, begins the next as it ends, and accounts for the critical path.

    Everything happens in callbacks of the events that end activities: one simpy event each, where
    processes would need two or three.

    Args:
        gates: those that the plan names.
        on_step: called with the worker's number at each end of a step.
        records: where to keep what it did; None if nobody asks.
    """

    def __init__(
        self,
        env: simpy.Environment,
        number: int,
        host: int,
        step: LiveStep,
        blocks: Blocks,
        gates: Gates,
        on_step: Callable[[int], None],
        records: list[Record] | None,
    ) -> None:
        self._env = env
        self._number = number
        self.host = host
        self._step = step
        self._activities = step.plan.activities
        self._jobs = step.jobs
        self._terms = step.terms
        self._needs = step.needs
        self._gates = gates
        self._on_step = on_step
        self._more = blocks.of
        #: Of the steps from ``_block_from`` on; those of the step under way are ``_varied``.
        self._block = blocks.of(number, 0)
        self._block_from = 0
        self._varied = self._block[0]
        count = len(self._activities)
        self._left = step.needs.copy()
        #: Which activity the start of each waited for last; of a chain, always the one before.
        self._after = step.before.copy()
        self._started_s = [0.0] * count
        self._ended_s = [0.0] * count
        self._alone_s = [0.0] * count
        self._blame: list[Cause | None] = [jobs[0].blame if jobs else None for jobs in step.jobs]
        self._jobs_left = [0] * count
        self._ends: list[Callable[..., None]] = [partial(self._end, k) for k in range(count)]
        self._timers: list[Timer | None] = [None] * count
        self._faulty = False
        self._began_s = 0.0
        self._round = 0
        self._life = 0
        #: Dead in the middle of a step that it will begin anew.
        self._away = False
        self._batch_s = 0.0
        #: Steps that have ended.
        self.steps = 0
        self.account = Account({}, [], 0)
        self.forget()
        self.input: FifoQueue | None = None
        self.input_s = 0.0
        self.slow: Renewal | None = None
        self.slow_factor = 1.0
        self.down: Renewal | None = None
        self.ps_down: tuple[Renewal, ...] = ()
        #: Whether a step that its death interrupts is begun anew, or gone on with.
        self.starts_over = True
        self._records = records
        self._open: list[tuple[int, float]] = []

    def begin_at(self, delay_s: float) -> None:
        after(self._env, delay_s, lambda _: self._first())

    def _first(self) -> None:
        if self.input is not None:
            self._batch_s = self.input.reserve(self.input_s)
        self._faulty = self.down is not None or bool(self.ps_down)
        self._began_s = self._env.now
        self._begin()

    def forget(self) -> Account:
        """Account anew from here; what was on account until now."""
        account = self.account
        self.account = Account(
            dict.fromkeys((*CAUSES, *NOT_ALWAYS), 0.0), [0.0] * len(self._activities), self.steps
        )
        return account

    def _begin(self) -> None:
        self._left[:] = self._needs
        for k in self._step.roots:
            self._start(k)

    def _start(self, k: int) -> None:
        activity = self._activities[k]
        self._started_s[k] = self._env.now
        if self._faulty and self._waits_for_the_dead(k, activity):
            return
        if activity.gate is not None:
            self._arrive(k, activity)
            return
        if activity.input:
            self._wait(k, self._batch_s - self._env.now)
            return
        varied = self._varied
        alone_s = 0.0
        for wall_s, operation, _ in self._terms[k]:
            alone_s += wall_s * varied[operation]
        if self.slow is not None and self.slow.until_s(self._env.now) > 0.0:
            alone_s += self._dragged_s(k)
        self._alone_s[k] = alone_s
        jobs = self._jobs[k]
        if len(jobs) == 1:
            jobs[0].submit(
                alone_s, varied, self._ends[k] if self.down is None else self._guarded(k)
            )
        elif jobs:
            self._jobs_left[k] = len(jobs)
            for job in jobs:
                job.submit(alone_s, varied, partial(self._job_ended, k, job.blame, self._life))
        elif activity.parts:
            self._wait(k, alone_s)
        else:
            self._end(k)

    def _wait(self, k: int, delay_s: float) -> None:
        """Let the activity end in so long."""
        if self.down is not None:
            after(self._env, delay_s, self._guarded(k))
            return
        timer = self._timers[k]
        if timer is None:
            timer = self._timers[k] = Timer(self._env, self._ends[k])
        timer.start(delay_s)

    def _dragged_s(self, k: int) -> float:
        """What slowness adds to the computing of an activity."""
        return (self.slow_factor - 1.0) * sum(
            wall_s * self._varied[operation]
            for wall_s, operation, cause in self._terms[k]
            if cause == "compute"
        )

    def _job_ended(self, k: int, blame: Cause, life: int) -> None:
        if life != self._life:
            return
        self._jobs_left[k] -= 1
        if not self._jobs_left[k]:
            self._blame[k] = blame
            self._end(k)

    def _guarded(self, k: int) -> Callable[..., None]:
        """An end that does nothing if the worker has died meanwhile."""
        life = self._life

        def end(*_: object) -> None:
            if life == self._life:
                self._end(k)

        return end

    def _arrive(self, k: int, activity: Activity) -> None:
        assert activity.gate is not None
        gate = self._gates[activity.gate]
        if isinstance(gate, Bound):
            gate.arrive(self._number, self._ends[k])
            return
        late = self._round if activity.gate[0] == "round" else gate.round
        gate.arrive(late, self._ends[k])

    def _end(self, k: int, _: simpy.Event | None = None) -> None:
        now_s = self._ended_s[k] = self._env.now
        self.account.lasted_s[k] += now_s - self._started_s[k]
        activity = self._activities[k]
        if self._records is not None:
            self._open.append((k, self._started_s[k]))
        if activity.input and self.input is not None:
            self._batch_s = self.input.reserve(self.input_s)
        elif activity.gate is not None and activity.gate[0] == "round":
            gate = self._gates[activity.gate]
            if isinstance(gate, Barrier):
                self._round = gate.round
        then = activity.then
        if not then:
            self._finish(k)
            return
        for following in then:
            if self._needs[following] > 1:
                self._left[following] -= 1
                if self._left[following]:
                    continue
                self._after[following] = k
            self._start(following)

    def _finish(self, k: int) -> None:
        """The step is over: account for it, and begin the next."""
        path = self._account(k)
        if self._records is not None:
            self._record(path)
        self.steps += 1
        self._on_step(self._number)
        place = self.steps - self._block_from
        if place == len(self._block):
            self._block = self._more(self._number, self.steps)
            self._block_from, place = self.steps, 0
        self._varied = self._block[place]
        self._began_s = self._env.now
        self._begin()

    def _account(self, last: int) -> list[int]:
        """Add the step's critical path to the causes; what tasks that are down took is the rest."""
        activities, spent_s, varied = self._activities, self.account.spent_s, self._varied
        path = []
        begun_s = self._env.now
        k = last
        while k >= 0:
            path.append(k)
            activity = activities[k]
            begun_s = self._started_s[k]
            if activity.parts:
                for wall_s, operation, cause in self._terms[k]:
                    spent_s[cause] += wall_s * varied[operation]
                blame = self._blame[k]
                if blame is not None:
                    # Rounding may make an uncontended job a little too fast.
                    over_s = self._ended_s[k] - begun_s - self._alone_s[k]
                    if over_s > 0.0:
                        spent_s[blame] += over_s
                if self.slow is not None:
                    spent_s["compute"] += self._alone_s[k] - self._measured_s(k)
            elif activity.gate is not None:
                spent_s["barrier_wait"] += self._ended_s[k] - begun_s
            elif activity.input:
                spent_s["input"] += self._ended_s[k] - begun_s
            k = self._after[k]
            if self._faulty and k >= 0:
                spent_s[OUTAGE] += begun_s - self._ended_s[k]
        spent_s[OUTAGE] += begun_s - self._began_s
        return path

    def _measured_s(self, k: int) -> float:
        """What an activity takes alone where nobody falls behind."""
        return sum(wall_s * self._varied[operation] for wall_s, operation, _ in self._terms[k])

    def _waits_for_the_dead(self, k: int, activity: Activity) -> bool:
        """Put the activity off until this worker, or the ps that it goes to, is back."""
        env, now_s = self._env, self._env.now
        if self._away:
            return True
        if self.down is not None:
            back_s = self.down.until_s(now_s)
            if back_s > now_s:
                if self.starts_over:
                    self._away = True
                    self._life += 1
                    if self._records is not None:
                        self._record([])
                    after(env, back_s - now_s, self._return)
                else:
                    after(env, back_s - now_s, lambda _: self._start(k))
                return True
        back_s = max((r.until_s(now_s) for r in self._ps_of(activity)), default=now_s)
        if back_s <= now_s:
            return False
        life = self._life
        after(env, back_s - now_s, lambda _: self._start(k) if life == self._life else None)
        return True

    def _ps_of(self, activity: Activity) -> tuple[Renewal, ...]:
        return tuple(self.ps_down[ps] for ps in activity.ps) if self.ps_down else ()

    def _return(self, _: simpy.Event) -> None:
        """Begin the step that a death has interrupted anew, in the round that is under way."""
        self._away = False
        gate = self._gates.get(("round", 0))
        if isinstance(gate, Barrier):
            self._round = gate.round
        self._begin()

    def _record(self, path: list[int]) -> None:
        """Keep what the step's activities did, in the order of their ends."""
        assert self._records is not None
        critical = set(path)
        for k, started_s in self._open:
            parts_s = tuple(wall_s * self._varied[column] for wall_s, column, _ in self._terms[k])
            when = (started_s, self._ended_s[k], self._alone_s[k])
            record = Record(
                self._number, self.steps, k, self._blame[k], k in critical, *when, parts_s
            )
            self._records.append(record)
        self._open = []
