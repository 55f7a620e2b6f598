"""Fit document: what `fit` prints of a calibration, and of tables that others measured."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from nworkers.cli.documents.measured_document import CalibratedCurveDocument, OriginalEntry
from nworkers.models.records.prediction import Interval
from nworkers.models.records.profile import Candidate, FitRow, FlowWeights
from nworkers.models.records.runtimes import Strategy
from nworkers.models.tables.components.rows import RowQuantity
from nworkers.models.tables.throughput.compare import Errors, Method


class EstimateDocument(TypedDict):
    """What the data leave open is never reported as a number."""

    estimate: float | None
    interval: Interval | None
    identified: bool


class ParameterDocument(EstimateDocument):
    """``for_information`` is why no prediction reads it, if none does."""

    parameter: str
    unit: str
    samples: int
    for_information: str | None


class WeakEntry(TypedDict):
    """A parameter that is not firm, why, and the command that would make it so."""

    what: str
    why: str
    remedy: str


class FitDocument(TypedDict):
    profile: str
    hardware: str
    rounds: int
    provisional: bool
    samples_sha256: str
    parameters: list[ParameterDocument]
    fit: list[FitRow]
    sharing: list[Candidate]
    uneven: list[FlowWeights]
    weak: list[WeakEntry]


class CalibrationFitDocument(FitDocument):
    """Of a calibration: the original benchmark's ratios too, and break-even where it can be had."""

    original: list[OriginalEntry]
    breakeven: CalibratedCurveDocument | None


class TableRowEntry(TypedDict):
    """A row of another tool's table, beside the fit."""

    quantity: RowQuantity
    size_bytes: int
    workers: int
    flows: int
    hosts: int
    series: str
    seconds: float
    in_place: bool
    bandwidth_bytes_per_s: float
    fitted_s: float | None


class SourceDocument(TypedDict):
    """Where rows are from, and the parameters that they gave."""

    format: str
    source: str
    sha256: str
    base: str
    parameters: list[str]
    row_count: int


class ImportedDocument(SourceDocument):
    """What another tool's table changed of a base, ``sections``, and its rows beside the fit."""

    sections: dict[str, str]
    notes: list[str]
    rows: list[TableRowEntry]


class ImportedFitDocument(FitDocument):
    """The fit of a table that another tool measured."""

    imported: ImportedDocument


class ScalingRowEntry(TypedDict):
    """A row of a table of throughput, beside every method."""

    model: str
    strategy: Strategy
    batch_per_worker: int
    workers: int
    ps: int | None
    gpus_per_node: int
    measured_samples_per_s: float
    fitted: bool
    predicted_samples_per_s: dict[Method, float | None]
    predicted_samples_per_s_interval: Interval | None
    error: dict[Method, float | None]


class ScalingDocument(SourceDocument):
    """A table of throughput beside every method; beyond ``reach_workers`` it tells nothing."""

    system: str
    spread: EstimateDocument | None
    reach_workers: int | None
    notes: list[str]
    errors: dict[str, dict[Method, Errors]]
    rows: list[ScalingRowEntry]


class ScalingFitDocument(FitDocument):
    """The fit of a table of throughput."""

    scaling: ScalingDocument


class BeyondEntry(TypedDict):
    """More workers than any row of a series has, by each law."""

    system: str
    model: str
    strategy: Strategy
    workers: int
    predicted_samples_per_s: dict[Method, float | None]


class LawsDocument(TypedDict):
    """Rows of throughput beside Amdahl's law and the USL; ``asks`` is what a fuller fit needs."""

    source: str
    laws_alone: Literal[True]
    missing: list[str]
    asks: list[str]
    row_count: int
    notes: list[str]
    errors: dict[str, dict[Method, Errors]]
    rows: list[ScalingRowEntry]
    beyond: list[BeyondEntry]


class LawsAloneDocument(TypedDict):
    """Of rows that tell too little for a model of the system."""

    scaling: LawsDocument


class SplitDocument(ScalingDocument):
    """A published table, fitted to its rows of up to so many workers."""

    fit_to: int


class PublishedDocument(TypedDict):
    """Tables that others published: large rows predicted from the small ones."""

    tolerance: float
    holds: bool
    published: list[SplitDocument]
