"""Calibration JSON: what ``scale calibrate --json`` prints."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from nworkers.models.findings.calibration_answer import CalibrationAnswer
from nworkers.models.findings.original import OriginalRow
from nworkers.models.fitting.precision import QUANTILES, CellPrecision


def document(answer: CalibrationAnswer, output: Path) -> dict[str, object]:
    """The end report, as the command contract names it."""
    calibration = answer.calibration
    return {
        "output": str(output),
        "complete": calibration.complete,
        "stopped": calibration.stopped or None,
        "fitted": calibration.profile is not None,
        "not_fitted": answer.not_fitted or None,
        "rounds": calibration.rounds,
        "provisional": answer.provisional,
        "hardware": calibration.environment.hardware,
        "environment": asdict(calibration.environment),
        "resumed": [asdict(environment) for environment in calibration.resumed],
        "precision": [_precision(found) for found in answer.precision],
        "soak": asdict(answer.soak) if answer.soak else None,
        "allreduce": [asdict(found) for found in answer.reductions],
        "neighbours": [asdict(neighbour) for neighbour in calibration.neighbours],
        "hosts": [
            {
                "tasks": list(compared.tasks),
                "cell": compared.cell.name,
                "median_s": compared.median_s,
                "ratio": compared.ratio,
                "ratio_interval": list(compared.ratio_interval),
                "slower": compared.slower,
            }
            for compared in answer.hosts
        ],
        "original": [_original(measured) for measured in answer.original],
        "skipped": [
            {"cell": skipped.cell.name, "reason": skipped.reason} for skipped in calibration.skipped
        ],
        "memory_skipped": calibration.memory_skipped,
        "fit": [] if calibration.profile is None else [asdict(f) for f in calibration.profile.fit],
    }


def _original(measured: OriginalRow) -> dict[str, object]:
    return {
        "features": measured.features,
        "batch": measured.batch,
        "hidden": measured.hidden,
        "device": measured.device or "cpu",
        "local_gemm_s": measured.local[0],
        "local_gemm_s_interval": list(measured.local[1:]),
        "fetch_gemm_s": measured.fetch[0],
        "fetch_gemm_s_interval": list(measured.fetch[1:]),
        "ratio": measured.ratio,
    }


def _precision(found: CellPrecision) -> dict[str, object]:
    percentiles = zip(QUANTILES, found.quantiles, strict=True)
    return {
        "cell": found.cell.name,
        "quantity": found.cell.quantity,
        "path": found.cell.path,
        "rounds": found.rounds,
        "samples": found.samples,
        "outliers": found.outliers,
        "median_s": found.median_s,
        "interval_s": found.interval_s and list(found.interval_s),
        "half_width": found.half_width,
        "target": found.target,
        "reached": found.reached,
        "stops": list(found.stops),
        **{
            f"p{100 * p:g}_s": q and {"value": q.value_s, "interval": list(q.interval_s)}
            for p, q in percentiles
        },
    }
