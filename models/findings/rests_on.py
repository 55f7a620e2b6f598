"""Rests on: what kind of evidence an answer has, and how far such answers were off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from nworkers.models.files.accuracy import shipped_accuracy
from nworkers.models.records.measured_accuracy import AccuracyClass, ClassAccuracy
from nworkers.models.records.prediction import Prediction
from nworkers.models.records.profile import Evidence, Profile

EvidenceClass = Evidence | Literal["GPU", "imported", "nominal link"]
#: Causes of a step's time that its wires decide.
_WIRES = ("fetch_transfer", "push_transfer", "collective_transfer", "link_contention")


@dataclass(frozen=True)
class RestsOn:
    """The evidence of a prediction, the class of its step, and that class's measured errors.

    ``kind`` is None where no class is like the step; ``accuracy`` is None where no job of the class
    was trained on such evidence. The prediction is unverified then.
    """

    evidence: EvidenceClass
    kind: AccuracyClass | None
    accuracy: ClassAccuracy | None


def rests_on(profile: Profile, row: Prediction) -> RestsOn:
    """What a prediction of this profile rests on."""
    kind = accuracy_class(row)
    evidence = evidence_of(profile, row)
    trained: Evidence | None = next((one for one in get_args(Evidence) if one == evidence), None)
    if kind is None or trained is None:
        return RestsOn(evidence, kind, None)
    return RestsOn(evidence, kind, shipped_accuracy().of(kind, trained))


def evidence_of(profile: Profile, row: Prediction) -> EvidenceClass:
    """Where the parameters were measured; the weakest evidence of them counts."""
    if profile.imported:
        return "imported"
    return "GPU" if row.scenario.device == "gpu" else profile.link.evidence


def accuracy_class(row: Prediction) -> AccuracyClass | None:
    """The class of docs/accuracy.md that a step belongs to; None for steps that none is like.

    Workers of two kinds were never trained.
    """
    if row.scenario.added_workers:
        return None
    on_wires_s = sum(row.breakdown.get(cause, 0.0) for cause in _WIRES)
    if on_wires_s > 0.5 * row.step_time_s:
        return "full wires"
    # A time that is stated is waited for, and keeps no core busy.
    if row.compute_source == "workload_file":
        return "waits"
    measured = row.compute_source == "step_table" and row.scenario.device == "cpu"
    return "two busy cores" if measured and row.scenario.placement == "shared" else None
