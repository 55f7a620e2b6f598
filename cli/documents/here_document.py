"""Here document: what `doctor`, `models` and `sweep` print, and what stands for an answer."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from nworkers.calibrate.campaigns.examination import Health
from nworkers.cli.documents.curve_document import OnePredictionDocument


class FindingEntry(TypedDict):
    """One thing that was looked at, its state, and what to do next."""

    what: str
    state: str
    health: Health
    next: str | None


class DoctorDocument(TypedDict):
    """Seconds are null where a calibration cannot be planned here."""

    can_calibrate: bool
    quick_s: float | None
    default_s: float | None
    findings: list[FindingEntry]


class ModelEntry(TypedDict):
    """A model that ships; ``flops_per_sample`` are operations, forward and backward."""

    name: str
    parameters: int
    size_bytes: int
    tensors: int
    dtype: str
    flops_per_sample: float | None
    flops_source: str
    origin: str | None


class FormEntry(TypedDict):
    """A form of names, such as ``mlp:INPUT,HIDDEN,OUTPUT``."""

    form: str
    meaning: str
    example: ModelEntry


class ModelsDocument(TypedDict):
    """The models that ship, and the forms of a name that stand for others."""

    models: list[ModelEntry]
    forms: list[FormEntry]


class SweptDocument(TypedDict):
    """What a sweep has done; its rows are in the output."""

    output: str
    scenarios: int
    before: int
    new: int
    impossible: int
    because: str


class ScenarioDocument(TypedDict):
    """A scenario of a sweep, with its fields in its author's words."""

    key: str
    inputs: dict[str, object]


class SweepRowDocument(ScenarioDocument, OnePredictionDocument):
    """A line of a sweep's output."""


class ImpossibleRowDocument(ScenarioDocument):
    """A line of a sweep's output that says why there is no answer."""

    error: str


class ErrorEntry(TypedDict):
    """What does not apply is null."""

    field: str | None
    got: str | None
    allowed: str | None
    message: str


class ErrorDocument(TypedDict):
    """What stands in place of an answer where there is none."""

    error: ErrorEntry
    exit_code: Literal[2, 3, 70]
