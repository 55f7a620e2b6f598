"""Measurement: real training, timed; Comparison: beside its prediction, with a verdict."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from nworkers.models.base.allowed import Ge, Gt
from nworkers.models.records.calibration import Environment
from nworkers.models.records.prediction import Interval, Prediction
from nworkers.models.records.profile import Evidence
from nworkers.models.records.runtimes import Runtime, Strategy
from nworkers.models.records.scenario import Scaling
from nworkers.models.records.workload import Workload


@dataclass(frozen=True)
class ProcessorUse:
    """Processor seconds from the workers' common start to their last step's end.

    Of the tasks that train, of the ps, and of the whole host (``busy_s``), which has so many
    ``cores``; ``stolen_s`` are those that a hypervisor gave to others.
    """

    wall_s: Annotated[float, Gt(0)]
    workers_s: Annotated[float, Ge(0)]
    ps_s: Annotated[float, Ge(0)]
    busy_s: Annotated[float, Ge(0)]
    stolen_s: Annotated[float, Ge(0)]
    cores: Annotated[float, Gt(0)]

    @property
    def share(self) -> float:
        """Of the time of all the host's cores, what was used or stolen."""
        return (self.busy_s + self.stolen_s) / (self.wall_s * self.cores)


@dataclass(frozen=True)
class TrainingRun:
    """One start: fresh processes, trained over a window in which all workers ran.

    ``workers`` 0 is the single process. ``steps_s`` has, per worker, every step of the window;
    ``loss`` is the first and the last value seen, so that training is known to be real. Files of
    earlier versions do not say how ``busy`` the host was.
    """

    workers: Annotated[int, Ge(0)]
    start: Annotated[int, Ge(0)]
    per_worker_batch: Annotated[int, Gt(0)]
    window_s: Annotated[float, Gt(0)]
    steps_s: tuple[tuple[float, ...], ...]
    loss: tuple[float, float]
    busy: ProcessorUse | None = None

    @property
    def step_time_s(self) -> float:
        """Mean time between the ends of one worker's successive steps."""
        steps = [s for worker in self.steps_s for s in worker]
        return sum(steps) / len(steps)

    @property
    def throughput_samples_per_s(self) -> float:
        """Samples per second of all workers: each at its own pace over the same window."""
        return sum(self.per_worker_batch * len(w) / sum(w) for w in self.steps_s)


@dataclass(frozen=True)
class TracedStep:
    """A step of the first of so many workers, in seconds from its begin.

    Until its last variable was there, until its last gradient was ready to be pushed, and until its
    end. Tracing itself takes time.
    """

    workers: Annotated[int, Gt(0)]
    fetched_s: Annotated[float, Ge(0)]
    computed_s: Annotated[float, Ge(0)]
    ended_s: Annotated[float, Ge(0)]


@dataclass(frozen=True)
class Measurement:
    """Every run of one ``scale validate``; ``evidence`` says on how many hosts it was.

    ``traces`` are steps beside the runs, where the runtime can trace them.
    """

    environment: Environment
    workload: Workload
    strategy: Strategy
    runtime: Runtime
    scaling: Scaling
    batch: int
    complete: bool
    runs: tuple[TrainingRun, ...]
    evidence: Evidence = "one host"
    traces: tuple[TracedStep, ...] = ()


@dataclass(frozen=True)
class StepParts:
    """Seconds of a step: until all variables are there, until all gradients are, and the rest.

    The first has the step's dispatch, the last the wait for other workers.
    """

    fetch_s: float
    compute_s: float
    push_s: float

    @staticmethod
    def traced(steps: Sequence[TracedStep]) -> StepParts:
        """Medians of each part; at least one step."""
        return StepParts(
            statistics.median(step.fetched_s for step in steps),
            statistics.median(step.computed_s - step.fetched_s for step in steps),
            statistics.median(step.ended_s - step.computed_s for step in steps),
        )


@dataclass(frozen=True)
class MeasuredCount:
    """What was measured of one worker count, and ``error``, predicted over measured − 1.

    It is the median of the starts, each range from the least of them to the largest.
    ``processor_share`` is what the host's processors were used, where that was measured.
    """

    workers: int
    starts: int
    measured_step_time_s: float
    measured_step_time_s_range: Interval
    measured_throughput_samples_per_s: float
    measured_throughput_samples_per_s_range: Interval
    measured_speedup: float
    measured_speedup_range: Interval
    error: float
    covered: bool
    processor_share: float | None


@dataclass(frozen=True)
class ComparedCount(MeasuredCount):
    """One worker count, measured beside predicted.

    ``parts`` are those of a traced step, where some were, and of a simulated one.
    """

    predicted: Prediction
    parts: tuple[StepParts, StepParts] | None = None

    @property
    def part_most_off(self) -> str | None:
        """Which part is off most, in seconds; None where no step was traced."""
        if self.parts is None:
            return None
        measured, predicted = self.parts
        off = {
            "fetch": predicted.fetch_s - measured.fetch_s,
            "compute": predicted.compute_s - measured.compute_s,
            "push": predicted.push_s - measured.push_s,
        }
        return max(off, key=lambda name: abs(off[name]))


@dataclass(frozen=True)
class Comparison:
    """Measured and predicted, side by side."""

    rows: tuple[ComparedCount, ...]
    single_measured_samples_per_s: float
    single_predicted_samples_per_s: float
    single_error: float
    tolerance: float
    evidence: Evidence
    breakeven_measured: int | None
    breakeven_predicted: int | None

    @property
    def holds(self) -> bool:
        """Whether every step time, the single process's included, is within the tolerance."""
        errors = [self.single_error, *(row.error for row in self.rows)]
        return all(abs(e) <= self.tolerance for e in errors)


def compare(
    measurement: Measurement,
    predictions: tuple[Prediction, ...],
    tolerance: float,
    parts: Mapping[int, StepParts],
) -> Comparison:
    """Put the median of the starts beside the prediction of each worker count.

    Args:
        predictions: one a worker count, in ascending order.
        tolerance: largest relative error of step time that is accepted.
        parts: of a simulated step, by the number of workers.
    """
    single = [r for r in measurement.runs if r.workers == 0]
    single_step_s = statistics.median(r.step_time_s for r in single)
    single_rate = single[0].per_worker_batch / single_step_s
    rows: list[ComparedCount] = []
    for prediction in predictions:
        workers = prediction.scenario.workers
        runs = [r for r in measurement.runs if r.workers == workers]
        if not runs:
            continue
        times = sorted(r.step_time_s for r in runs)
        median = statistics.median(times)
        low, high = prediction.step_time_s_interval
        rates = sorted(r.throughput_samples_per_s for r in runs)
        throughput = statistics.median(rates)
        shares = [r.busy.share for r in runs if r.busy]
        traced = [step for step in measurement.traces if step.workers == workers]
        rows.append(
            ComparedCount(
                workers=workers,
                starts=len(runs),
                measured_step_time_s=median,
                measured_step_time_s_range=(times[0], times[-1]),
                measured_throughput_samples_per_s=throughput,
                measured_throughput_samples_per_s_range=(rates[0], rates[-1]),
                measured_speedup=throughput / single_rate,
                measured_speedup_range=(rates[0] / single_rate, rates[-1] / single_rate),
                predicted=prediction,
                error=prediction.step_time_s / median - 1,
                covered=low <= median <= high,
                processor_share=statistics.median(shares) if shares else None,
                parts=(StepParts.traced(traced), parts[workers])
                if traced and workers in parts
                else None,
            )
        )
    return Comparison(
        rows=tuple(rows),
        single_measured_samples_per_s=single_rate,
        single_predicted_samples_per_s=predictions[0].single_process_samples_per_s,
        single_error=single_rate / predictions[0].single_process_samples_per_s - 1,
        tolerance=tolerance,
        evidence=measurement.evidence,
        breakeven_measured=next((r.workers for r in rows if r.measured_speedup > 1), None),
        breakeven_predicted=next((r.workers for r in rows if r.predicted.speedup > 1), None),
    )
