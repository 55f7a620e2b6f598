"""Validation: real training, started fresh several times, timed over a window in which all run."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from nworkers.calibrate.campaigns.campaign import CampaignProgress, Machines
from nworkers.calibrate.campaigns.cell_group import BUILD_S
from nworkers.calibrate.campaigns.plan import SPAWN_S
from nworkers.calibrate.cluster.cluster import ANSWER_S, Cluster
from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.host.gpus import check_enough, gpu_count, require_gpu
from nworkers.calibrate.host.watch import Watch
from nworkers.calibrate.training.runtime import RUNTIMES, SINGLE_JOB, on_gpus, single, spare
from nworkers.calibrate.training.tasks import TaskAddress, TaskAddresses, TaskGroup
from nworkers.calibrate.training.trainer import BEYOND, TrainingJob
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.measurement import Measurement, ProcessorUse, TracedStep, TrainingRun
from nworkers.models.records.scenario import Scenario

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
    scenarios: Sequence[Scenario],
    *,
    starts: int,
    seconds: float,
    logs: Path,
    progress: Callable[[CampaignProgress], None],
    model: str = "",
    machines: Machines | None = None,
    seed: int = 1,
) -> Measurement:
    """Train each scenario, and the same in one process without ps.

    Within a start all of them run once, in random order, each in fresh processes.

    Args:
        scenarios: the same job with several numbers of workers.
        seconds: the window of each run, after a warm-up of one second.
        model: the user's own (``module:function``), trained in place of the workload.
        machines: where tasks run; by default all on loopback.

    Raises:
        TrainingStopped: interrupted, or a task failed; it carries the finished runs and the cause.
        HardwareError: the runtime's framework is not installed, or no GPU can be used.
        InputError: all GPUs are hidden, or there are fewer than the job needs.
    """
    same = scenarios[0]
    runtime = RUNTIMES[same.runtime]
    runtime.framework.require()
    where = machines or Machines()
    if same.device == "gpu" and not all(address.remote for address in where.workers):
        require_gpu()
        needed = max(gpu or 0 for scenario in scenarios for gpu in scenario.gpus) + 1
        check_enough(needed, gpu_count())
    watch = Watch()
    jobs = {scenario.workers: TrainingJob.of(scenario, model) for scenario in scenarios}
    order: list[tuple[int | None, int]] = [
        (start, count)
        for start in range(starts)
        for count in random.Random(f"{seed} {start}").sample([SINGLE, *jobs], len(jobs) + 1)
    ]
    if runtime.traces:
        order += [(None, count) for count in jobs]
    # A job of one process trains the batch that the baseline is defined by.
    jobs[SINGLE] = single_job(same, model)
    runs: list[TrainingRun] = []
    traces: list[TracedStep] = []

    def measurement(*, complete: bool) -> Measurement:
        return Measurement(
            environment=watch.environment(),
            workload=same.workload,
            strategy=same.strategy,
            runtime=same.runtime,
            scaling=same.scaling,
            batch=same.batch,
            complete=complete,
            runs=tuple(runs),
            evidence=where.evidence,
            traces=tuple(traces),
        )

    start_s = START_UP_S + SPAWN_S * (jobs[SINGLE].device == "gpu")
    per_run_s = start_s + WARMUP_S + (1 + BEYOND) * seconds
    try:
        for done, (start, count) in enumerate(order):
            what = "one process" if count == SINGLE else f"{count} worker{'s' * (count > 1)}"
            how = "traced" if start is None else f"start {start + 1}"
            left_s = per_run_s * (len(order) - done)
            progress(CampaignProgress(done, len(order), f"{what}, {how}", left_s))
            job = jobs[count]
            first, again = not done, done + 1 < len(order)
            if start is None:
                longest_s = max(run.step_time_s for run in runs if run.workers == count)
                traced_s = min(seconds, max(TRACE_S, 3 * longest_s))
                traces += trace_once(job, traced_s, logs, where, first=first, again=again)
            else:
                runs.append(train_once(job, start, seconds, logs, where, first=first, again=again))
    except (KeyboardInterrupt, HardwareError) as cause:
        raise TrainingStopped(measurement(complete=False), cause) from cause
    progress(CampaignProgress(len(order), len(order), "", 0.0))
    return measurement(complete=True)


def single_job(scenario: Scenario, model: str = "") -> TrainingJob:
    """The scenario's job in one process without ps: the whole batch that it is compared by."""
    alone = RUNTIMES[scenario.runtime].alone
    return replace(
        TrainingJob.of(scenario, model), runtime=alone, batch=scenario.batch, workers=SINGLE
    )


def train_once(
    job: TrainingJob,
    start: int,
    seconds: float,
    logs: Path,
    machines: Machines | None = None,
    *,
    first: bool = True,
    again: bool = False,
) -> TrainingRun:
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
    return TrainingRun(
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
        job: of a runtime that traces steps, with a ps.
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
        if RUNTIMES[job.runtime].builds_together:
            # Variables are made by all of them together.
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

    def until_now(self) -> ProcessorUse:
        now, then = self._read(), self._began
        wall_s, workers_s, ps_s, busy_s, stolen = (
            max(0.0, b - a) for a, b in zip(then, now, strict=True)
        )
        cores = sum(self._cluster.call(self._asked, "cores"))
        return ProcessorUse(wall_s, workers_s, ps_s, busy_s, stolen, cores)

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
    groups: tuple[TaskGroup, ...] = (single(),)
    if job.workers != SINGLE:
        at = TaskAddresses(
            _round_robin(machines.ps, job.ps),
            _round_robin(machines.workers, job.workers),
            machines.chief,
        )
        groups = RUNTIMES[job.runtime].groups(at, (job.workers,))
    if job.device == "gpu":
        groups = on_gpus(groups, workers_per_gpu=job.workers_per_gpu)
    used = [address for group in groups for address in group.addresses]
    kept = [at for at in (*machines.ps, *machines.workers) if at.remote and at not in used]
    return running((*groups, spare(kept)), logs=logs, first=first, again=again)


def _driver(job: TrainingJob) -> str:
    """The tasks whose calls are the training: the workers, or the chief that schedules theirs."""
    if job.workers == SINGLE:
        return SINGLE_JOB
    return RUNTIMES[job.runtime].driving_job(job.workers)


def _loss(cluster: Cluster, names: Sequence[str]) -> float:
    """The chief's training loss."""
    return float(cluster.call(names[:1], "loss")[0])


def _round_robin(addresses: Sequence[TaskAddress], count: int) -> tuple[TaskAddress, ...]:
    """Addresses of so many tasks, over the hosts in turn; none where there is no host."""
    return tuple(addresses[k % len(addresses)] for k in range(count)) if addresses else ()
