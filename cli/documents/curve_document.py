"""Curve document: what `predict` and `breakeven` print of one job or several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NotRequired

from typing_extensions import TypedDict

from nworkers.cli.documents.row_document import ContextDocument, DescribedDocument, RowDocument
from nworkers.models.findings.rests_on import RestsOn
from nworkers.models.records.prediction import Interval
from nworkers.models.records.solved import WayKind
from nworkers.simulator.decide.money import WorkersCost

#: A range of worker counts that win, both ends included.
Won = tuple[int, int]
#: Ends of an interval of worker counts; null where that quantile never wins.
OpenCounts = tuple[int | None, int | None]


class WayDocument(TypedDict):
    """What would win instead, and the command that asks it; null where no single one does."""

    what: WayKind
    change: str
    workers: int
    speedup: float
    interval: Interval
    command: str | None


class NotesDocument(TypedDict):
    """What to know beside the rows; ways out are named where nothing wins."""

    notes: list[str]
    ways_out: NotRequired[list[WayDocument]]


class PredictionsDocument(NotesDocument):
    """One row for each number of workers."""

    rows: list[DescribedDocument]


class OnePredictionDocument(DescribedDocument, NotesDocument):
    """Of a single number of workers: what stands beside its rows, or all of a sweep's row."""


class ListedPredictionDocument(OnePredictionDocument, PredictionsDocument):
    """Of a single number of workers: the fields of its row stand beside ``rows`` too."""


class SettableEntry(TypedDict):
    """A quantity that may be set; ``value`` is null where it is not known, or not identified."""

    path: str
    value: float | None
    interval: Interval | None
    unit: str
    samples: int | None
    set: bool


class SettingsDocument(TypedDict):
    """Every quantity of the profile that may be set."""

    settings: list[SettableEntry]


class CurveRowDocument(RowDocument):
    """A number of workers on a curve, beside the target that the curve is about."""

    probability_exceeds_target: float
    progress_per_sample: float


@dataclass(frozen=True)
class OptionCostEntry(WorkersCost):
    """What an option costs, and a sample's cost over the first option's."""

    ratio: float | None
    ratio_interval: Interval | None


class OptionMoneyDocument(TypedDict):
    """What an option has where prices or limits were given."""

    money: NotRequired[OptionCostEntry]


class OptionDocument(RowDocument, OptionMoneyDocument):
    """An option of a comparison at its best number of workers, beside the first option."""

    option: str
    profile: str
    breakeven_workers: int | None
    breakeven_workers_interval: OpenCounts | None
    beats_single: list[Won] | None
    progress_per_sample: float
    ratio: float
    ratio_interval: Interval


class MoneyDocument(TypedDict):
    """What workers cost; the baseline's row has no number of workers."""

    price_per_host_hour: float
    capex_per_host: float
    capex_per_port: float
    years: float | None
    samples: float | None
    deadline_s: float | None
    budget: float | None
    best_workers: int
    best_cost_workers: int | None
    is_possible: bool | None
    cheapest: WorkersCost | None
    fastest: WorkersCost | None
    baseline: WorkersCost
    rows: list[WorkersCost]
    answer: str


class BesideCurveDocument(TypedDict):
    """What a curve has where it was asked for."""

    money: NotRequired[MoneyDocument]
    options: NotRequired[list[OptionDocument]]


class WonDocument(TypedDict):
    """How many workers win, of one job or of several."""

    breakeven_workers: int | None
    breakeven_workers_interval: OpenCounts
    beats_single: list[Won]
    max_workers: int
    target_speedup: float
    samples_factor: float | None
    noise_scale_samples: float | None
    answer: str
    best_workers: int


class CurveDocument(WonDocument, ContextDocument, NotesDocument, BesideCurveDocument):
    """Of a curve all but its rows, which `--jsonl` prints one a line before it."""

    breakeven_hosts: int | None
    rests_on: RestsOn


class BreakEvenDocument(CurveDocument):
    """A curve: what all its numbers of workers have, and a row for each."""

    rows: list[CurveRowDocument]


class MixedJobEntry(ContextDocument):
    """One job of a mix; weights add up to 1, and the evidence is at the mix's break-even."""

    job: str
    weight: float
    notes: list[str]
    extrapolated: list[str]
    rests_on: RestsOn


class MixRowEntry(TypedDict):
    """What so many workers make of a mix, and each job's own speed-up by its name."""

    workers: int
    samples_per_s: float
    speedup: float
    speedup_interval: Interval
    probability_exceeds_target: float
    speedups: dict[str, float]


class MixDocument(WonDocument):
    """The curve of several jobs that take turns."""

    jobs: list[MixedJobEntry]
    rows: list[MixRowEntry]
    ways_out: list[WayDocument]
