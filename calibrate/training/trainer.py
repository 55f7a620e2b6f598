"""Trainer: real training of one task, step by step over a window, whatever the runtime."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from nworkers.models.records.profile import DeviceKind
from nworkers.models.records.runtimes import Runtime, Strategy
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import Workload

#: Without the end of a step for so long, or for `PATIENCE` times the longest step, training hangs.
STALL_S = 12.0
PATIENCE = 4.0
#: Workers go on for this share of the window beyond it, so that within it all of them run.
BEYOND = 0.1


class Stalled(Exception):
    """No step ended for a long time: this task, or one that it waits for, hangs."""


@dataclass(frozen=True)
class TrainingJob:
    """What the tasks of a cluster train together.

    ``batch`` is each worker's; without ``workers`` it is trained in one process without ps. With
    a ``model``, the user's ``module:function``, that is trained in place of the workload. Workers
    compute on ``device``; of GPUs ``workers_per_gpu`` in succession on one host have the same one,
    and the variables of ps stay on processors.
    """

    workload: Workload
    strategy: Strategy
    runtime: Runtime
    batch: int
    workers: int
    ps: int
    model: str = ""
    device: DeviceKind = "cpu"
    workers_per_gpu: int = 1

    @staticmethod
    def of(scenario: Scenario, model: str = "") -> TrainingJob:
        """The job of a scenario."""
        return TrainingJob(
            scenario.workload,
            scenario.strategy,
            scenario.runtime,
            scenario.per_worker_batch,
            scenario.workers,
            scenario.ps,
            model,
            scenario.device,
            scenario.workers_per_gpu or 1,
        )


@dataclass(frozen=True)
class Place:
    """The task that trains: its index, its server's target, every task's address, its threads.

    ``gpu`` is the number of its own GPU on its host, where it trains on one.
    """

    index: int
    target: str
    cluster: dict[str, list[str]]
    threads: int | None
    gpu: int = 0


@dataclass(frozen=True)
class Window:
    """When steps count, in seconds of the task's ``perf_counter``, and whether to trace them."""

    start_at: float
    warmup_s: float
    window_s: float
    traced: bool = False

    @property
    def opens(self) -> float:
        return self.start_at + self.warmup_s

    @property
    def closes(self) -> float:
        return self.opens + self.window_s

    @property
    def until(self) -> float:
        """When training ends, at the soonest."""
        return self.closes + BEYOND * self.window_s


@dataclass
class StepProgress:
    """When steps end, for whoever watches the training from another thread."""

    ended_at: float = field(default_factory=time.perf_counter)
    longest_s: float = 0.0

    def step(self, now: float) -> None:
        self.longest_s = max(self.longest_s, now - self.ended_at)
        self.ended_at = now

    def overdue_s(self) -> float:
        """Seconds since the last step's end where those are too many, else 0."""
        waited_s = time.perf_counter() - self.ended_at
        return waited_s if waited_s > max(STALL_S, PATIENCE * self.longest_s) else 0.0


class Trainer(Protocol):
    """A training job, built and initialised."""

    def loss(self) -> float:
        """The training loss now."""
        ...

    def train(self, window: Window, progress: StepProgress) -> list[list[float]]:
        """Seconds of each step that lies whole within the window, of each worker it drives.

        Where steps are traced, three numbers a step instead (`calibrate.tensorflow.step_trace`).
        """
        ...


def watched(trainer: Trainer, window: Window) -> list[list[float]]:
    """Train in a thread, and watch that steps end.

    A worker whose peer hangs waits in the framework for ever, and could not say so itself.

    Raises:
        Stalled: no step ended for too long.
    """
    while time.perf_counter() < window.start_at:
        time.sleep(0.001)
    progress = StepProgress()
    results: list[list[list[float]]] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(trainer.train(window, progress))
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.5)
        if overdue_s := progress.overdue_s():
            raise Stalled(f"made no step for {overdue_s:.0f} s")
    if errors:
        raise errors[0]
    return results[0]


def time_steps(step: Callable[[bool], bool], window: Window, progress: StepProgress) -> list[float]:
    """Seconds of each step that lies whole within the window, of one worker.

    Args:
        step: told whether this worker's time is over, it returns whether all of them end now.
    """
    clock = time.perf_counter
    seconds: list[float] = []
    over = False
    last = clock()
    while not over:
        over = step(last >= window.until)
        now = clock()
        if last >= window.opens and now <= window.closes:
            seconds.append(now - last)
        last = now
        progress.step(now)
    return seconds
