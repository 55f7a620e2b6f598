"""Training as if it had been measured, written to a file."""

from __future__ import annotations

from pathlib import Path

from nworkers.models.files.store import write_record
from nworkers.models.records.calibration import Environment
from nworkers.models.records.measurement import Measurement, TrainingRun
from nworkers.models.records.workload import named_workload


def measurement(path: Path, factor: float, *, single: bool = True) -> Path:
    """Training that took ``factor`` milliseconds a step, with one process and two workers."""
    runs = [
        TrainingRun(workers, 0, 32 // max(1, workers), 1.0, ((factor * 1e-3,) * 9,), (1.0, 0.5))
        for workers in ((0, 2) if single else (2,))
    ]
    where = Environment("2026-01-01T00:00:00Z", "made up")
    gemm = named_workload("gemm:128,256")
    record = Measurement(where, gemm, "ps-async", "session", "strong", 32, True, tuple(runs))
    write_record(path, record, force=False)
    return path
