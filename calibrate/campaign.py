"""Campaign: the plan carried out, round by round, into a Calibration."""

from __future__ import annotations

import importlib.util
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from scale.calibrate.cluster import Cluster, Site, mirrored_job, running
from scale.calibrate.environment import Watch
from scale.calibrate.plan import LOCAL_PRECISION, REMOTE_PRECISION, Plan
from scale.calibrate.probe import lock_step
from scale.calibrate.processor import usable_cores
from scale.calibrate.sampling import Limits, Samples
from scale.models.calibration import Burst, Calibration, Cell, Memory, Processor, Skipped, TaskHost
from scale.models.errors import HardwareError
from scale.models.profile import Evidence
from scale.models.statistics import outliers

#: Building every graph of a full plan takes a few seconds on slow cores.
BUILD_S = 120.0
#: The fewest samples of a cell in lock-step, however long its calls take.
LEAST_TOGETHER = 5


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


def calibrate(
    plan: Plan,
    *,
    logs: Path,
    progress: Callable[[Progress], None],
    machines: Machines | None = None,
) -> Calibration:
    """Measure every cell of the plan; the profile is not fitted yet.

    Raises:
        Stopped: interrupted, or a task failed; it carries the samples so far and the cause.
        HardwareError: TensorFlow is not installed.
    """
    require_tensorflow()
    campaign = _Campaign(plan, machines or Machines(), logs, progress)
    try:
        campaign.measure_memory()
        for number in range(plan.rounds):
            campaign.run_round(number)
    except (KeyboardInterrupt, HardwareError) as cause:
        raise Stopped(campaign.result(complete=False), cause) from cause
    return campaign.result(complete=True)


class _Campaign:
    def __init__(
        self, plan: Plan, machines: Machines, logs: Path, progress: Callable[[Progress], None]
    ) -> None:
        self._plan = plan
        self._machines = machines
        self._logs = logs
        self._progress = progress
        self._bursts: list[Burst] = []
        self._skipped: dict[Cell, str] = {}
        if not machines.ps:
            reason = "the cluster has no ps; --ps 1 makes one of its tasks a ps"
            self._skipped = {
                _as_built(c): reason for c in plan.cells if c.path in ("ps", "coordinator")
            }
        self._began = time.monotonic()
        self._done = 0
        self._watch = Watch()
        self._tasks: tuple[TaskHost, ...] = ()
        self._memory: Memory | None = None

    def result(self, *, complete: bool) -> Calibration:
        machines = self._machines
        environment = self._watch.environment()
        if machines.hardware:
            environment = replace(environment, hardware=machines.hardware)
        return Calibration(
            environment=environment,
            link_kind=machines.link_kind,
            evidence=machines.evidence,
            cores=next((t.cores for t in self._tasks if t.task == "ps0"), usable_cores()),
            ps=len(machines.ps),
            workers=len(machines.workers),
            rounds=len({burst.round for burst in self._bursts}),
            complete=complete,
            workload=self._plan.workload,
            bursts=tuple(self._bursts),
            skipped=tuple(Skipped(cell, reason) for cell, reason in self._skipped.items()),
            tasks=self._tasks,
            memory=self._memory,
            threads=self._plan.threads,
            pipeline=self._plan.pipeline,
        )

    def measure_memory(self) -> None:
        """In a process of its own, whose peak is this measurement's alone."""
        if self._plan.memory:
            self._report("memory of a training step")
            with running(
                ps=[], workers=[], logs=self._logs, single=True, gpu=self._plan.gpu
            ) as cluster:
                (self._memory,) = cluster.call(
                    ["single0"], "memory", self._plan.workload, timeout_s=BUILD_S
                )

    def run_round(self, number: int) -> None:
        """Measure every cell once, in random order, in fresh processes."""
        chance = random.Random(f"{self._plan.seed} {number}")
        phases: dict[str, list[Cell]] = {}
        for cell in self._plan.cells:
            phases.setdefault(_phase(cell), []).append(cell)
        order = chance.sample(sorted(phases), len(phases))
        for phase in order:
            chance.shuffle(phases[phase])
            last = number + 1 == self._plan.rounds and phase == order[-1]
            self._run_phase(phase, phases[phase], number, again=not last)
        self._report("")

    def _run_phase(self, phase: str, cells: Sequence[Cell], number: int, *, again: bool) -> None:
        """Measure cells in a cluster of their own, which holds the tasks that they run in alone."""
        self._report("starting the cluster")
        alone = phase == "mirrored"
        sites = self._machines.workers
        groups = sorted({cell.workers for cell in cells}) if alone else []
        with running(
            ps=[] if alone else self._machines.ps,
            workers=[] if alone else sites,
            logs=self._logs,
            single=phase == "session",
            chief=Site() if phase == "coordinator" else None,
            mirrored=[sites[:size] for size in groups],
            again=again,
            gpu=self._plan.gpu,
            threads=self._plan.threads,
        ) as cluster:
            if not self._tasks and not alone:
                self._tasks = _task_hosts(cluster)
            built = _Built(cluster, cells, self._plan, self._skipped)
            for cell in cells:
                self._report(cell.name)
                if _as_built(cell) not in self._skipped:
                    self._bursts += self._measure(cluster, built, cell, number)
                self._done += 1

    def _report(self, cell: str) -> None:
        total = self._plan.rounds * len(self._plan.cells)
        elapsed = time.monotonic() - self._began
        if self._done > len(self._plan.cells) // 4:
            left = elapsed / self._done * (total - self._done)
        else:
            left = max(0.0, self._plan.estimate_s - elapsed)
        self._progress(Progress(self._done, total, cell, left))

    def _measure(self, cluster: Cluster, built: _Built, cell: Cell, number: int) -> list[Burst]:
        plan = self._plan
        names = built.runners(cell)
        concurrent = cell.workers > 1 and cell.path == "ps"
        limits = Limits(
            precision=LOCAL_PRECISION if cell.path == "process" else REMOTE_PRECISION,
            max_samples=plan.max_samples * (100 if concurrent else 1),
            budget_s=plan.window_s if concurrent else plan.burst_s,
        )
        if lock_step(cell):
            limits = replace(limits, exactly=self._count(cluster, built, cell))
        ps = cluster.names("ps") if cell.path in ("ps", "coordinator") else []
        # What the coordinator schedules runs on workers that are in no call of ours.
        others = cluster.names("worker") if cell.path == "coordinator" else []
        began = time.perf_counter()
        before = _busy(cluster, ps, others, names[0])
        answers = _bursts(cluster, built, cell, limits, together=concurrent)
        after = _busy(cluster, ps, others, names[0])
        samples = [answer[0] for answer in answers]
        own_s = sum(answer[1] for answer in answers)
        processor = Processor(
            operations=sum(len(s.warmup_s) + len(s.samples_s) for s in samples),
            worker_s=max(0.0, after.workers_s - before.workers_s) if others else own_s,
            ps_s=max(0.0, after.ps_s - before.ps_s),
            host_s=max(0.0, after.host_s - before.host_s),
            wall_s=time.perf_counter() - began,
            chief_s=own_s if others else 0.0,
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

    def _count(self, cluster: Cluster, built: _Built, cell: Cell) -> int:
        """How often all workers of a cell in lock-step call it within its budget."""
        once = Limits(precision=0.0, max_samples=1, budget_s=0.0, exactly=1)
        slowest_s = max(
            float(np.median([*taken.warmup_s, *taken.samples_s]))
            for taken, _ in _bursts(cluster, built, cell, once)
        )
        wanted = int(self._plan.burst_s / slowest_s)
        return min(max(wanted, LEAST_TOGETHER), self._plan.max_samples)


def _task_hosts(cluster: Cluster) -> tuple[TaskHost, ...]:
    """Every task of ps and workers with its host's facts; hosts are numbered, not named."""
    hosts = cluster.hosts("ps") | cluster.hosts("worker")
    numbers = {address: k for k, address in enumerate(dict.fromkeys(hosts.values()))}
    environments = cluster.call(list(hosts), "environment")
    cores = cluster.call(list(hosts), "cores")
    return tuple(
        TaskHost(name, numbers[hosts[name]], count, environment)
        for name, count, environment in zip(hosts, cores, environments, strict=True)
    )


def _bursts(
    cluster: Cluster, built: _Built, cell: Cell, limits: Limits, *, together: bool = False
) -> list[tuple[Samples, float]]:
    """The samples of each task that runs the cell, and its processor seconds."""
    names = built.runners(cell)
    starts = cluster.start_together(names) if together else dict.fromkeys(names)
    calls = {
        name: (built.index(name, cell), replace(limits, start_at=start_at))
        for name, start_at in starts.items()
    }
    return cluster.call_each(calls, "burst")


@dataclass(frozen=True)
class _Busy:
    """Processor seconds since the start: of the ps and some workers, and of a host."""

    ps_s: float
    workers_s: float
    host_s: float


def _busy(cluster: Cluster, ps: Sequence[str], workers: Sequence[str], runner: str) -> _Busy:
    """The host is that of the first ps, or of the runner where the cell has none."""
    names = [*ps, *workers] or [runner]
    readings: list[tuple[float, float]] = cluster.call(names, "processor")
    tasks = [task for task, _ in readings]
    count = len(ps)
    return _Busy(
        ps_s=sum(tasks[:count]),
        workers_s=sum(tasks[count:]) if workers else 0.0,
        host_s=readings[0][1],
    )


def _phase(cell: Cell) -> str:
    """Which cells share a cluster.

    The strategies have clusters of their own: servers that a coordinator has connected to serve
    sessions as before, but their next collective ends them with SIGSEGV (TensorFlow 2.21).
    """
    return cell.path if cell.path in ("coordinator", "mirrored") else "session"


def _as_built(cell: Cell) -> Cell:
    """The cell that is built for it: alone and beside others, a worker's session runs one graph."""
    return replace(cell, workers=1) if cell.path in ("server", "ps") else cell


class _Built:
    """The cells as built in the tasks of one phase of a round."""

    def __init__(
        self,
        cluster: Cluster,
        planned: Sequence[Cell],
        plan: Plan,
        skipped: dict[Cell, str],
    ) -> None:
        self._cluster = cluster
        self._cold: dict[tuple[str, Cell], float] = {}
        self._order: dict[str, list[Cell]] = {}
        # Smallest first, so that a size over the limit spares the larger ones; lock-step last, so
        # that all workers come to it together.
        cells = sorted(
            dict.fromkeys(_as_built(c) for c in planned),
            key=lambda cell: (lock_step(cell), cell.size_bytes),
        )
        for cell in cells:
            if cell not in skipped:
                for name in self._builders(cell):
                    self._order.setdefault(name, []).append(cell)
        for job in ("single", "worker", "chief", "mirrored"):
            calls = {
                name: (chosen, plan.workload, plan.pipeline)
                for name, chosen in self._order.items()
                if name.startswith(job)
            }
            answers = cluster.call_each(calls, "build", timeout_s=BUILD_S)
            for name, results in zip(calls, answers, strict=True):
                for cell, (cold_s, reason) in zip(self._order[name], results, strict=True):
                    self._cold[name, cell] = cold_s
                    if reason:
                        skipped[cell] = reason

    def _builders(self, cell: Cell) -> list[str]:
        """The tasks that build a cell: every worker, where it may run alone or beside others."""
        if cell.path in ("server", "ps"):
            return self._cluster.names("worker")
        return self.runners(cell)

    def runners(self, cell: Cell) -> list[str]:
        """The tasks that run a cell."""
        if cell.path == "process":
            return self._cluster.names("single")
        if cell.path == "coordinator":
            return self._cluster.names("chief")
        if cell.path == "mirrored":
            return self._cluster.names(mirrored_job(cell.workers))
        return self._cluster.names("worker")[: cell.workers]

    def index(self, name: str, cell: Cell) -> int:
        return self._order[name].index(_as_built(cell))

    def cold_s(self, name: str, cell: Cell) -> float:
        return self._cold[name, _as_built(cell)]
