"""Observations: the measured cells that one law explains, and the law fitted to them.

Uncertainty is a bootstrap of rounds first and samples second, and what is known of how rounds of
other machines differ (`round_spread`). The same rounds are drawn for every law, so that draw k of
all parameters belongs together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar
from zlib import crc32

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.base.leaves import mapped
from nworkers.models.base.linear import Unknown
from nworkers.models.base.statistics import Floats, interval90
from nworkers.models.fitting.laws import Law, estimates
from nworkers.models.fitting.log_least_squares import solve, solve_many
from nworkers.models.fitting.round_spread import RoundSpread, Shares
from nworkers.models.records.calibration import Burst, Cell
from nworkers.models.records.profile import Identified, NotIdentified, Parameter

R = TypeVar("R")
#: Bootstrapped medians kept of each burst, and the most samples that each is the median of.
BANK = 64
MOST_SAMPLES = 500
#: A draw lies within this factor of the estimate, in the logarithm.
WIDEST = 2.0

#: Of each cell and round the value, then values of the same samples drawn again.
Observations = Mapping[tuple[Cell, int], Floats]


@dataclass(frozen=True)
class Resampling:
    """The rounds of a calibration, and how often each draw takes each: (draws, rounds).

    ``spread`` is what rounds are expected to differ by, and ``together`` by how many of its
    deviations all cells of a draw are off alike.
    """

    rounds: tuple[int, ...]
    counts: Floats
    spread: RoundSpread
    together: Floats
    rng: np.random.Generator

    @staticmethod
    def of(
        rounds: Sequence[int], draws: int, rng: np.random.Generator, spread: RoundSpread
    ) -> Resampling:
        taken = rng.multinomial(len(rounds), [1.0 / len(rounds)] * len(rounds), size=draws)
        together = rng.standard_normal(draws)
        return Resampling(tuple(rounds), np.asarray(taken, dtype=float), spread, together, rng)

    def weights(self, numbers: Sequence[int], measured: float) -> Floats:
        """How much each observation of these rounds counts in each draw."""
        taken = self.counts[:, [self.rounds.index(number) for number in numbers]]
        return np.asarray(1.0 + measured * (taken - 1.0))


@dataclass(frozen=True)
class FittedLaw(Generic[R]):
    """A law with what the data tell of its parameters, and the number of cells that told it.

    ``record`` is the law's own with a parameter for each unknown, None where nothing tells it.
    """

    law: Law
    record: R
    cells: int

    @cached_property
    def estimates(self) -> Any:
        """The record with plain numbers."""
        return estimates(self.record)

    def seconds(self, cell: Cell) -> float | None:
        """Of a cell; None where the law says nothing of it, or a parameter is missing."""
        return self.law.seconds(self.estimates, cell)


def times(bursts: Iterable[Burst], seed: int) -> dict[tuple[Cell, int], Floats]:
    """Seconds of one operation: the median of a burst, then bootstrapped medians of it.

    Each burst has random numbers of its own, so that further cells change nothing for these.
    """
    bank: dict[tuple[Cell, int], Floats] = {}
    for burst in bursts:
        rng = np.random.default_rng((seed, crc32(burst.cell.id.encode()), burst.round))
        samples = np.asarray(burst.samples_s)
        size = min(samples.size, MOST_SAMPLES)
        again = np.median(samples[rng.integers(samples.size, size=(BANK, size))], axis=1)
        bank[burst.cell, burst.round] = np.concatenate([[np.median(samples)], again])
    return bank


def demands(bursts: Iterable[Burst], end: str) -> dict[tuple[Cell, int], Floats]:
    """Processor seconds of one operation at one end; a burst counts them as a whole."""
    bank: dict[tuple[Cell, int], Floats] = {}
    for burst in bursts:
        if burst.processor:
            total = burst.processor.worker_s if end == "worker" else burst.processor.ps_s
            # Never nothing: clocks tick in nanoseconds, and logarithms need more than zero.
            value = max(total / burst.processor.operations, 1e-9)
            bank[burst.cell, burst.round] = np.array([value])
    return bank


def medians(bank: Observations, law: Law) -> dict[Cell, float]:
    """Of each cell that the law explains the median over rounds."""
    found: dict[Cell, list[float]] = {}
    for (cell, _), values in bank.items():
        if law.explains(cell):
            found.setdefault(cell, []).append(float(values[0]))
    return {cell: float(np.median(values)) for cell, values in found.items()}


@dataclass(frozen=True)
class Design:
    """Coefficients of shape (cells, unknowns), of the unknowns that the cells tell of.

    Of the columns in ``largest`` only the largest term counts.
    """

    unknowns: tuple[Unknown, ...]
    x: Floats
    largest: tuple[int, ...]

    @staticmethod
    def of(law: Law, cells: Iterable[Cell]) -> Design:
        """Of cells that the law explains."""
        forms = [form for cell in cells if (form := law.form(cell)) is not None]
        rows = np.array([[f.terms.get(u, 0.0) for u in law.unknowns] for f in forms])
        rows = rows.reshape(len(forms), len(law.unknowns))
        kept = np.flatnonzero(rows.any(axis=0)).tolist()
        unknowns = tuple(law.unknowns[k] for k in kept)
        larger = {unknown for form in forms for unknown in form.largest}
        return Design(
            unknowns, rows[:, kept], tuple(k for k, u in enumerate(unknowns) if u in larger)
        )

    def missing(self, law: Law) -> tuple[str, ...]:
        """Names of the parameters that the law cannot do without."""
        return tuple(
            name
            for name, unknown in law.named(law.record, Unknown)
            if unknown not in self.unknowns and not unknown.optional
        )


def determined(law: Law, bank: Observations) -> bool:
    """Whether there are at least as many different cells as parameters that the law needs."""
    cells = list({cell for cell, _ in bank if law.explains(cell)})
    enough = len(cells) >= sum(not unknown.optional for unknown in law.unknowns)
    return bool(cells) and enough and not Design.of(law, cells).missing(law)


def fit_law(law: Law, bank: Observations, resampling: Resampling) -> FittedLaw[Any]:
    """Fit a law to all rounds, and to every resampling of them.

    Raises:
        InputError: no cell tells of a parameter that the law cannot do without.
    """
    keys = [key for key in bank if law.explains(key[0])]
    design = Design.of(law, [cell for cell, _ in keys])
    if missing := design.missing(law):
        raise InputError("bursts", f"none that tell {', '.join(missing)}", "a complete calibration")
    values = [bank[key] for key in keys]
    best = solve(design.x, np.array([v[0] for v in values]), largest=design.largest)
    cells, numbers = [cell for cell, _ in keys], [number for _, number in keys]
    shares = Shares.of(len(set(numbers)))
    again = _drawn_again(values, len(resampling.counts), resampling.rng)
    thetas = solve_many(
        design.x,
        again * np.exp(_unseen(cells, shares, resampling)),
        resampling.weights(numbers, shares.measured),
        best.theta,
        best.scale,
        design.largest,
    )
    parameters = {
        unknown: _parameter(
            unknown, float(best.theta[k]), thetas[:, k], best.identified[k], len(keys)
        )
        for k, unknown in enumerate(design.unknowns)
    }
    return FittedLaw(law, mapped(law.record, Unknown, parameters.get), len(set(cells)))


def _unseen(cells: Sequence[Cell], shares: Shares, resampling: Resampling) -> Floats:
    """By how much each observation is off in each draw as rounds of other machines are.

    Observations of one cell are off alike.
    """
    counted = Counter(cells)
    rounds = np.array(list(counted.values()), dtype=float)
    off = resampling.spread.unseen(shares, resampling.together, rounds, resampling.rng)
    places = {cell: k for k, cell in enumerate(counted)}
    return off[:, [places[cell] for cell in cells]]


def _drawn_again(values: Sequence[Floats], draws: int, rng: np.random.Generator) -> Floats:
    """Of each observation and draw one of its bank, of shape (draws, observations)."""
    made = np.empty((draws, len(values)))
    for k, value in enumerate(values):
        made[:, k] = value[0] if value.size == 1 else value[rng.integers(1, value.size, size=draws)]
    return made


def _parameter(unknown: Unknown, best: float, drawn: Floats, seen: bool, samples: int) -> Parameter:
    """No draw is far from the estimate; a rate is one over what was fitted."""
    values = best * np.exp(np.clip(np.log(drawn / best), -WIDEST, WIDEST))
    low, high = interval90(values, best)
    if unknown.rate:
        best, low, high, values = 1.0 / best, 1.0 / high, 1.0 / low, 1.0 / values
    draws = tuple(float(v) for v in values)
    if not seen:
        return NotIdentified(best, unknown.unit, samples, draws)
    return Identified(best, (low, high), unknown.unit, samples, draws)
