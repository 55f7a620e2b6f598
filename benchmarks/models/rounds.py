"""How rounds differ: the prior of few rounds, from calibrations, and whether two rounds foretell
the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

from benchmarks.models.pages import PAGE
from benchmarks.page import table
from nworkers.models.base.statistics import Floats
from nworkers.models.files.store import read_calibration
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.fitting.observations import times
from nworkers.models.records.calibration import Calibration
from nworkers.models.records.profile import Identified, parameters

TITLE = "How rounds differ"
DRAWS = 60


@dataclass(frozen=True)
class Levels:
    """Of one calibration's cells: mean and excess variance of the logarithm of their variances
    between rounds (Smyth 2004, section 6.2), and the variance of a whole round.
    """

    rounds: int
    cells: int
    mean: float
    excess: float
    whole: float

    @staticmethod
    def of(calibration: Calibration) -> Levels:
        first = [b for b in calibration.bursts if b.worker == 0 and b.cell.quantity != "soak"]
        found: dict[object, list[float]] = {}
        for (cell, _), values in times(first, 1).items():
            found.setdefault(cell, []).append(math.log(values[0]))
        rounds = max(map(len, found.values()))
        logs = np.array([of for of in found.values() if len(of) == rounds])
        logs -= logs.mean(axis=1, keepdims=True)
        count, freedom = len(logs), rounds - 1
        products = logs @ logs.T / freedom
        whole = float((products.sum() - np.trace(products)) / (count * (count - 1)))
        own = logs - logs.mean(axis=0)
        squares = (own**2).sum(axis=1) / freedom * count / (count - 1)
        found_logs = np.log(squares) - digamma(freedom / 2) + math.log(freedom / 2)
        excess = float(found_logs.var(ddof=1) - polygamma(1, freedom / 2))
        return Levels(rounds, count, float(found_logs.mean()), excess, whole)


@dataclass(frozen=True)
class Prior:
    """The constants of `nworkers.models.fitting.round_spread`."""

    freedom: float
    cell: float
    level: float
    round_per_cell: float

    @staticmethod
    def of(levels: Sequence[Levels]) -> Prior:
        """Method of moments in the logarithms; machines count alike, however many cells they had.

        What whole rounds deviate by, over what cells do, varies from calibration to calibration no
        more than four degrees of freedom each allow, so that one number stands for all.
        """
        excess = float(np.mean([of.excess for of in levels]))
        freedom = 2.0 * brentq(lambda half: float(polygamma(1, half)) - excess, 1e-2, 1e4)
        shift = digamma(freedom / 2) - math.log(freedom / 2)
        squares = np.array([of.mean for of in levels]) + shift
        ratios = np.array([math.log(of.whole) - s for of, s in zip(levels, squares, strict=True)])
        half = (levels[0].rounds - 1) / 2
        ratio = float(np.mean(ratios) - digamma(half) + math.log(half))
        return Prior(
            freedom,
            math.exp(float(squares.mean()) / 2),
            float(squares.var(ddof=1)) if len(levels) > 1 else 0.0,
            math.exp(ratio / 2),
        )


def foretold(calibration: Calibration) -> tuple[list[bool], list[float]]:
    """Whether two rounds and the others agree within both intervals, and half-widths of the two's.

    Of every parameter that both identify, in the logarithm, for every pair of rounds.
    """
    rounds = sorted({b.round for b in calibration.bursts})
    agree, widths = [], []
    for pair in combinations(rounds, 2):
        two = _fitted(calibration, pair)
        others = _fitted(calibration, tuple(r for r in rounds if r not in pair))
        for name in two.keys() & others.keys():
            (low, middle, high), (low2, middle2, high2) = two[name], others[name]
            up = math.hypot(high - middle, middle2 - low2)
            down = math.hypot(middle - low, high2 - middle2)
            agree.append(-down <= middle2 - middle <= up)
            widths.append((high - low) / 2)
    return agree, widths


def measure(files: Sequence[Path]) -> None:
    found = [(path, read_calibration(path)) for path in files]
    levels = [Levels.of(calibration) for _, calibration in found]
    rows = []
    for (path, calibration), of in zip(found, levels, strict=True):
        prior, (agree, widths) = Prior.of([of]), foretold(calibration)
        rows.append(
            [
                f"{path.parent.parent.name}, {path.name.partition('.')[0]}",
                str(of.cells),
                f"{100 * prior.cell:.1f} %",
                f"{100 * math.sqrt(max(0.0, of.whole)):.1f} %",
                f"{prior.freedom:.1f}",
                f"{100 * np.mean(agree):.0f} %",
                f"{100 * np.median(widths):.0f} %",
            ]
        )
    all_of = Prior.of(levels)
    head = [
        "calibration",
        "cells",
        "a cell differs by",
        "a whole round by",
        "degrees of freedom",
        "two rounds foretell the others",
        "median half-width of two rounds",
    ]
    summary = (
        f"Together a cell differs by {100 * all_of.cell:.1f} %, with {all_of.freedom:.1f} degrees "
        "of freedom. The logarithm of that figure's square has a variance of "
        f"{all_of.level:.2f} between calibrations. A whole round deviates by "
        f"{all_of.round_per_cell:.2f} of what a cell does."
    )
    data = {"rows": rows, "together": vars(all_of)}
    PAGE.publish("rounds", TITLE, "\n\n".join([INTRODUCTION, table(head, rows), summary]), data)


def _fitted(
    calibration: Calibration, rounds: Sequence[int]
) -> dict[str, tuple[float, float, float]]:
    """Logarithms of each identified parameter's interval, with its estimate in the middle."""
    bursts = tuple(b for b in calibration.bursts if b.round in rounds)
    fitted = fit_profile(replace(calibration, bursts=bursts), draws=DRAWS)
    logs: dict[str, tuple[float, float, float]] = {}
    for name, p in parameters(fitted):
        if isinstance(p, Identified):
            values: Floats = np.log([p.interval[0], p.estimate, p.interval[1]])
            logs[name] = float(values[0]), float(values[1]), float(values[2])
    return logs


INTRODUCTION = (
    "The first columns are log-deviations between the five rounds of a calibration, typical of its "
    "cells. Degrees of freedom say how far the variances of cells scatter (Smyth, *Stat. Appl. "
    "Genet. Mol. Biol.* 3, 2004). *Two rounds foretell the others* takes every pair of rounds, and "
    "every parameter that both sides identify. It says how often the estimates differ by no more "
    "than both 90 % intervals allow."
)
