"""Description: the workload file of a user's model, from its variables and its own steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scale.calibrate.campaign import require_tensorflow
from scale.calibrate.cluster import running
from scale.calibrate.phase import BUILD_S
from scale.calibrate.trainer import Job
from scale.calibrate.validation import train_once
from scale.models.workload import StepSeconds, Variable, Workload


def describe(model: str, batches: Sequence[int], *, seconds: float, logs: Path) -> Workload:
    """The model's trainable variables, and its training step in one process at each batch.

    Args:
        seconds: for how long steps are timed at each batch, in a process of its own.

    Raises:
        HardwareError: the model cannot be had, or its training failed.
    """
    require_tensorflow()
    with running(ps=[], workers=[], logs=logs, single=True) as cluster:
        found: list[list[Variable]] = cluster.call(
            ["single0"], "model_variables", model, timeout_s=BUILD_S
        )
    workload = Workload(model, tuple(found[0]))
    rows = []
    for batch in sorted(set(batches)):
        job = Job(workload, "ps-async", "session", batch, workers=0, ps=0, model=model)
        run = train_once(job, 0, seconds, logs)
        cores_busy = run.busy.workers_s / run.busy.wall_s if run.busy else 0.0
        rows.append(StepSeconds(batch, run.step_time_s, cores_busy * run.step_time_s))
    return Workload(model, workload.variables, step=tuple(rows))
