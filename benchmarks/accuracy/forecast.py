"""Forecast: what is predicted of a cell; the test half's are written down before it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from benchmarks.accuracy import store
from benchmarks.accuracy.baselines import bandwidth_s, hockney_s
from benchmarks.accuracy.design import NAMES, Curve
from nworkers.models.files.store import record_json
from nworkers.models.files.validate_json import record_from_json
from nworkers.models.records.prediction import Interval
from nworkers.models.records.profile import Profile
from nworkers.simulator.study.predict import predict


@dataclass(frozen=True)
class Forecast:
    """A cell's prediction, what simpler models say, and the speed-up in every replication."""

    curve: str
    workers: int
    step_s: float
    interval_s: Interval
    single_s: float
    probability_beats: float
    breakdown_s: dict[str, float]
    hockney_s: float
    bandwidth_s: float
    speedup: float
    speedups: tuple[float, ...]


def forecast(curve: Curve, workers: int) -> Forecast:
    """From the calibrations, by the code as it is now."""
    scenario, profile = curve.scenario(workers), profile_of(curve)
    found = predict(profile, scenario)
    return Forecast(
        curve=curve.name,
        workers=workers,
        step_s=found.step_time_s,
        interval_s=found.step_time_s_interval,
        single_s=found.single_process_step_time_s,
        probability_beats=found.probability_beats,
        breakdown_s=found.breakdown,
        hockney_s=hockney_s(profile, scenario),
        bandwidth_s=bandwidth_s(profile, scenario),
        speedup=found.speedup,
        speedups=tuple(round(draw, 5) for draw in found.draws),
    )


def write_down(curves: Sequence[Curve]) -> int:
    """Predict every cell for the record, before it is trained or for a new version of the code."""
    cells = [(curve, workers) for curve in curves for workers in curve.workers]
    return store.add_forecasts([record_json(forecast(*cell)) for cell in cells])


def written(version: int) -> dict[tuple[str, int], Forecast]:
    """One version's, by curve and number of workers."""
    texts = store.read_forecasts(version)
    found = (record_from_json(Forecast, text, store.FORECASTS) for text in texts)
    return {(one.curve, one.workers): one for one in found}


@cache
def _profile(link_mbit: int, workload: str) -> Profile:
    return store.profile(store.calibration_name(link_mbit, workload))


def profile_of(curve: Curve) -> Profile:
    """The calibration of its link, and where it computes, of its workload."""
    computed = curve.compute == "real" and curve.model != "conv"
    return _profile(curve.link_mbit, NAMES[curve.model if computed else "gemm"])
