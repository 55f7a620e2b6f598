"""Validation: real training, started fresh several times, timed over a window in which all run."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from scale.calibrate.campaign import Machines, Progress, require_tensorflow
from scale.calibrate.cluster import ANSWER_S, Cluster, Site, mirrored_job, running
from scale.calibrate.phase import BUILD_S
from scale.calibrate.processor import host_busy_s, stolen_s, usable_cores
from scale.calibrate.trainer import BEYOND, Job
from scale.calibrate.watch import Watch
from scale.models.errors import HardwareError
from scale.models.measurement import Busy, Measurement, Run
from scale.models.scenario import Runtime, Scaling, Scenario, Strategy
from scale.models.workload import Workload

WARMUP_S = 1.0
#: Start of fresh processes, their graphs included; only for the estimate of the time left.
START_UP_S = 4.0
SINGLE = 0


class Stopped(Exception):
    """Training that ended early; ``measurement`` holds the finished starts."""

    def __init__(self, measurement: Measurement, cause: BaseException) -> None:
        self.measurement = measurement
        self.cause = cause
        super().__init__(str(cause))


def train(
    workload: Workload,
    *,
    workers: tuple[int, ...],
    scaling: Scaling,
    batch: int,
    strategy: Strategy = "ps-async",
    runtime: Runtime = "session",
    model: str = "",
    ps: int = 1,
    starts: int,
    seconds: float,
    logs: Path,
    progress: Callable[[Progress], None],
    machines: Machines | None = None,
    seed: int = 1,
) -> Measurement:
    """Train with each worker count, and in one process without ps, which runs on a v1 session.

    Within a start all configurations run once, in random order, each in fresh processes.

    Args:
        model: the user's own (``module:function``), trained in place of the workload.
        seconds: the window of each run, after a warm-up of one second.
        machines: where tasks run; by default all on loopback.

    Raises:
        Stopped: interrupted, or a task failed; it carries the finished runs and the cause.
        HardwareError: TensorFlow is not installed.
    """
    require_tensorflow()
    sites = machines or Machines()
    watch = Watch()
    order = [
        (start, count)
        for start in range(starts)
        for count in random.Random(f"{seed} {start}").sample([SINGLE, *workers], len(workers) + 1)
    ]
    runs: list[Run] = []

    def measurement(*, complete: bool) -> Measurement:
        return Measurement(
            environment=watch.environment(),
            workload=workload,
            strategy=strategy,
            runtime=runtime,
            scaling=scaling,
            batch=batch,
            complete=complete,
            runs=tuple(runs),
            evidence=sites.evidence,
        )

    per_run_s = START_UP_S + WARMUP_S + (1 + BEYOND) * seconds
    try:
        for done, (start, count) in enumerate(order):
            what = "one process" if count == SINGLE else f"{count} workers"
            progress(
                Progress(
                    done,
                    len(order),
                    f"{what}, start {start + 1}",
                    per_run_s * (len(order) - done),
                )
            )
            # A job of one process trains the batch that the baseline is defined by.
            scenario = Scenario(workload, workers=max(1, count), scaling=scaling, batch=batch)
            each = batch if count == SINGLE else scenario.per_worker_batch
            job = Job(workload, strategy, runtime, each, count, ps, model)
            if count == SINGLE:
                job = replace(job, runtime="session")
            runs.append(train_once(job, start, seconds, logs, sites))
    except (KeyboardInterrupt, HardwareError) as cause:
        raise Stopped(measurement(complete=False), cause) from cause
    progress(Progress(len(order), len(order), "", 0.0))
    return measurement(complete=True)


def train_once(
    job: Job, start: int, seconds: float, logs: Path, machines: Machines | None = None
) -> Run:
    """One start of one configuration: build, barrier, warm up, train through the window.

    Raises:
        HardwareError: a task failed, or this was no training.
    """
    count = job.workers
    with _cluster(job, machines or Machines(), logs) as cluster:
        names = cluster.names(_driver(job))
        if job.runtime == "mirrored":
            # All at once: variables are made by all of them together.
            cluster.call(names, "train", job, timeout_s=BUILD_S)
        else:
            # The chief first: it initialises what the ps hold.
            cluster.call(names[:1], "train", job, timeout_s=BUILD_S)
            cluster.call(names[1:], "train", job, timeout_s=BUILD_S)
        before = _loss(cluster, names)
        use = _Use(cluster, names)
        starts = cluster.start_together(names)
        answers: list[list[list[float]]] = cluster.call_each(
            {name: (start_at, WARMUP_S, seconds) for name, start_at in starts.items()},
            "steps",
            timeout_s=WARMUP_S + (1 + BEYOND) * seconds + ANSWER_S,
        )
        busy = use.until_now()
        after = _loss(cluster, names)
    steps_s = [steps for answer in answers for steps in answer]
    if any(not steps for steps in steps_s):
        raise HardwareError(
            f"a worker of {count} finished no step within {seconds:g} s; "
            "give --seconds more than one step takes"
        )
    if not after < before:
        raise HardwareError(
            f"the loss did not fall with {count or 'no'} workers ({before:.6g} to {after:.6g}): "
            "this was no training"
        )
    return Run(
        workers=count,
        start=start,
        per_worker_batch=job.batch,
        window_s=seconds,
        steps_s=tuple(tuple(steps) for steps in steps_s),
        loss=(before, after),
        busy=busy,
    )


class _Use:
    """What the tasks and their host use of its processors, from the beginning on."""

    def __init__(self, cluster: Cluster, drivers: Sequence[str]) -> None:
        self._cluster = cluster
        self._ps = cluster.names("ps")
        self._workers = list(dict.fromkeys([*drivers, *cluster.names("worker")]))
        self._began = self._read()

    def until_now(self) -> Busy:
        now, then = self._read(), self._began
        wall_s, workers_s, ps_s, busy_s, stolen = (
            max(0.0, b - a) for a, b in zip(then, now, strict=True)
        )
        return Busy(wall_s, workers_s, ps_s, busy_s, stolen, usable_cores())

    def _read(self) -> tuple[float, ...]:
        readings = self._cluster.call([*self._workers, *self._ps], "processor")
        tasks_s = [task_s for task_s, _ in readings]
        of = len(self._workers)
        return (
            time.perf_counter(),
            sum(tasks_s[:of]),
            sum(tasks_s[of:]),
            host_busy_s(),
            stolen_s(),
        )


def _cluster(job: Job, machines: Machines, logs: Path) -> AbstractContextManager[Cluster]:
    """Fresh tasks of the job, in a cluster that nothing else runs in."""
    workers = _spread(machines.workers, job.workers)
    if job.workers == SINGLE:
        return running(ps=[], workers=[], logs=logs, single=True)
    if job.runtime == "mirrored":
        return running(ps=[], workers=[], logs=logs, mirrored=[workers])
    return running(
        ps=_spread(machines.ps, job.ps),
        workers=workers,
        logs=logs,
        chief=machines.chief if job.runtime == "coordinator" else None,
    )


def _driver(job: Job) -> str:
    """The tasks whose calls are the training: the workers, or the chief that schedules theirs."""
    if job.workers == SINGLE:
        return "single"
    if job.runtime == "mirrored":
        return mirrored_job(job.workers)
    return "chief" if job.runtime == "coordinator" else "worker"


def _loss(cluster: Cluster, names: Sequence[str]) -> float:
    """The chief's training loss."""
    return float(cluster.call(names[:1], "loss")[0])


def _spread(sites: Sequence[Site], count: int) -> list[Site]:
    """Sites of so many tasks, round-robin over the hosts."""
    return [sites[k % len(sites)] for k in range(count)]
