"""Forecast: what is predicted of a cell; a blind one's is written down before it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from benchmarks.accuracy import store
from benchmarks.accuracy.baselines import hockney_s, paleo_s
from benchmarks.accuracy.curves import Curve, Half
from nworkers.models.costs.compute import compute_time
from nworkers.models.files.store import record_json
from nworkers.models.files.validate_json import record_from_json
from nworkers.models.records.prediction import Interval
from nworkers.models.records.profile import Profile
from nworkers.simulator.study.predict import predict


@dataclass(frozen=True)
class Forecast:
    """A cell's prediction, what simpler models say, and the speed-up in every replication.

    ``bandwidth_s`` is Paleo's. ``shrunk`` is the compute of a worker's batch over the single
    process's. Before there was a blind half, neither it nor ``calibration`` was noted.
    """

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
    shrunk: float = 1.0
    calibration: str = ""


def forecast(curve: Curve, workers: int, calibration: str = "") -> Forecast:
    """By the code as it is now, from that calibration; by default the one of the cell's starts."""
    name = calibration or store.calibration_of(curve, workers)
    scenario, profile = store.scenario_of(curve, workers, name), _profile(name, curve.half)
    found = predict(profile, scenario)
    known = profile.drawn(None)
    each, whole = (
        compute_time(known, scenario.workload, batch).step_s
        for batch in (scenario.per_worker_batch, scenario.batch)
    )
    return Forecast(
        curve=curve.name,
        workers=workers,
        step_s=found.step_time_s,
        interval_s=found.step_time_s_interval,
        single_s=found.single_process_step_time_s,
        probability_beats=found.probability_beats,
        breakdown_s=found.breakdown,
        hockney_s=hockney_s(profile, scenario),
        bandwidth_s=paleo_s(profile, scenario),
        speedup=found.speedup,
        speedups=tuple(round(draw, 5) for draw in found.draws),
        shrunk=each / whole,
        calibration=name,
    )


def as_text(curve: Curve, workers: int, calibration: str) -> str:
    """A forecast as a line of the files has it."""
    return record_json(forecast(curve, workers, calibration))


def write_down(curves: Sequence[Curve], half: Half) -> int:
    """Predict every cell that has starts, for the record of a new version of the code."""
    version = max(store.versions(half), default=0) + 1
    cells = [(curve, n) for curve in curves for n in curve.workers if store.read_runs(curve, n)]
    store.add_forecasts(
        half, version, [as_text(*cell, store.calibration_of(*cell)) for cell in cells]
    )
    return version


def written(half: Half, version: int) -> dict[tuple[str, int, str], Forecast]:
    """One version's, by curve, number of workers and calibration (none before the blind half)."""
    texts = store.read_forecasts(half, version)
    found = (record_from_json(Forecast, text, "forecasts") for text in texts)
    return {(one.curve, one.workers, one.calibration): one for one in found}


@cache
def _profile(name: str, half: Half) -> Profile:
    return store.profile(name, half)
