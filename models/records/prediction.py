"""Prediction: what N workers will do, with intervals, and where break-even lies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from nworkers.models.records.aim import PLAIN_AIM, Aim
from nworkers.models.records.scenario import Scenario

Interval = tuple[float, float]

#: What a step's seconds go to, in the order in which a step meets them.
Cause = Literal[
    "dispatch",
    "input",
    "fetch_latency",
    "fetch_transfer",
    "compute",
    "push_latency",
    "push_transfer",
    "apply",
    "collective_latency",
    "collective_transfer",
    "host_contention",
    "link_contention",
    "barrier_wait",
    "device_contention",
    "outage",
]
#: Tasks that are down.
OUTAGE: Cause = "outage"
#: Causes that are named where they take time: a GPU that others use, and faults.
NOT_ALWAYS: tuple[Cause, ...] = ("device_contention", OUTAGE)
#: The causes that every breakdown names.
CAUSES: tuple[Cause, ...] = tuple(c for c in get_args(Cause) if c not in NOT_ALWAYS)


@dataclass(frozen=True)
class ResourceUse:
    """Of a resource: the busy share of its time, and the mean number of phases at it."""

    resource: str
    utilisation: float
    queue_length: float


@dataclass(frozen=True)
class TaskMemory:
    """Bytes of tensors that tasks keep at once: of each ps, of a worker, of the fullest host.

    ``available_bytes`` is what a host has, as measured or stated; None where nobody knows.
    """

    ps_bytes: tuple[float, ...]
    worker_bytes: float
    host_bytes: float
    fullest_host: int
    available_bytes: float | None


@dataclass(frozen=True)
class Overfull:
    """What a job's tensors need of a host's memory, or of a GPU's, which has less."""

    where: Literal["host", "GPU"]
    needed_bytes: float
    available_bytes: float


@dataclass(frozen=True)
class Prediction:
    """One scenario's answer. Intervals are 90 %, for the mean of a fresh run of 30 s.

    ``monte_carlo_error`` is the standard error of ``step_time_s`` that another seed would show.
    ``speedup`` is ``throughput_samples_per_s`` over ``baseline_samples_per_s``, times
    ``progress_per_sample``, which is 1 unless an `Aim` says otherwise.
    ``breakdown`` has seconds of the step per cause, adding up to ``step_time_s``; ``bottleneck``
    is the largest of them. ``resources`` have the busiest first. Of ``simulated_steps`` of each
    worker, ``warmup_steps`` were left out. ``draws`` holds the speed-up in every replication, for
    break-even; ``throughput_draws`` and ``baseline_draws`` the samples per second, to
    compare options by.
    """

    scenario: Scenario
    step_time_s: float
    step_time_s_interval: Interval
    monte_carlo_error: float
    throughput_samples_per_s: float
    throughput_samples_per_s_interval: Interval
    single_process_samples_per_s: float
    single_process_step_time_s: float
    baseline: str
    baseline_samples_per_s: float
    speedup: float
    speedup_interval: Interval
    efficiency: float
    probability_beats: float
    compute_source: str
    extrapolated: tuple[str, ...]
    bottleneck: str
    breakdown: dict[str, float]
    resources: tuple[ResourceUse, ...]
    warmup_steps: int
    simulated_steps: int
    memory: TaskMemory
    draws: tuple[float, ...] = field(repr=False)
    throughput_draws: tuple[float, ...] = field(repr=False)
    progress_per_sample: float = 1.0
    baseline_draws: tuple[float, ...] = field(default=(), repr=False)

    @property
    def owned_workers(self) -> int | None:
        """Workers that are there already, if such are the baseline."""
        return int(self.baseline) if self.baseline.isdecimal() else None

    @property
    def progress_per_s(self) -> float:
        """Samples of the baseline's that would bring as much in a second."""
        return self.throughput_samples_per_s * self.progress_per_sample

    def probability_exceeds(self, speedup: float) -> float:
        """The share of replications that are faster than so many baselines."""
        return sum(draw > speedup for draw in self.draws) / len(self.draws)


@dataclass(frozen=True)
class BreakEven:
    """The curve and the answer: the smallest N whose speed-up exceeds 1, or the aim's target.

    ``breakeven_workers``, its interval and ``beats_single`` are all beside that target.
    """

    rows: tuple[Prediction, ...]
    max_workers: int
    breakeven_workers: int | None
    breakeven_workers_interval: tuple[int | None, int | None]
    breakeven_hosts: int | None
    beats_single: tuple[tuple[int, int], ...]
    aim: Aim = PLAIN_AIM

    @property
    def target_speedup(self) -> float:
        """What a speed-up has to exceed."""
        return self.aim.target_speedup
