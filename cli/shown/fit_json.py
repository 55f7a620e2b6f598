"""Fit JSON: what a fit found, as ``--json`` prints it."""

from __future__ import annotations

from dataclasses import asdict

from nworkers.cli.shown import fit_text
from nworkers.models.findings.fit_answer import FitAnswer
from nworkers.models.findings.for_information import for_information
from nworkers.models.records.profile import Identified, Parameter, parameters


def fit(answer: FitAnswer) -> dict[str, object]:
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
        "fit": [asdict(fitted) for fitted in profile.fit],
        "sharing": [asdict(candidate) for candidate in profile.link.candidates],
        "uneven": [asdict(measured) for measured in profile.link.flow_weights],
        "weak": [
            {"what": weak.what, "why": weak.why, "remedy": fit_text.remedy(weak.remedy)}
            for weak in answer.weak
        ],
    }


def identified(parameter: Parameter) -> dict[str, object]:
    """What the data leave open is never reported as a number."""
    if not isinstance(parameter, Identified):
        return {"estimate": None, "interval": None, "identified": False}
    interval = list(parameter.interval)
    return {"estimate": parameter.estimate, "interval": interval, "identified": True}
