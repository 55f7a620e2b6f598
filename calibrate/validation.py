"""Validation: real training, started fresh several times, timed over a window in which all run."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from scale.calibrate.campaign import Machines, Progress, require_tensorflow
from scale.calibrate.cluster import Cluster, Site, running
from scale.calibrate.phase import BUILD_S
from scale.calibrate.watch import Watch
from scale.models.errors import HardwareError
from scale.models.measurement import Measurement, Run
from scale.models.scenario import Scaling, Scenario
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
    ps: int = 1,
    starts: int,
    seconds: float,
    logs: Path,
    progress: Callable[[Progress], None],
    machines: Machines | None = None,
    seed: int = 1,
) -> Measurement:
    """Train asynchronously on v1 sessions with each worker count, and in one process without ps.

    Within a start all configurations run once, in random order, each in fresh processes.

    Args:
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
            strategy="ps-async",
            runtime="session",
            scaling=scaling,
            batch=batch,
            complete=complete,
            runs=tuple(runs),
        )

    per_run_s = START_UP_S + WARMUP_S + 1.1 * seconds
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
            scenario = Scenario(
                workload, workers=max(1, count), scaling=scaling, batch=batch, ps=ps
            )
            runs.append(_run(scenario, count, start, seconds, sites, logs))
    except (KeyboardInterrupt, HardwareError) as cause:
        raise Stopped(measurement(complete=False), cause) from cause
    progress(Progress(len(order), len(order), "", 0.0))
    return measurement(complete=True)


def _run(
    scenario: Scenario,
    count: int,
    start: int,
    seconds: float,
    machines: Machines,
    logs: Path,
) -> Run:
    """One start of one configuration: build, barrier, warm up, train through the window."""
    alone = count == SINGLE
    # A job of one process trains the batch that the baseline is defined by.
    batch = scenario.batch if alone else scenario.per_worker_batch
    with running(
        ps=[] if alone else _spread(machines.ps, scenario.ps),
        workers=[] if alone else _spread(machines.workers, count),
        logs=logs,
        single=alone,
    ) as cluster:
        names = cluster.names("single" if alone else "worker")
        # The chief first: it initialises what the ps hold.
        for name in names:
            cluster.call([name], "train", scenario.workload, batch, scenario.ps, timeout_s=BUILD_S)
        before = _loss(cluster, names)
        starts = cluster.start_together(names)
        steps_s: list[list[float]] = cluster.call_each(
            {name: (start_at, WARMUP_S, seconds) for name, start_at in starts.items()},
            "steps",
            timeout_s=WARMUP_S + 1.1 * seconds + 15.0,
        )
        after = _loss(cluster, names)
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
        per_worker_batch=batch,
        window_s=seconds,
        steps_s=tuple(tuple(steps) for steps in steps_s),
        loss=(before, after),
    )


def _loss(cluster: Cluster, names: Sequence[str]) -> float:
    """The chief's training loss."""
    return float(cluster.call(names[:1], "loss")[0])


def _spread(sites: Sequence[Site], count: int) -> list[Site]:
    """Sites of so many tasks, round-robin over the hosts."""
    return [sites[k % len(sites)] for k in range(count)]
