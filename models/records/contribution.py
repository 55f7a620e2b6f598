"""Contribution: a validation as others may see it, without names, addresses and times of day."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nworkers.models.records.environment_facts import FACTS
from nworkers.models.records.measurement import Comparison, Measurement
from nworkers.models.records.prediction import Interval
from nworkers.models.records.workload import Workload


@dataclass(frozen=True)
class ContributedRow:
    """One worker count: every start's step time beside the prediction; 0 is one process."""

    workers: int
    per_worker_batch: int
    window_s: float
    measured_step_times_s: tuple[float, ...]
    measured_processor_shares: tuple[float, ...]
    predicted_step_time_s: float
    predicted_step_time_s_interval: Interval | None
    breakdown: dict[str, float]


@dataclass(frozen=True)
class Contribution:
    """What was trained where, and how far the prediction was off.

    ``workload`` keeps a built-in name; any other is "model", and its variables are numbered.
    """

    evidence: str
    facts: dict[str, str]
    workload: Workload
    strategy: str
    runtime: str
    scaling: str
    batch: int
    ps: int
    rows: tuple[ContributedRow, ...]


def contribution(measurement: Measurement, comparison: Comparison) -> Contribution:
    """Both in one record that says nothing of who made it and where."""
    facts = measurement.environment.facts
    first = comparison.rows[0].predicted
    predictions = {row.workers: row.predicted for row in comparison.rows}
    rows = []
    for workers in (0, *predictions):
        runs = [run for run in measurement.runs if run.workers == workers]
        of = predictions.get(workers)
        rows.append(
            ContributedRow(
                workers=workers,
                per_worker_batch=runs[0].per_worker_batch,
                window_s=runs[0].window_s,
                measured_step_times_s=tuple(run.step_time_s for run in runs),
                measured_processor_shares=tuple(run.busy.share for run in runs if run.busy),
                predicted_step_time_s=of.step_time_s if of else first.single_process_step_time_s,
                predicted_step_time_s_interval=of.step_time_s_interval if of else None,
                breakdown=dict(of.breakdown) if of else {},
            )
        )
    return Contribution(
        evidence=measurement.evidence,
        facts={name: facts[name] for name in FACTS if FACTS[name].contributed and name in facts},
        workload=_anonymous(measurement.workload),
        strategy=measurement.strategy,
        runtime=measurement.runtime,
        scaling=measurement.scaling,
        batch=measurement.batch,
        ps=len(first.scenario.ps_hosts),
        rows=tuple(rows),
    )


def _anonymous(workload: Workload) -> Workload:
    if workload.widths:
        return workload
    variables = tuple(
        type(v)(f"variable_{k}", v.shape, v.dtype) for k, v in enumerate(workload.variables)
    )
    return replace(workload, name="model", variables=variables)
