"""Campaign: the plan carried out, round by round, into a Calibration."""

from __future__ import annotations

import importlib.util
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from scale.calibrate.cluster import Cluster, Site, running
from scale.calibrate.plan import Plan
from scale.calibrate.processor import usable_cores
from scale.calibrate.sampling import Limits, Samples
from scale.calibrate.watch import Neighbours, Watch
from scale.models.calibration import (
    Burst,
    Calibration,
    Cell,
    Neighbour,
    Planned,
    Processor,
    Skipped,
)
from scale.models.errors import HardwareError
from scale.models.hosts import check_cells
from scale.models.journal import Journal
from scale.models.precision import target
from scale.models.profile import Evidence
from scale.models.resume import Round, pending
from scale.models.statistics import outliers

#: Building every graph of a full plan takes a few seconds on slow cores.
BUILD_S = 120.0
#: Time given to all workers to hear of a common start.
LEAD_S = 0.02
#: Beyond a burst's budget: its warm-up, and the call that is under way when the budget ends.
OVER_BUDGET = 1.3
TIME_LIMIT = "the time limit"


@dataclass(frozen=True)
class Progress:
    """Cells done of all rounds, the one that is running, and an estimate of the time left."""

    done: int
    total: int
    cell: str
    left_s: float


class Stopped(Exception):
    """A campaign that ended early; ``calibration`` holds what was measured until then."""

    def __init__(self, calibration: Calibration, cause: BaseException) -> None:
        self.calibration = calibration
        self.cause = cause
        super().__init__(str(cause))


@dataclass(frozen=True)
class Machines:
    """Where the tasks run: on loopback by default."""

    ps: tuple[Site, ...] = (Site(),)
    workers: tuple[Site, ...] = (Site(), Site())
    link_kind: Literal["loopback", "network"] = "loopback"
    evidence: Evidence = "one host"
    hardware: str = ""


def require_tensorflow() -> None:
    """Raise HardwareError with the command that installs TensorFlow, where it is missing."""
    if importlib.util.find_spec("tensorflow") is None:
        raise HardwareError(
            "TensorFlow is not installed; install it with: pip install 'scale[tf]' "
            "(with an NVIDIA GPU: pip install 'scale[gpu]')"
        )


@dataclass(frozen=True)
class Course:
    """How a plan is carried out; by default from its beginning to its end.

    Args:
        planned: what the file says that was planned, for a later run to go on with.
        before: what an earlier run measured of it.
        rounds: the cells still to be measured; None for all that ``before`` lacks.
        journal: where every cell goes as soon as it is measured.
        limit_s: no cell begins that is not expected to end within so many seconds.
    """

    planned: Planned | None = None
    before: Calibration | None = None
    rounds: tuple[Round, ...] | None = None
    journal: Journal | None = None
    limit_s: float | None = None


class _OutOfTime(Exception):
    """The next cell would not end within the time limit."""


def calibrate(
    plan: Plan,
    *,
    logs: Path,
    progress: Callable[[Progress], None],
    machines: Machines | None = None,
    course: Course | None = None,
) -> Calibration:
    """Measure every cell of the plan; the profile is not fitted yet.

    Raises:
        Stopped: interrupted, or a task failed; it carries the samples so far and the cause.
        HardwareError: TensorFlow is not installed.
        InputError: the journal cannot be written.
    """
    require_tensorflow()
    campaign = _Campaign(plan, machines or Machines(), logs, progress, course or Course())
    try:
        campaign.begin()
        for round_ in campaign.rounds:
            campaign.run_round(round_)
    except _OutOfTime:
        return campaign.result(TIME_LIMIT)
    except KeyboardInterrupt as cause:
        raise Stopped(campaign.result("interrupted"), cause) from cause
    except HardwareError as cause:
        raise Stopped(campaign.result("a task failed"), cause) from cause
    return campaign.result()


class _Campaign:
    def __init__(
        self,
        plan: Plan,
        machines: Machines,
        logs: Path,
        progress: Callable[[Progress], None],
        course: Course,
    ) -> None:
        self._plan = plan
        self._machines = machines
        self._logs = logs
        self._progress = progress
        self._course = course
        before = course.before
        self._bursts: list[Burst] = list(before.bursts) if before else []
        self._skipped = {s.cell: s.reason for s in before.skipped} if before else {}
        self._neighbours: list[Neighbour] = list(before.neighbours) if before else []
        self.rounds = self._pending() if course.rounds is None else course.rounds
        addresses = [site.address for site in machines.workers]
        self._hosts = tuple(list(dict.fromkeys(addresses)).index(a) for a in addresses)
        self._everywhere = check_cells(plan.cells) if len(set(self._hosts)) > 1 else ()
        self._began = time.monotonic()
        self._total = sum(len(round_.cells) for round_ in self.rounds)
        self._done = 0
        #: Seconds that a cell took in an earlier round of this run, and the start of a round.
        self._taken_s: dict[Cell, float] = {}
        self._start_s = 0.0
        self._watch = Watch()

    def begin(self) -> None:
        if self._course.journal:
            self._course.journal.begin(self.result("killed"))

    def result(self, stopped: str = "") -> Calibration:
        """What was measured until now; ``stopped`` says why it ended early, if it did."""
        machines, before = self._machines, self._course.before
        environment = self._watch.environment()
        if machines.hardware:
            environment = replace(environment, hardware=machines.hardware)
        complete = not self._pending()
        return Calibration(
            environment=before.environment if before else environment,
            link_kind=machines.link_kind,
            evidence=machines.evidence,
            cores=usable_cores(),
            ps=len(machines.ps),
            workers=len(machines.workers),
            rounds=len({burst.round for burst in self._bursts}),
            complete=complete,
            workload=self._plan.workload,
            bursts=tuple(self._bursts),
            skipped=tuple(Skipped(cell, reason) for cell, reason in self._skipped.items()),
            planned=self._course.planned,
            stopped="" if complete else stopped,
            neighbours=tuple(self._neighbours),
            resumed=(*before.resumed, environment) if before else (),
            worker_hosts=self._hosts,
        )

    def _pending(self) -> tuple[Round, ...]:
        skipped = [Skipped(cell, reason) for cell, reason in self._skipped.items()]
        return pending(self._plan.cells, self._plan.rounds, self._bursts, skipped)

    def run_round(self, round_: Round) -> None:
        """Measure the round's cells once, in random order, in fresh processes."""
        order = list(round_.cells)
        random.Random(f"{self._plan.seed} {round_.number}").shuffle(order)
        self._require_time(self._start_s)
        self._report("starting the cluster")
        began = time.monotonic()
        with running(
            ps=self._machines.ps, workers=self._machines.workers, logs=self._logs, single=True
        ) as cluster:
            known = len(self._skipped)
            built = _Built(cluster, replace(self._plan, cells=round_.cells), self._skipped)
            if self._course.journal:
                found = [Skipped(c, reason) for c, reason in self._skipped.items()]
                self._course.journal.add(skipped=tuple(found[known:]))
            self._start_s = time.monotonic() - began
            # From here on: importing TensorFlow is no part of what others may disturb.
            neighbours = Neighbours()
            try:
                for cell in order:
                    self._report(cell.name)
                    if replace(cell, workers=1) not in self._skipped:
                        self._measure_cell(cluster, built, cell, round_.number)
                    self._done += 1
            finally:
                self._add_neighbours(neighbours.busy(round_.number, [os.getpid()]))
        self._report("")

    def _measure_cell(self, cluster: Cluster, built: _Built, cell: Cell, number: int) -> None:
        """Measure a cell and keep it; where it tells hosts apart, on every worker in turn."""
        self._require_time(self._expected_s(cell))
        began = time.monotonic()
        bursts = self._measure(cluster, built, cell, number)
        if cell in self._everywhere:
            for worker, name in enumerate(cluster.names("worker")[1:], start=1):
                (alone,) = self._measure(cluster, built, cell, number, [name])
                bursts.append(replace(alone, worker=worker, processor=None))
        self._taken_s[cell] = time.monotonic() - began
        self._bursts += bursts
        if self._course.journal:
            self._course.journal.add(bursts=tuple(bursts))

    def _add_neighbours(self, found: tuple[Neighbour, ...]) -> None:
        self._neighbours += found
        if self._course.journal:
            self._course.journal.add(neighbours=found)

    def _expected_s(self, cell: Cell) -> float:
        budget_s = self._plan.window_s if cell.workers > 1 else self._plan.burst_s
        everywhere = len(self._hosts) if cell in self._everywhere else 1
        return self._taken_s.get(cell, OVER_BUDGET * budget_s * everywhere)

    def _require_time(self, needed_s: float) -> None:
        limit_s = self._course.limit_s
        if limit_s is not None and time.monotonic() - self._began + needed_s > limit_s:
            raise _OutOfTime

    def _report(self, cell: str) -> None:
        elapsed = time.monotonic() - self._began
        planned = self._plan.rounds * len(self._plan.cells)
        if self._done > self._total // (4 * max(1, len(self.rounds))):
            left = elapsed / self._done * (self._total - self._done)
        else:
            left = max(0.0, self._plan.estimate_s * self._total / planned - elapsed)
        self._progress(Progress(self._done, self._total, cell, left))

    def _measure(
        self,
        cluster: Cluster,
        built: _Built,
        cell: Cell,
        number: int,
        only: Sequence[str] = (),
    ) -> list[Burst]:
        """One burst by each of the cell's tasks, or by those named."""
        plan = self._plan
        names = list(only) or built.runners(cell)
        concurrent = cell.workers > 1
        limits = Limits(
            precision=target(cell),
            max_samples=plan.max_samples * (100 if concurrent else 1),
            budget_s=plan.window_s if concurrent else plan.burst_s,
            start_at=time.perf_counter() + LEAD_S if concurrent else None,
        )
        ps = cluster.names("ps") if cell.path == "ps" else []
        began = time.perf_counter()
        before = _busy(cluster, ps, names[0])
        answers: list[tuple[Samples, float]] = cluster.call_each(
            {name: (built.index(name, cell), limits) for name in names}, "burst"
        )
        after = _busy(cluster, ps, names[0])
        samples = [answer[0] for answer in answers]
        processor = Processor(
            operations=sum(len(s.warmup_s) + len(s.samples_s) for s in samples),
            worker_s=sum(answer[1] for answer in answers),
            ps_s=max(0.0, after[0] - before[0]),
            host_s=max(0.0, after[1] - before[1]),
            wall_s=time.perf_counter() - began,
        )
        return [
            Burst(
                cell=cell,
                round=number,
                worker=worker,
                cold_s=built.cold_s(name, cell),
                warmup_s=taken.warmup_s,
                samples_s=taken.samples_s,
                outliers=tuple(outliers(np.asarray(taken.samples_s))),
                stop=taken.stop,
                processor=processor if worker == 0 else None,
            )
            for worker, (name, taken) in enumerate(zip(names, samples, strict=True))
        ]


def _busy(cluster: Cluster, ps: Sequence[str], runner: str) -> tuple[float, float]:
    """(processor seconds of the ps, 0 without one; busy seconds of the ps's or runner's host)."""
    readings: list[tuple[float, float]] = cluster.call(list(ps) or [runner], "processor")
    return (sum(task for task, _ in readings) if ps else 0.0), readings[0][1]


class _Built:
    """The cells as built in the tasks of one round."""

    def __init__(self, cluster: Cluster, plan: Plan, skipped: dict[Cell, str]) -> None:
        self._cluster = cluster
        self._cold: dict[tuple[str, Cell], float] = {}
        single = [c for c in plan.cells if c.path == "process"]
        remote = list(
            dict.fromkeys(replace(c, workers=1) for c in plan.cells if c.path != "process")
        )
        # Built smallest first, so that a size over the limit spares the larger ones.
        remote.sort(key=lambda cell: cell.size_bytes)
        self._order = {"single": single, "worker": [c for c in remote if c not in skipped]}
        for job, cells in self._order.items():
            names = cluster.names(job)
            answers = cluster.call(names, "build", cells, plan.workload, timeout_s=BUILD_S)
            for name, results in zip(names, answers, strict=True):
                for cell, (cold_s, reason) in zip(cells, results, strict=True):
                    self._cold[name, cell] = cold_s
                    if reason:
                        skipped[cell] = reason

    def runners(self, cell: Cell) -> list[str]:
        """The tasks that run a cell."""
        if cell.path == "process":
            return self._cluster.names("single")
        return self._cluster.names("worker")[: cell.workers]

    def index(self, name: str, cell: Cell) -> int:
        return self._order[name.rstrip("0123456789")].index(replace(cell, workers=1))

    def cold_s(self, name: str, cell: Cell) -> float:
        return self._cold[name, replace(cell, workers=1)]
