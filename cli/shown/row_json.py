"""Row JSON: one predicted job, as the command contract names its fields."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, TypeVar, cast

from nworkers.models.records.prediction import Prediction

if TYPE_CHECKING:
    from nworkers.cli.documents.row_document import RowDocument

R = TypeVar("R")


def plain(record: R) -> R:
    """A record as an object of JSON; to types it is the record, whose fields it has."""
    return cast(R, asdict(cast(Any, record)))


def beside(record: object, kind: type[Any], **others: object) -> Any:
    """The fields that a record has of a kind that it is of, and others beside them."""
    return {field.name: getattr(record, field.name) for field in fields(kind)} | others


def row(prediction: Prediction) -> RowDocument:
    """The fields of one row of ``--json``, as the command contract names them."""
    scenario = prediction.scenario
    found: RowDocument = {
        "workers": scenario.workers,
        "ps": len(scenario.ps_hosts),
        "hosts": scenario.hosts,
        "placement": scenario.placement,
        "device": scenario.device,
        "workers_per_gpu": scenario.workers_per_gpu,
        "strategy": scenario.strategy,
        "runtime": scenario.runtime,
        "scaling": scenario.scaling,
        "workload": scenario.workload.name,
        "global_batch": scenario.global_batch,
        "per_worker_batch": scenario.per_worker_batch,
        "step_time_s": prediction.step_time_s,
        "step_time_s_interval": prediction.step_time_s_interval,
        "monte_carlo_error": prediction.monte_carlo_error,
        "throughput_samples_per_s": prediction.throughput_samples_per_s,
        "throughput_samples_per_s_interval": prediction.throughput_samples_per_s_interval,
        "baseline": prediction.baseline,
        "baseline_samples_per_s": prediction.baseline_samples_per_s,
        "single_process_samples_per_s": prediction.single_process_samples_per_s,
        "single_process_step_time_s": prediction.single_process_step_time_s,
        "speedup": prediction.speedup,
        "speedup_interval": prediction.speedup_interval,
        "efficiency": prediction.efficiency,
        "probability_beats": prediction.probability_beats,
        "compute_source": prediction.compute_source,
        "extrapolated": list(prediction.extrapolated),
        "bottleneck": prediction.bottleneck,
        "breakdown": dict(prediction.breakdown),
        "warmup_steps": prediction.warmup_steps,
        "simulated_steps": prediction.simulated_steps,
        "what_if": list(scenario.what_if.changes),
        "memory": {
            "ps_bytes": list(prediction.memory.ps_bytes),
            "worker_bytes": prediction.memory.worker_bytes,
            "host_bytes": prediction.memory.host_bytes,
            "available_bytes": prediction.memory.available_bytes,
        },
    }
    if scenario.added is not None:
        found["added_workers"], found["added"] = scenario.added_workers, scenario.added.name
    return found
