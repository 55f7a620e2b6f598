"""Calibration JSON: what ``scale calibrate --json`` prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nworkers.cli.shown import calibration_text, headline
from nworkers.cli.shown.row_json import beside, plain
from nworkers.models.findings.calibration_answer import CalibrationAnswer
from nworkers.models.findings.original import OriginalRow
from nworkers.models.fitting.precision import CellPrecision, Quantile, RoundsPrecision

if TYPE_CHECKING:
    from nworkers.cli.documents.measured_document import (
        CalibratedCurveDocument,
        CalibratedDocument,
        OriginalEntry,
        PrecisionEntry,
        QuantileEntry,
    )
    from nworkers.simulator.answers import BreakEvenAnswer


def document(
    answer: CalibrationAnswer, curve: BreakEvenAnswer | None, output: Path
) -> CalibratedDocument:
    """The end report, as the command contract names it."""
    calibration = answer.calibration
    return {
        "output": str(output),
        "complete": calibration.complete,
        "stopped": calibration.stopped or None,
        "fitted": calibration.profile is not None,
        "not_fitted": answer.not_fitted or None,
        "rounds": calibration.rounds,
        "round_levels": plain(answer.levels) if answer.levels else None,
        "provisional": answer.provisional,
        "hardware": calibration.environment.hardware,
        "environment": plain(calibration.environment),
        "resumed": [plain(environment) for environment in calibration.resumed],
        "precision": [_precision(found) for found in answer.precision],
        "soak": plain(answer.soak) if answer.soak else None,
        "allreduce": [plain(found) for found in answer.reductions],
        "neighbours": [plain(neighbour) for neighbour in calibration.neighbours],
        "hosts": [
            {
                "tasks": list(compared.tasks),
                "cell": compared.cell.name,
                "median_s": compared.median_s,
                "ratio": compared.ratio,
                "ratio_interval": compared.ratio_interval,
                "slower": compared.slower,
            }
            for compared in answer.hosts
        ],
        "original": [original_entry(measured) for measured in answer.original],
        "breakeven": curve_entry(curve),
        "next": None if curve is None else calibration_text.then(answer, output),
        "skipped": [
            {"cell": skipped.cell.name, "reason": skipped.reason} for skipped in calibration.skipped
        ],
        "memory_skipped": calibration.memory_skipped,
        "fit": [] if calibration.profile is None else [plain(f) for f in calibration.profile.fit],
    }


def original_entry(measured: OriginalRow) -> OriginalEntry:
    return {
        "features": measured.features,
        "batch": measured.batch,
        "hidden": measured.hidden,
        "device": measured.device or "cpu",
        "local_gemm_s": measured.local[0],
        "local_gemm_s_interval": measured.local[1:],
        "fetch_gemm_s": measured.fetch[0],
        "fetch_gemm_s_interval": measured.fetch[1:],
        "ratio": measured.ratio,
    }


def curve_entry(curve: BreakEvenAnswer | None) -> CalibratedCurveDocument | None:
    """Break-even of what was calibrated; None where no such question can be asked of it."""
    if curve is None:
        return None
    result = curve.result
    return {
        "answer": headline.of_breakeven(result),
        "breakeven_workers": result.breakeven_workers,
        "breakeven_workers_interval": result.breakeven_workers_interval,
        "max_workers": result.max_workers,
        "workload": curve.best.scenario.workload.name,
        "batch": curve.best.scenario.batch,
    }


def _precision(found: CellPrecision) -> PrecisionEntry:
    p50, p90, p95, p99 = map(_quantile, found.quantiles)
    entry: PrecisionEntry = beside(
        found,
        RoundsPrecision,
        cell=found.cell.name,
        quantity=found.cell.quantity,
        path=found.cell.path,
        reached=found.reached,
        p50_s=p50,
        p90_s=p90,
        p95_s=p95,
        p99_s=p99,
    )
    return entry


def _quantile(found: Quantile | None) -> QuantileEntry | None:
    if found is None:
        return None
    return {"value": found.value_s, "interval": found.interval_s}
