"""Describe: the workload file of a user's model, from its variables and its own steps."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from nworkers.calibrate.campaigns.campaign import CampaignProgress
from nworkers.calibrate.campaigns.cell_group import BUILD_S
from nworkers.calibrate.campaigns.scope import ScopeDevice
from nworkers.calibrate.campaigns.validation import START_UP_S, WARMUP_S, single_job, train_once
from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.training.runtime import SESSION, SINGLE_JOB, single
from nworkers.calibrate.training.trainer import BEYOND
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import StepSeconds, Workload

#: One process may be half as slow again as another: a net's step took 13.6 to 21.5 ms (2 cores).
STARTS = 3


def describe(
    model: str,
    batches: Sequence[int],
    *,
    seconds: float,
    logs: Path,
    progress: Callable[[CampaignProgress], None] | None = None,
    device: ScopeDevice = "cpu",
) -> Workload:
    """The model's trainable variables, and its training step in one process at each batch.

    Args:
        device: what its steps are timed on.
        seconds: for how long steps are timed at each batch in each of `STARTS` fresh processes.
        progress: told before each.

    Raises:
        HardwareError: the model cannot be had, or its training failed.
    """
    SESSION.framework.require()
    with running([single()], logs=logs) as cluster:
        workloads: list[Workload] = cluster.call(
            cluster.names(SINGLE_JOB), "described_model", model, timeout_s=BUILD_S
        )
    (workload,) = workloads
    ordered = sorted(set(batches))
    starts = [(batch, start) for start in range(STARTS) for batch in ordered]
    found_s: dict[int, list[tuple[float, float]]] = {}
    for done, (batch, start) in enumerate(starts):
        if progress is not None:
            left_s = (len(starts) - done) * (START_UP_S + WARMUP_S + (1 + BEYOND) * seconds)
            progress(
                CampaignProgress(done, len(starts), f"batch {batch}, start {start + 1}", left_s)
            )
        job = replace(single_job(Scenario(workload, workers=1, batch=batch), model), device=device)
        run = train_once(job, start, seconds, logs)
        cores_busy = run.busy.workers_s / run.busy.wall_s if run.busy else 0.0
        found_s.setdefault(batch, []).append((run.step_time_s, cores_busy * run.step_time_s))
    rows = [
        StepSeconds(batch, *(statistics.median(of) for of in zip(*found_s[batch], strict=True)))
        for batch in ordered
    ]
    return replace(workload, step=tuple(rows))
