"""Row document: one predicted job, as every command prints it."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from nworkers.models.findings.rests_on import RestsOn
from nworkers.models.records.prediction import Interval, ResourceUse
from nworkers.models.records.profile import DeviceKind
from nworkers.models.records.runtimes import Runtime, Strategy
from nworkers.models.records.scenario import Scaling


class MemoryEntry(TypedDict):
    """The tensors that each ps, a worker and the fullest host keep at once."""

    ps_bytes: list[float]
    worker_bytes: float
    host_bytes: float
    available_bytes: float | None


class RowDocument(TypedDict):
    """A job at one number of workers; its words and intervals are a `Prediction`'s.

    What is added is there where anything is.
    """

    workers: int
    added_workers: NotRequired[int]
    added: NotRequired[str]
    ps: int
    hosts: int
    placement: str
    device: DeviceKind
    workers_per_gpu: int | None
    strategy: Strategy
    runtime: Runtime
    scaling: Scaling
    workload: str
    global_batch: int
    per_worker_batch: int
    step_time_s: float
    step_time_s_interval: Interval
    monte_carlo_error: float
    throughput_samples_per_s: float
    throughput_samples_per_s_interval: Interval
    baseline: str
    baseline_samples_per_s: float
    single_process_samples_per_s: float
    single_process_step_time_s: float
    speedup: float
    speedup_interval: Interval
    efficiency: float
    probability_beats: float
    compute_source: str
    extrapolated: list[str]
    bottleneck: str
    breakdown: dict[str, float]
    warmup_steps: int
    simulated_steps: int
    what_if: list[str]
    memory: MemoryEntry


class ChangedEntry(TypedDict):
    """A quantity that was set, beside what it was."""

    path: str
    value: float
    measured: float | None
    factor: float | None
    unit: str


class ContextDocument(TypedDict):
    """Whose hardware, and what makes the same answer again."""

    profile: str
    hardware: str
    evidence: str
    as_measured: bool
    settings: list[ChangedEntry]
    seed: int


class DescribedDocument(RowDocument, ContextDocument):
    """A row with its resources, the busiest first, and what it rests on."""

    resources: list[ResourceUse]
    rests_on: RestsOn
