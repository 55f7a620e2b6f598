"""Answer schema: what every command prints under --json, as JSON Schema, made from its records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from nworkers.cli.documents import curve_document as curve
from nworkers.cli.documents import decision_document as decision
from nworkers.cli.documents import fit_document as fit
from nworkers.cli.documents import here_document as here
from nworkers.cli.documents import measured_document as measured
from nworkers.cli.documents.row_document import DescribedDocument
from nworkers.models.files.file_schema import DIALECT

#: What each command prints: one document of these, or under --jsonl several, one a line.
DOCUMENTS: Mapping[str, tuple[type, ...]] = {
    "predict": (
        curve.PredictionsDocument,
        curve.ListedPredictionDocument,
        curve.SettingsDocument,
        DescribedDocument,
    ),
    "breakeven": (
        curve.BreakEvenDocument,
        curve.MixDocument,
        curve.CurveDocument,
        curve.CurveRowDocument,
    ),
    "solve": (decision.SolvedDocument, decision.SolvedThresholdDocument),
    "explain": (decision.ExplainedDocument,),
    "next": (decision.NextDocument,),
    "fit": (
        fit.CalibrationFitDocument,
        fit.ImportedFitDocument,
        fit.ScalingFitDocument,
        fit.LawsAloneDocument,
    ),
    "plot": (curve.BreakEvenDocument,),
    "calibrate": (measured.CalibratedDocument,),
    "validate": (measured.ComparisonDocument, fit.PublishedDocument),
    "sweep": (here.SweptDocument, here.SweepRowDocument, here.ImpossibleRowDocument),
    "doctor": (here.DoctorDocument,),
    "models": (here.ModelsDocument,),
    "error": (here.ErrorDocument,),
}


class _Printed(GenerateJsonSchema):
    """What is printed names every field of a record, those with a default too."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        return field["type"] == "dataclass-field" or super().field_is_required(field, total)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False  # It says a field's name once more.


def answer_schema() -> dict[str, Any]:
    """One of its commands' holds for every document, or that of an error.

    Made when it is asked for, so that it never falls behind the records.
    """
    kinds = {kind.__name__: kind for kinds in DOCUMENTS.values() for kind in kinds}
    asked: Any = [(name, "serialization", TypeAdapter(kind)) for name, kind in kinds.items()]
    made, found = TypeAdapter.json_schemas(asked, schema_generator=_Printed)
    each = {
        command: {"anyOf": [made[kind.__name__, "serialization"] for kind in kinds]}
        for command, kinds in DOCUMENTS.items()
    }
    return {
        "$schema": DIALECT,
        "title": "Answers of scale under --json",
        "description": "Names are added over time, never changed; $defs has each command's.",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in each],
        "$defs": {**each, **found["$defs"]},
    }
