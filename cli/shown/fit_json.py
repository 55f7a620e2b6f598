"""Fit JSON: what a fit found, as ``--json`` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nworkers.cli.shown import fit_text
from nworkers.cli.shown.calibration_json import curve_entry, original_entry
from nworkers.cli.shown.row_json import plain
from nworkers.models.findings.fit_answer import FitAnswer
from nworkers.models.findings.for_information import for_information
from nworkers.models.records.profile import Identified, Parameter, parameters

if TYPE_CHECKING:
    from nworkers.cli.documents.fit_document import (
        CalibrationFitDocument,
        EstimateDocument,
        FitDocument,
    )
    from nworkers.simulator.answers import BreakEvenAnswer


def calibrated(answer: FitAnswer, curve: BreakEvenAnswer | None) -> CalibrationFitDocument:
    """The fit of a calibration, with the two lines that it begins with."""
    return {
        "original": [original_entry(measured) for measured in answer.original],
        "breakeven": curve_entry(curve),
        **fit(answer),
    }


def fit(answer: FitAnswer) -> FitDocument:
    """What any fit found."""
    profile = answer.profile
    return {
        "profile": profile.name,
        "hardware": profile.hardware,
        "rounds": profile.rounds,
        "provisional": profile.provisional,
        "samples_sha256": profile.samples_sha256,
        "parameters": [
            {
                "parameter": path,
                "unit": parameter.unit,
                "samples": parameter.samples,
                **identified(parameter),
                "for_information": for_information(profile, path),
            }
            for path, parameter in parameters(profile)
        ],
        "fit": [plain(fitted) for fitted in profile.fit],
        "sharing": [plain(candidate) for candidate in profile.link.candidates],
        "uneven": [plain(measured) for measured in profile.link.flow_weights],
        "weak": [
            {"what": weak.what, "why": weak.why, "remedy": fit_text.remedy(weak.remedy)}
            for weak in answer.weak
        ],
    }


def identified(parameter: Parameter) -> EstimateDocument:
    """What the data leave open is never reported as a number."""
    if not isinstance(parameter, Identified):
        return {"estimate": None, "interval": None, "identified": False}
    return {
        "estimate": parameter.estimate,
        "interval": parameter.interval,
        "identified": True,
    }
