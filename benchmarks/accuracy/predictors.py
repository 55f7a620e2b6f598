"""Predictors: anybody's, judged on the cells that `scale` is judged on.

A predictor is a function of a calibration file and a scenario. It returns the seconds of a step, or
these with the ends of a 90 % interval.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path

from benchmarks.accuracy import store
from benchmarks.accuracy.baselines import hockney_s
from benchmarks.accuracy.curves import Curve
from benchmarks.accuracy.scores import Cell, Judged
from nworkers.models.files.store import read_calibration
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.records.prediction import Interval
from nworkers.models.records.scenario import Scenario

Predictor = Callable[[Path, Scenario], float | tuple[float, float, float]]


_profile = cache(lambda calibration: fit_profile(read_calibration(calibration)))


def hockney(calibration: Path, scenario: Scenario) -> float:
    """An example: latency and bandwidth without contention."""
    return hockney_s(_profile(calibration), scenario)


def named(text: str) -> Predictor:
    """The function behind ``module:function``; the current directory is searched too.

    Raises:
        SystemExit: there is none.
    """
    module, _, function = text.partition(":")
    sys.path.insert(0, os.getcwd())
    try:
        found: Predictor = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise SystemExit(f"--predictor {text}: {error}; wanted is MODULE:FUNCTION") from None
    return found


@dataclass(frozen=True)
class TheirCell(Cell):
    """A cell with somebody's prediction, and the interval if one was stated."""

    theirs: str = ""
    their_interval_s: Interval | None = None

    def judged(self, method: str) -> Judged:
        if method != self.theirs:
            return super().judged(method)
        found = Judged(self.measured_s, self.predicted_s[method], None, self.known_s)
        return replace(found, interval_s=self.their_interval_s)


def judged(
    cells: Sequence[Cell], curves: Sequence[Curve], name: str, predictor: Predictor
) -> list[TheirCell]:
    """Every cell with what the predictor says of it, from the same calibration as `scale`."""
    by_name = {curve.name: curve for curve in curves}
    found = []
    for cell in cells:
        curve = by_name[cell.curve]
        calibration = store.calibration_of(curve, cell.workers)
        scenario = store.scenario_of(curve, cell.workers, calibration)
        said = predictor(store.calibration_file(calibration, curve.half), scenario)
        step_s, *interval = said if isinstance(said, tuple) else (said,)
        predicted_s = cell.predicted_s | {name: step_s}
        ends = (interval[0], interval[1]) if interval else None
        found.append(
            TheirCell(
                **cell.__dict__ | {"predicted_s": predicted_s}, theirs=name, their_interval_s=ends
            )
        )
    return found
