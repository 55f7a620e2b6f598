"""Rows: each cell's starts beside its prediction, made anew from the calibrations."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from benchmarks.accuracy import store
from benchmarks.accuracy.baselines import universal_s
from benchmarks.accuracy.design import Curve
from benchmarks.accuracy.forecast import Forecast, forecast, written
from benchmarks.accuracy.scores import Judged
from nworkers.calibrate.campaigns.validation import SINGLE
from nworkers.models.records.measurement import TrainingRun

#: Measured use of the processors, from which on a cell counts as bound by them.
PROCESSOR_BOUND = 0.70

Method = Literal["scale", "hockney", "bandwidth", "usl"]
METHODS: tuple[Method, ...] = get_args(Method)


@dataclass(frozen=True)
class Row:
    """One cell: its starts, its prediction, and each method's step time in seconds.

    ``workers`` 0 is the single process, with the prediction of the curve's first count.
    """

    curve: Curve
    workers: int
    runs: tuple[TrainingRun, ...]
    forecast: Forecast
    methods: Mapping[Method, float]

    @property
    def measured_s(self) -> float:
        return measured_s(self.runs)

    @property
    def measured_samples_per_s(self) -> float:
        return statistics.median(run.throughput_samples_per_s for run in self.runs)

    @property
    def predicted_s(self) -> float:
        return self.methods["scale"]

    @property
    def error(self) -> float:
        return self.predicted_s / self.measured_s - 1

    @property
    def spread(self) -> float:
        """Largest over smallest start, less one."""
        times = [run.step_time_s for run in self.runs]
        return max(times) / min(times) - 1

    @property
    def busy(self) -> float:
        return statistics.median(run.busy.share for run in self.runs if run.busy)

    @property
    def processor_bound(self) -> bool:
        return self.busy >= PROCESSOR_BOUND

    def judged(self, method: Method) -> Judged:
        interval = self.forecast.interval_s if method == "scale" else None
        return Judged(self.measured_s, self.methods[method], interval)

    @property
    def document(self) -> dict[str, Any]:
        return {
            "curve": self.curve.name,
            "workers": self.workers,
            "measured_s": [run.step_time_s for run in self.runs],
            "processors": self.busy,
            "predicted_s": dict(self.methods),
            "interval_s": list(self.forecast.interval_s) if self.workers else None,
            "probability_beats": self.forecast.probability_beats if self.workers else None,
            "breakdown": self.forecast.breakdown_s if self.workers else None,
        }


def rows(curves: Sequence[Curve], version: int | None = None) -> Iterator[Row]:
    """Of what has been trained so far; the single process before its curve.

    Args:
        version: of what was written down; without it, cells are predicted anew.
    """
    told = written(version) if version else {}
    for curve in curves:
        alone = tuple(store.read_runs(curve, SINGLE))
        first = True
        known: dict[int, tuple[float, int]] = {}
        if alone and curve.training == "mirrored":
            known[1] = _time(alone)
        for workers in curve.workers:
            runs = tuple(store.read_runs(curve, workers))
            if not runs:
                continue
            found = told[curve.name, workers] if version else forecast(curve, workers)
            if alone and first:
                first = False
                yield Row(curve, SINGLE, alone, found, {"scale": found.single_s})
            known.setdefault(workers, _time(runs))
            methods: dict[Method, float] = {
                "scale": found.step_s,
                "hockney": found.hockney_s,
                "bandwidth": found.bandwidth_s,
            }
            if workers > 2 and {1, 2} <= set(known):
                batch = curve.scenario(workers).per_worker_batch
                methods["usl"] = universal_s(known, workers, batch)
            yield Row(curve, workers, runs, found, methods)


def measured_s(runs: Sequence[TrainingRun]) -> float:
    """The median over starts of their mean step times."""
    return statistics.median(run.step_time_s for run in runs)


def _time(runs: Sequence[TrainingRun]) -> tuple[float, int]:
    return measured_s(runs), runs[0].per_worker_batch
