"""Measured document: what `calibrate` and `validate` print."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import TypedDict

from nworkers.cli.documents.row_document import RowDocument
from nworkers.models.findings.bus_bandwidth import Reduction
from nworkers.models.findings.soak import Soak
from nworkers.models.fitting.precision import RoundsPrecision
from nworkers.models.records.calibration import Environment, Executor, Neighbour, Quantity
from nworkers.models.records.measurement import MeasuredCount, StepParts
from nworkers.models.records.prediction import Interval
from nworkers.models.records.profile import Evidence, FitRow, RoundLevels


class QuantileEntry(TypedDict):
    """A percentile of samples with its 95 % interval."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class PrecisionEntry(RoundsPrecision):
    """A cell over all rounds; a percentile is null where samples are too few for its interval."""

    cell: str
    quantity: Quantity
    path: Executor
    reached: bool
    p50_s: QuantileEntry | None
    p90_s: QuantileEntry | None
    p95_s: QuantileEntry | None
    p99_s: QuantileEntry | None


class HostEntry(TypedDict):
    """A cell on one host, over the median of the others."""

    tasks: list[str]
    cell: str
    median_s: float
    ratio: float
    ratio_interval: Interval
    slower: bool


class OriginalEntry(TypedDict):
    """The benchmark of the report that this began with."""

    features: int
    batch: int
    hidden: int
    device: str
    local_gemm_s: float
    local_gemm_s_interval: Interval
    fetch_gemm_s: float
    fetch_gemm_s_interval: Interval
    ratio: float


class CalibratedCurveDocument(TypedDict):
    """Break-even of what was calibrated, at the batch of its step."""

    answer: str
    breakeven_workers: int | None
    breakeven_workers_interval: tuple[int | None, int | None]
    max_workers: int
    workload: str
    batch: int


class SkippedEntry(TypedDict):
    """A cell that could not be measured, and why."""

    cell: str
    reason: str


class CalibratedDocument(TypedDict):
    """``next`` is the command that asks for the curve of ``breakeven``."""

    output: str
    complete: bool
    stopped: str | None
    fitted: bool
    not_fitted: str | None
    rounds: int
    round_levels: RoundLevels | None
    provisional: bool
    hardware: str
    environment: Environment
    resumed: list[Environment]
    precision: list[PrecisionEntry]
    soak: Soak | None
    allreduce: list[Reduction]
    neighbours: list[Neighbour]
    hosts: list[HostEntry]
    original: list[OriginalEntry]
    breakeven: CalibratedCurveDocument | None
    next: str | None
    skipped: list[SkippedEntry]
    memory_skipped: dict[str, str]
    fit: list[FitRow]


class PartsDocument(TypedDict):
    """The parts of a step, traced and simulated; ``most_off`` is the part that differs most."""

    traced: StepParts
    simulated: StepParts
    most_off: str | None


@dataclass(frozen=True)
class ComparedEntry(MeasuredCount):
    """A number of workers, trained and predicted; ranges are those of the starts."""

    parts: PartsDocument | None
    predicted: RowDocument


class ComparisonDocument(TypedDict):
    """Real training beside its prediction; ``holds`` if every error is within ``tolerance``."""

    holds: bool
    tolerance: float
    evidence: Evidence
    single_measured_samples_per_s: float
    single_predicted_samples_per_s: float
    single_error: float
    breakeven_measured: int | None
    breakeven_predicted: int | None
    rows: list[ComparedEntry]
