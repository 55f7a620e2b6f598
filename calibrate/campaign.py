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

from scale.calibrate.cluster import Cluster, Site, running
from scale.calibrate.environment import Watch
from scale.calibrate.plan import LOCAL_PRECISION, REMOTE_PRECISION, Plan
from scale.calibrate.processor import usable_cores
from scale.calibrate.sampling import Limits, Samples
from scale.models.calibration import Burst, Calibration, Cell, Memory, Processor, Skipped, TaskHost
from scale.models.errors import HardwareError
from scale.models.profile import Evidence
from scale.models.statistics import outliers

#: Building every graph of a full plan takes a few seconds on slow cores.
BUILD_S = 120.0


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
                replace(c, workers=1): reason for c in plan.cells if c.path in ("ps", "coordinator")
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
        plan = self._plan
        order = list(plan.cells)
        random.Random(f"{plan.seed} {number}").shuffle(order)
        self._report("starting the cluster")
        with running(
            ps=self._machines.ps,
            workers=self._machines.workers,
            logs=self._logs,
            single=True,
            again=number + 1 < plan.rounds,
            gpu=plan.gpu,
            threads=plan.threads,
        ) as cluster:
            if not self._tasks:
                self._tasks = _task_hosts(cluster)
            built = _Built(cluster, plan, self._skipped)
            for cell in order:
                self._report(cell.name)
                if replace(cell, workers=1) not in self._skipped:
                    self._bursts += self._measure(cluster, built, cell, number)
                self._done += 1
        self._report("")

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
        concurrent = cell.workers > 1
        limits = Limits(
            precision=LOCAL_PRECISION if cell.path == "process" else REMOTE_PRECISION,
            max_samples=plan.max_samples * (100 if concurrent else 1),
            budget_s=plan.window_s if concurrent else plan.burst_s,
        )
        ps = cluster.names("ps") if cell.path == "ps" else []
        began = time.perf_counter()
        before = _busy(cluster, ps, names[0])
        starts = cluster.start_together(names) if concurrent else dict.fromkeys(names)
        answers: list[tuple[Samples, float]] = cluster.call_each(
            {
                name: (built.index(name, cell), replace(limits, start_at=start_at))
                for name, start_at in starts.items()
            },
            "burst",
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
            answers = cluster.call(
                names, "build", cells, plan.workload, plan.pipeline, timeout_s=BUILD_S
            )
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
