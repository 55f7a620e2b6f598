"""Compare: rows measured beside what the model and the usual laws make of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import ClassVar, Literal, get_args

import numpy as np

from nworkers.models.base.statistics import Floats, interval90
from nworkers.models.records.profile import Profile
from nworkers.models.records.workload import Workload
from nworkers.models.tables.formats.csv_throughput import ScalingRow
from nworkers.models.tables.throughput.fit import ScalingFit
from nworkers.models.tables.throughput.jobs import Jobs, Linearised, Predict, group_of
from nworkers.models.tables.throughput.laws import (
    Key,
    Paleo,
    ScalingLaw,
    amdahl,
    key_of,
    paleo,
    series,
    universal,
)
from nworkers.models.tables.throughput.reach import beyond

Method = Literal["scale", "amdahl", "usl", "paleo"]
METHODS: tuple[Method, ...] = get_args(Method)


@dataclass(frozen=True)
class ComparedRow:
    """A row beside each method's samples per second; None where a method has no answer.

    ``interval`` (90 %) is the model's for another run of a row that it was not fitted to.
    """

    row: ScalingRow
    fitted: bool
    samples_per_s: dict[Method, float | None]
    interval: tuple[float, float] | None

    def error(self, method: Method) -> float | None:
        """Predicted over measured throughput − 1."""
        predicted = self.samples_per_s[method]
        return None if predicted is None else predicted / self.row.samples_per_s - 1.0


@dataclass(frozen=True)
class Errors:
    """Of one method over some rows; None where it has an answer to none of them."""

    rows: int
    median: float | None
    worst: float | None


@dataclass(frozen=True)
class ComparedRows:
    """Every row beside every method, the fitted ones and those that were not."""

    rows: tuple[ComparedRow, ...]
    methods: ClassVar[tuple[Method, ...]] = METHODS

    @property
    def inside(self) -> tuple[ComparedRow, ...]:
        """The rows that were fitted."""
        return tuple(row for row in self.rows if row.fitted)

    @property
    def outside(self) -> tuple[ComparedRow, ...]:
        """The rows that were not."""
        return tuple(row for row in self.rows if not row.fitted)

    @property
    def errors(self) -> dict[str, dict[Method, Errors]]:
        """Each method's errors on the fitted rows, and on the predicted ones if there are any."""
        return {
            label: {method: errors(rows, method) for method in self.methods}
            for label, rows in (("fitted", self.inside), ("predicted", self.outside))
            if rows
        }


def split(
    rows: Sequence[ScalingRow], fit_to: int | None
) -> tuple[tuple[ScalingRow, ...], tuple[ScalingRow, ...]]:
    """Rows to fit, of at most so many workers, and rows to predict."""
    if fit_to is None:
        return tuple(rows), ()
    inside = tuple(row for row in rows if row.workers <= fit_to)
    return inside, tuple(row for row in rows if row.workers > fit_to)


def compare(
    fit: ScalingFit,
    others: Sequence[ScalingRow],
    workloads: Mapping[str, Workload],
    base: Profile,
    predict: Predict,
    *,
    seed: int = 1,
    progress: Callable[[], None] | None = None,
) -> tuple[ComparedRow, ...]:
    """The fitted rows, then the others, each beside every method fitted to the same rows."""
    laws = usual_laws(fit.rows)
    sizes = {name: workload.size_bytes for name, workload in workloads.items()}
    straight = paleo(fit.rows, sizes)

    def beside(
        row: ScalingRow, fitted: bool, rate: float | None, interval: tuple[float, float] | None
    ) -> ComparedRow:
        rates: dict[Method, float | None] = {"scale": rate}
        for method, found in laws.items():
            law = found.get(key_of(row))
            rates[method] = None if law is None else law.samples_per_s(row.workers)
        rates["paleo"] = _paleo_rate(straight, row, sizes)
        return ComparedRow(row, fitted, rates, interval)

    inside = [
        beside(row, True, row.workers * row.batch_per_worker / float(time_s), None)
        for row, time_s in zip(fit.rows, fit.linear.times_s, strict=True)
    ]
    known = [row for row in others if group_of(row) in fit.groups]
    times_s, intervals = _times(fit, known, workloads, base, predict, seed, progress)
    answers = dict(zip(known, zip(times_s, intervals, strict=True), strict=True))
    outside = []
    for row in others:
        if row not in answers:
            outside.append(beside(row, False, None, None))
            continue
        time_s, (low_s, high_s) = answers[row]
        samples = row.workers * row.batch_per_worker
        outside.append(beside(row, False, samples / time_s, (samples / high_s, samples / low_s)))
    return (*inside, *outside)


def usual_laws(rows: Sequence[ScalingRow]) -> dict[Method, dict[Key, ScalingLaw | None]]:
    """Amdahl's and the Universal Scalability Law of each series."""
    curves = series(rows)
    return {
        "amdahl": {key: amdahl(of) for key, of in curves.items()},
        "usl": {key: universal(of) for key, of in curves.items()},
    }


def errors(compared: Sequence[ComparedRow], method: Method) -> Errors:
    """Median and worst absolute error over the rows to which the method has an answer."""
    found = [abs(error) for c in compared if (error := c.error(method)) is not None]
    return Errors(len(found), median(found) if found else None, max(found, default=None))


def _paleo_rate(straight: Paleo | None, row: ScalingRow, sizes: Mapping[str, int]) -> float | None:
    return None if straight is None else straight.samples_per_s(row, sizes[row.model])


def _times(
    fit: ScalingFit,
    rows: Sequence[ScalingRow],
    workloads: Mapping[str, Workload],
    base: Profile,
    predict: Predict,
    seed: int,
    progress: Callable[[], None] | None,
) -> tuple[list[float], list[tuple[float, float]]]:
    """Predicted steps of rows that were not fitted, and the 90 % interval of another run's.

    Draws are taken along the derivatives at the estimate: times are close to linear in all costs.
    What lies beyond the fitted rows may turn out otherwise
    (`nworkers.models.tables.throughput.reach`).
    """
    if not rows:
        return [], []
    jobs = Jobs(rows, fit.groups, fit.costs, workloads, base, predict, progress or (lambda: None))
    linear = jobs.linear(fit.x, jobs.steps())
    rng = np.random.default_rng((seed, 1))
    # The largest fitted row of each one's model and batch.
    last = [
        max(
            (k for k, of in enumerate(fit.rows) if group_of(of) == group_of(row)),
            key=lambda k: fit.rows[k].workers,
        )
        for row in rows
    ]
    drawn = _drawn_logs(fit, linear)
    at_last = _drawn_logs(fit, fit.linear)[:, last]
    doublings = np.array(
        [math.log2(row.workers / fit.rows[k].workers) for row, k in zip(rows, last, strict=True)]
    )
    runs = fit.spread.predictive * rng.standard_normal(drawn.shape)
    times_s = np.exp(at_last + beyond(drawn - at_last, doublings, rng) + runs)
    found: list[float] = linear.times_s.tolist()
    return found, [interval90(times_s[:, k], time_s) for k, time_s in enumerate(found)]


def _drawn_logs(fit: ScalingFit, linear: Linearised) -> Floats:
    """Logarithms of rows' times by each draw of the costs, [draw, row]."""
    deviations: Floats = (fit.draws - fit.x) @ linear.slopes.T
    # No draw undercuts the compute by much; a straight line might, far out.
    return np.asarray(np.log(np.maximum(linear.times_s + deviations, 0.1 * linear.times_s)))
