"""Synthetic recovery: known parameters, found again from measurements made up around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import Pool
from typing import Any

import numpy as np

from benchmarks.models.pages import PAGE
from benchmarks.page import table
from nworkers.models.fitting.laws import Law, LocalProducts, Session
from nworkers.models.fitting.observations import Observations, Resampling, fit_law
from nworkers.models.fitting.round_spread import CELL_LOG_SPREAD, ROUND_PER_CELL, RoundSpread
from nworkers.models.fitting.select_law import (
    Choice,
    all_reduce_law,
    gemm_law,
    step_law,
    transfer_law,
)
from nworkers.models.records.profile import PARAMETERS, Identified
from tests.support.machines import (
    CELL_ROUND,
    MACHINES,
    NOISE,
    OUTLIERS,
    ROUND,
    ROUNDS,
    measured,
)

TITLE = "Synthetic recovery"
SETS = 500
DRAWS = 200


@dataclass(frozen=True)
class Found:
    """One data set: the law was the true one, or not; of each identified parameter, its error,
    whether its interval held the truth, and half the interval's width over the estimate."""

    machine: str
    right: bool
    breaks: int
    errors: dict[str, float]
    held: dict[str, bool]
    half_widths: dict[str, float]
    open: int


#: Rounds, and log-deviations of a whole round and of a cell's.
Noisy = tuple[int, float, float]
QUIET: Noisy = (ROUNDS, ROUND, CELL_ROUND)
#: As noisy as calibrations were (`benchmarks.models.rounds`).
FEW: Sequence[Noisy] = tuple(
    (rounds, ROUND_PER_CELL * CELL_LOG_SPREAD, CELL_LOG_SPREAD) for rounds in (2, 3, 5)
)


def one(task: tuple[int, int, Noisy]) -> Found:
    maker, seed, noisy = task
    rng = np.random.default_rng((maker, seed))
    machine = MACHINES[maker](rng)
    bank = measured(machine, rng, *noisy)
    choice = _chosen(machine.name, bank)
    right = choice.law.name == machine.law.name
    found = _breaks_of(choice.law)
    right = right and (not found or all(n == ("jump" in machine.name) for n in found))
    # Parameters are compared where the law is known; whether it is found is counted apart.
    fitted = fit_law(
        choice.law if right else machine.law, bank, _resampling(machine.law, bank, rng)
    )
    known = dict(fitted.law.named(fitted.record, PARAMETERS))
    seen = {n: p for n, p in known.items() if isinstance(p, Identified) and n in machine.values}
    true = machine.values
    return Found(
        machine.name,
        right,
        sum(found),
        {n: abs(p.estimate / true[n] - 1) for n, p in seen.items()},
        {n: p.interval[0] <= true[n] <= p.interval[1] for n, p in seen.items()},
        {n: (p.interval[1] - p.interval[0]) / 2 / p.estimate for n, p in seen.items()},
        len(known) - len(seen),
    )


def _breaks_of(law: Law) -> list[int]:
    """How often a law's fetches, pushes or products jump."""
    match law.record:
        case Session(fetch=fetch, push=push):
            return [len(path.segments) - 1 for path in (fetch, push)]
        case LocalProducts(products=products):
            return [len(products.segments) - 1]
    return []


def _resampling(law: Law, bank: Observations, rng: np.random.Generator) -> Resampling:
    rounds = sorted({number for _, number in bank})
    return Resampling.of(rounds, DRAWS, rng, RoundSpread.of(bank, [law]))


def _chosen(name: str, bank: Any) -> Choice:
    if name.startswith("transfers"):
        return transfer_law(bank)
    if name.startswith("products"):
        return gemm_law(bank)
    return step_law(bank) if name.startswith("step") else all_reduce_law(bank)


def measure(sets: int = SETS) -> None:
    with Pool() as pool:
        found, *few = (
            pool.map(
                one,
                [(maker, seed, noisy) for maker in range(len(MACHINES)) for seed in range(count)],
                chunksize=5,
            )
            for noisy, count in ((QUIET, sets), *((of, max(1, sets // 5)) for of in FEW))
        )
    rows = [
        _row([f for f in found if f.machine == name])
        for name in dict.fromkeys(f.machine for f in found)
    ]
    head = [
        "law",
        "data sets",
        "median error",
        "worst parameter's",
        "90 % intervals that hold",
        "median half-width",
        "left open",
        "law found",
    ]
    text = "\n\n".join(
        [
            INTRODUCTION.format(sets=sets),
            table(head, [r["cells"] for r in rows]),
            _breaks(found),
            FEW_ROUNDS,
            table(
                ["rounds", "data sets", *head[4:6]],
                [
                    [str(of[0]), str(len(sets_)), *_row(sets_)["cells"][4:6]]
                    for of, sets_ in zip(FEW, few, strict=True)
                ],
            ),
        ]
    )
    data: dict[str, Any] = {"sets": sets, "rows": rows}
    PAGE.publish("recovery", TITLE, text, data)


def _row(found: Sequence[Found]) -> dict[str, Any]:
    names = sorted({n for f in found for n in f.errors})
    errors = {n: float(np.median([f.errors[n] for f in found if n in f.errors])) for n in names}
    held = [h for f in found for h in f.held.values()]
    widths = [w for f in found for w in f.half_widths.values()]
    every = [e for f in found for e in f.errors.values()]
    worst = max(errors, key=lambda n: errors[n])
    opened = sum(f.open for f in found)
    right = float(np.mean([f.right for f in found]))
    return {
        "law": found[0].machine,
        "errors": errors,
        "coverage": {n: float(np.mean([f.held[n] for f in found if n in f.held])) for n in names},
        "cells": [
            found[0].machine,
            str(len(found)),
            f"{100 * np.median(every):.1f} %",
            f"{100 * errors[worst]:.1f} % (`{worst}`)",
            f"{100 * np.mean(held):.1f} %",
            f"{100 * np.median(widths):.1f} %",
            f"{opened} of {opened + len(held)}",
            f"{100 * right:.0f} %",
        ],
    }


def _breaks(found: Sequence[Found]) -> str:
    smooth = [f for f in found if f.machine == "transfers"]
    broken = [f for f in found if f.machine == "transfers with a jump"]
    invented = float(np.mean([f.breaks > 0 for f in smooth]))
    seen = float(np.mean([f.right for f in broken]))
    return (
        f"A break was invented in {100 * invented:.1f} % of the smooth sets. Each has two chances, "
        "a fetch's and a push's. In the broken sets the latency becomes 1.2 to 3 times the whole "
        f"time just below the break. In {100 * seen:.1f} % of them both breaks were found, and no "
        "third one."
    )


FEW_ROUNDS = (
    "No machine that was measured repeats whole rounds as closely as these, so intervals hold more "
    "often here than they say. The same laws after few rounds, on machines whose rounds differ as "
    "calibrations' do ([below](#how-rounds-differ)):"
)
INTRODUCTION = (
    "Parameters are found again in made-up measurements. Each of {sets} data sets a law is of a "
    "machine with parameters of its own. The product chooses the law and fits it. A data set has "
    f"{ROUNDS} rounds. All times of a round differ by {100 * ROUND:g} %, a cell's by "
    f"{100 * CELL_ROUND:g} % more. Samples have {100 * NOISE:g} % noise, and {100 * OUTLIERS:g} % "
    "of them are two to six times too slow. *Left open* counts parameters that the fit marks as "
    "not identified; they have no error."
)
