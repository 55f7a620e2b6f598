"""Decision document: what `solve`, `explain` and `next` print."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from nworkers.cli.documents.curve_document import WayDocument
from nworkers.cli.documents.row_document import ContextDocument, DescribedDocument, RowDocument
from nworkers.models.records.explained import Elasticity, Freed
from nworkers.models.records.measured_steps import BesideMeasured
from nworkers.models.records.prediction import Interval
from nworkers.models.records.solved import OpenInterval, OutOfMemory, Sought
from nworkers.simulator.decide.next_measurement import How, Remains


class ThresholdDocument(TypedDict):
    """The value at which a goal is reached; null where none does, ``at`` is the nearest then.

    ``memory`` is what would do if memory held it, null where that is not in the way.
    """

    value: float | None
    interval: OpenInterval
    unit: str
    today: float | None
    at: float
    reached: float
    reached_interval: Interval
    held_by: str | None
    memory: OutOfMemory | None


class FasterDocument(TypedDict):
    """What it takes where devices are so many times as fast, one quantity at a time."""

    speed: float
    now: float | None
    batch: ThresholdDocument
    bandwidth: ThresholdDocument
    workers: ThresholdDocument


class SolvedDocument(TypedDict):
    """``possible`` is null for a curve over devices, whose rows say so each."""

    what: Sought
    workers: int
    goal: Literal["speedup", "overhead"]
    target: float
    possible: bool | None
    answer: str
    ways: list[WayDocument]
    faster: list[FasterDocument]


class SolvedThresholdDocument(SolvedDocument, ThresholdDocument):
    """Of one quantity: its value, as a factor of today's, and the command that asks for it."""

    factor: float | None
    command: str | None
    row: RowDocument


class ExplainedDocument(DescribedDocument):
    """A row, and what would change it; ``measured`` is a run of the user's beside it."""

    answer: str
    without: list[Freed]
    elasticities: list[Elasticity]
    measured: BesideMeasured | None
    notes: list[str]


class SuggestedEntry(TypedDict):
    """A measurement; ``interval_after`` is null where nobody knows how far off a stand-in is."""

    what: str
    how: How
    quantities: list[str]
    rounds: int | None
    share: float
    share_of: Literal["variance", "step"]
    interval_after: Interval | None
    minutes: float
    command: str


class NextDocument(ContextDocument):
    """``floor`` is what no measurement narrows, by its shares of the variance."""

    answer: str
    workers: int
    speedup: float
    speedup_interval: Interval
    baseline: str
    measurements: list[SuggestedEntry]
    floor: dict[Remains, float]
    floor_interval: Interval
