"""Rows: each cell's starts beside its prediction and what simpler models say."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.accuracy import store
from benchmarks.accuracy.baselines import SEEN, Seen, amdahl_s, optimus_s, usl_s
from benchmarks.accuracy.curves import Curve
from benchmarks.accuracy.forecast import Forecast, forecast, written
from benchmarks.accuracy.scores import Cell, accuracy_class
from nworkers.calibrate.campaigns.validation import SINGLE
from nworkers.models.records.measurement import TrainingRun


@dataclass(frozen=True)
class Row:
    """One cell, its starts and its prediction, beside its single process's starts."""

    curve: Curve
    workers: int
    runs: tuple[TrainingRun, ...]
    alone: tuple[TrainingRun, ...]
    forecast: Forecast

    @property
    def measured_s(self) -> float:
        return measured_s(self.runs)

    @property
    def samples_per_s(self) -> float:
        return statistics.median(run.throughput_samples_per_s for run in self.runs)

    @property
    def speedup(self) -> float:
        """Over the single process's measured throughput."""
        return self.samples_per_s * measured_s(self.alone) / self.alone[0].per_worker_batch

    @property
    def known_s(self) -> float | None:
        """The stated wait; or the single process's step, at the worker's batch by the law."""
        if self.curve.compute == "wait":
            return self.curve.stated_wait_s(self.workers)
        return measured_s(self.alone) * self.forecast.shrunk if self.alone else None

    @property
    def seen(self) -> Seen:
        """As a law is fitted to it."""
        batch = self.runs[0].per_worker_batch
        return Seen(self.workers, self.curve.ps, batch, self.measured_s)

    def cell(self, fitted_s: dict[str, float]) -> Cell:
        """With what laws say that are fitted to other rows."""
        known_s, told = self.known_s, self.forecast
        return Cell(
            name=self.curve.cell(self.workers),
            curve=self.curve.name,
            job=self.curve.same_job,
            workers=self.workers,
            kind=accuracy_class(self.curve.compute == "real", known_s, self.measured_s),
            evidence="emulated hosts" if self.curve.link_mbit else "one host",
            starts_s=tuple(run.step_time_s for run in self.runs),
            samples=self.workers * self.runs[0].per_worker_batch,
            processors=busy(self.runs),
            known_s=known_s,
            predicted_s={
                "scale": told.step_s,
                "hockney": told.hockney_s,
                "paleo": told.bandwidth_s,
                **({} if known_s is None else {"known": known_s}),
                **fitted_s,
            },
            interval_s=told.interval_s,
            probability_beats=told.probability_beats,
            breakdown_s=told.breakdown_s,
        )


def rows(curves: Sequence[Curve], version: int | None = None) -> Iterator[Row]:
    """Of what has been trained so far.

    Args:
        version: of what was written down; without it, cells are predicted anew.
    """
    told = written(curves[0].half, version) if version and curves else {}
    for curve in curves:
        alone = tuple(store.read_runs(curve, SINGLE))
        for workers in curve.workers:
            runs = tuple(store.read_runs(curve, workers))
            if not runs:
                continue
            name = store.calibration_of(curve, workers)
            known = told.get((curve.name, workers, name)) or told.get((curve.name, workers, ""))
            if version and known is None:
                continue
            yield Row(curve, workers, runs, alone, known or forecast(curve, workers, name))


def cells(found: Sequence[Row]) -> list[Cell]:
    """The rows with what laws say that are fitted to some of them, and judged on the others."""
    return [row.cell(dict(_fitted(row, found))) for row in found]


def _fitted(row: Row, found: Sequence[Row]) -> Iterator[tuple[str, float]]:
    """Amdahl's and Gunther's laws of its curve, and Optimus' of its job's curves of one kind."""
    curve = [other for other in found if other.curve == row.curve]
    for method, law in (("amdahl", amdahl_s), ("usl", usl_s)):
        seen = curve[: SEEN[method]]
        if len(seen) == SEEN[method] and row not in seen:
            yield method, law([other.seen for other in seen], row.seen)
    if row.curve.training == "mirrored":
        return
    alike = [
        other
        for other in found
        if other.curve.same_job == row.curve.same_job and other.curve.training == row.curve.training
    ]
    curves = dict.fromkeys(other.curve for other in alike)
    seen = [
        other
        for one in curves
        for other in [each for each in alike if each.curve == one][: SEEN["optimus"]]
    ]
    if row not in seen:
        sync = row.curve.training == "sync"
        yield "optimus", optimus_s([other.seen for other in seen], row.seen, sync=sync)


def measured_s(runs: Sequence[TrainingRun]) -> float:
    """The median over starts of their mean step times."""
    return statistics.median(run.step_time_s for run in runs)


def busy(runs: Sequence[TrainingRun]) -> float:
    """The share of the processors' time that was in use."""
    return statistics.median(run.busy.share for run in runs if run.busy)


def spread(runs: Sequence[TrainingRun]) -> float:
    """Largest over smallest start, less one."""
    times = [run.step_time_s for run in runs]
    return max(times) / min(times) - 1.0
