"""Rows: each cell's starts beside its prediction, made anew from the calibrations."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from benchmarks.accuracy import store
from benchmarks.accuracy.baselines import bandwidth_s, hockney_s, universal_s
from benchmarks.accuracy.design import NAMES, Curve
from benchmarks.accuracy.scores import Judged
from scale.calibrate.validation import SINGLE
from scale.models.measurement import Run
from scale.models.prediction import Prediction
from scale.models.profile import Profile
from scale.simulator.predict import predict

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
    runs: tuple[Run, ...]
    prediction: Prediction
    methods: Mapping[Method, float]

    @property
    def measured_s(self) -> float:
        return statistics.median(run.step_time_s for run in self.runs)

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
        interval = self.prediction.step_time_s_interval if method == "scale" else None
        return Judged(self.measured_s, self.methods[method], interval)

    @property
    def document(self) -> dict[str, Any]:
        return {
            "curve": self.curve.name,
            "workers": self.workers,
            "measured_s": [run.step_time_s for run in self.runs],
            "processors": self.busy,
            "predicted_s": dict(self.methods),
            "interval_s": list(self.prediction.step_time_s_interval) if self.workers else None,
            "probability_beats": self.prediction.probability_beats if self.workers else None,
            "breakdown": self.prediction.breakdown if self.workers else None,
        }


@cache
def _profile(link_mbit: int, workload: str) -> Profile:
    return store.profile(store.calibration_name(link_mbit, workload))


def profile_of(curve: Curve) -> Profile:
    """The calibration of its link, and where it computes, of its workload."""
    computed = curve.compute == "real" and curve.model != "conv"
    return _profile(curve.link_mbit, NAMES[curve.model if computed else "gemm"])


def rows(curves: Sequence[Curve]) -> Iterator[Row]:
    """Of what has been trained so far; the single process before its curve."""
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
            scenario = curve.scenario(workers)
            found = profile_of(curve)
            prediction = predict(found, scenario)
            if alone and first:
                first = False
                lonely: dict[Method, float] = {"scale": prediction.single_process_step_time_s}
                yield Row(curve, SINGLE, alone, prediction, lonely)
            known.setdefault(workers, _time(runs))
            methods: dict[Method, float] = {
                "scale": prediction.step_time_s,
                "hockney": hockney_s(found, scenario),
                "bandwidth": bandwidth_s(found, scenario),
            }
            if workers > 2 and {1, 2} <= set(known):
                methods["usl"] = universal_s(known, workers, scenario.per_worker_batch)
            yield Row(curve, workers, runs, prediction, methods)


def _time(runs: Sequence[Run]) -> tuple[float, int]:
    return statistics.median(run.step_time_s for run in runs), runs[0].per_worker_batch
