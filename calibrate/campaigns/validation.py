"""Validation: real training, started fresh several times, timed over a window in which all run."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from nworkers.calibrate.campaigns.campaign import CampaignProgress, Machines, require_tensorflow
from nworkers.calibrate.campaigns.cell_group import BUILD_S
from nworkers.calibrate.cluster.cluster import ANSWER_S, Cluster, mirrored_job, running
from nworkers.calibrate.host.watch import Watch
from nworkers.calibrate.training.tasks import TaskAddress
from nworkers.calibrate.training.trainer import BEYOND, TrainingJob
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.measurement import Busy, Measurement, Run, TracedStep
from nworkers.models.records.scenario import Runtime, Scaling, Scenario, Strategy
from nworkers.models.records.workload import Workload

WARMUP_S = 1.0
#: Start of fresh processes, their graphs included; only for the estimate of the time left.
START_UP_S = 4.0
#: A traced start trains no longer than this.
TRACE_S = 3.0
SINGLE = 0


class TrainingStopped(Exception):
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
    progress: Callable[[CampaignProgress], None],
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
        TrainingStopped: interrupted, or a task failed; it carries the finished runs and the cause.
        HardwareError: TensorFlow is not installed.
    """
    require_tensorflow()
    sites = machines or Machines()
    watch = Watch()
    order: list[tuple[int | None, int]] = [
        (start, count)
        for start in range(starts)
        for count in random.Random(f"{seed} {start}").sample([SINGLE, *workers], len(workers) + 1)
    ]
    if runtime == "session":
        order += [(None, count) for count in workers]
    runs: list[Run] = []
    traces: list[TracedStep] = []

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
            traces=tuple(traces),
        )

    per_run_s = START_UP_S + WARMUP_S + (1 + BEYOND) * seconds
    try:
        for done, (start, count) in enumerate(order):
            what = "one process" if count == SINGLE else f"{count} workers"
            how = "traced" if start is None else f"start {start + 1}"
            left_s = per_run_s * (len(order) - done)
            progress(CampaignProgress(done, len(order), f"{what}, {how}", left_s))
            # A job of one process trains the batch that the baseline is defined by.
            scenario = Scenario(workload, workers=max(1, count), scaling=scaling, batch=batch)
            each = batch if count == SINGLE else scenario.per_worker_batch
            job = TrainingJob(workload, strategy, runtime, each, count, ps, model)
            if count == SINGLE:
                job = replace(job, runtime="session")
            first, again = not done, done + 1 < len(order)
            if start is None:
                longest_s = max(run.step_time_s for run in runs if run.workers == count)
                traced_s = min(seconds, max(TRACE_S, 3 * longest_s))
                traces += trace_once(job, traced_s, logs, sites, first=first, again=again)
            else:
                runs.append(train_once(job, start, seconds, logs, sites, first=first, again=again))
    except (KeyboardInterrupt, HardwareError) as cause:
        raise TrainingStopped(measurement(complete=False), cause) from cause
    progress(CampaignProgress(len(order), len(order), "", 0.0))
    return measurement(complete=True)


def train_once(
    job: TrainingJob,
    start: int,
    seconds: float,
    logs: Path,
    machines: Machines | None = None,
    *,
    first: bool = True,
    again: bool = False,
) -> Run:
    """One start of one configuration: build, barrier, warm up, train through the window.

    Args:
        machines: where tasks run; by default all on loopback.
        first: tasks on other machines may still be coming up.
        again: they are needed once more afterwards.

    Raises:
        HardwareError: a task failed, or this was no training.
    """
    count = job.workers
    with _built(job, machines or Machines(), logs, first=first, again=again) as (cluster, names):
        before = _loss(cluster, names)
        use = _Use(cluster, names)
        answers = _train(cluster, names, seconds)
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


def trace_once(
    job: TrainingJob,
    seconds: float,
    logs: Path,
    machines: Machines | None = None,
    *,
    first: bool = True,
    again: bool = False,
) -> tuple[TracedStep, ...]:
    """A start whose first worker traces its steps, while the others train as ever.

    Tracing takes time, so that these steps are longer than others.

    Args:
        job: on sessions, with a ps: elsewhere TensorFlow does not trace steps.
    """
    with _built(job, machines or Machines(), logs, first=first, again=again) as (cluster, names):
        parts, *_ = _train(cluster, names, seconds, traced=names[:1])
    return tuple(TracedStep(job.workers, *times) for times in parts)


@contextmanager
def _built(
    job: TrainingJob, machines: Machines, logs: Path, *, first: bool, again: bool
) -> Iterator[tuple[Cluster, list[str]]]:
    """A cluster whose tasks have built the training, and the names of those that drive it."""
    with _cluster(job, machines, logs, first=first, again=again) as cluster:
        names = cluster.names(_driver(job))
        if job.runtime == "mirrored":
            # All at once: variables are made by all of them together.
            cluster.call(names, "train", job, timeout_s=BUILD_S)
        else:
            # The chief first: it initialises what the ps hold.
            cluster.call(names[:1], "train", job, timeout_s=BUILD_S)
            cluster.call(names[1:], "train", job, timeout_s=BUILD_S)
        yield cluster, names


def _train(
    cluster: Cluster, names: Sequence[str], seconds: float, traced: Sequence[str] = ()
) -> list[list[list[float]]]:
    """What each of the named tasks answers for a window that they begin together."""
    starts = cluster.start_together(names)
    found: list[list[list[float]]] = cluster.call_each(
        {name: (start_at, WARMUP_S, seconds, name in traced) for name, start_at in starts.items()},
        "steps",
        timeout_s=WARMUP_S + (1 + BEYOND) * seconds + ANSWER_S,
    )
    return found


class _Use:
    """What the tasks and their hosts use of processors, from the beginning on."""

    def __init__(self, cluster: Cluster, drivers: Sequence[str]) -> None:
        self._cluster = cluster
        ps = cluster.names("ps")
        workers = list(dict.fromkeys([*drivers, *cluster.names("worker")]))
        self._tasks, self._workers = [*workers, *ps], len(workers)
        identities = cluster.call(self._tasks, "identity")
        # One task of each machine, which answers for it.
        self._hosts = {machine: k for k, (machine, _) in enumerate(identities)}
        self._began = self._read()

    def until_now(self) -> Busy:
        now, then = self._read(), self._began
        wall_s, workers_s, ps_s, busy_s, stolen = (
            max(0.0, b - a) for a, b in zip(then, now, strict=True)
        )
        cores = sum(self._cluster.call(self._asked, "cores"))
        return Busy(wall_s, workers_s, ps_s, busy_s, stolen, cores)

    @property
    def _asked(self) -> list[str]:
        return [self._tasks[k] for k in self._hosts.values()]

    def _read(self) -> tuple[float, ...]:
        began = time.perf_counter()
        readings = self._cluster.call(self._tasks, "processor")
        tasks_s = [task_s for task_s, _ in readings]
        return (
            began,
            sum(tasks_s[: self._workers]),
            sum(tasks_s[self._workers :]),
            sum(readings[k][1] for k in self._hosts.values()),
            sum(self._cluster.call(self._asked, "stolen")),
        )


def _cluster(
    job: TrainingJob, machines: Machines, logs: Path, *, first: bool, again: bool
) -> AbstractContextManager[Cluster]:
    """Fresh tasks of the job, in a cluster that nothing else runs in."""
    alone, mirrored = job.workers == SINGLE, job.runtime == "mirrored"
    workers = _spread(machines.workers, job.workers)
    ps = [] if alone or mirrored else _spread(machines.ps, job.ps)
    everywhere = (*machines.ps, *machines.workers)
    return running(
        ps=ps,
        workers=[] if mirrored else workers,
        logs=logs,
        single=alone,
        first=first,
        again=again,
        chief=machines.chief if job.runtime == "coordinator" else None,
        mirrored=[workers] if mirrored else (),
        spare=[site for site in everywhere if site.remote and site not in (*ps, *workers)],
    )


def _driver(job: TrainingJob) -> str:
    """The tasks whose calls are the training: the workers, or the chief that schedules theirs."""
    if job.workers == SINGLE:
        return "single"
    if job.runtime == "mirrored":
        return mirrored_job(job.workers)
    return "chief" if job.runtime == "coordinator" else "worker"


def _loss(cluster: Cluster, names: Sequence[str]) -> float:
    """The chief's training loss."""
    return float(cluster.call(names[:1], "loss")[0])


def _spread(sites: Sequence[TaskAddress], count: int) -> list[TaskAddress]:
    """Sites of so many tasks, round-robin over the hosts."""
    return [sites[k % len(sites)] for k in range(count)]
