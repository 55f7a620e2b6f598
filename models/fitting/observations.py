"""Family: the measured cells that one law explains, and the law fitted to them.

Uncertainty is a bootstrap of rounds first and samples second. The same rounds are drawn for every
family, so that draw k of all parameters belongs together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import Floats, interval90, student_inflation
from nworkers.models.fitting.laws import Law
from nworkers.models.fitting.log_least_squares import solve, solve_many
from nworkers.models.records.calibration import Burst, Cell
from nworkers.models.records.profile import Parameter

#: Bootstrapped medians kept of each burst, and the most samples that each is the median of.
BANK = 64
MOST_SAMPLES = 500
#: One round says nothing of how rounds differ: a stated judgement, as for tables of other tools.
ONE_ROUND_LOG_SPREAD = 0.25
#: A draw lies within this factor of the estimate, in the logarithm.
WIDEST = 2.0

#: Of each cell and round the value, then values of the same samples drawn again.
Observations = Mapping[tuple[Cell, int], Floats]


@dataclass(frozen=True)
class Resampling:
    """The rounds of a calibration, and how often each draw takes each: (draws, rounds).

    ``luck`` multiplies what a draw makes of a law that was measured in one round only.
    """

    rounds: tuple[int, ...]
    counts: Floats
    luck: Floats
    rng: np.random.Generator

    @staticmethod
    def of(rounds: Sequence[int], draws: int, rng: np.random.Generator) -> Resampling:
        taken = rng.multinomial(len(rounds), [1.0 / len(rounds)] * len(rounds), size=draws)
        luck = np.exp(ONE_ROUND_LOG_SPREAD * rng.standard_normal(draws))
        return Resampling(tuple(rounds), np.asarray(taken, dtype=float), luck, rng)


@dataclass(frozen=True)
class FittedLaw:
    """A law's parameters, by name, and the observations that they were fitted to."""

    law: Law
    parameters: dict[str, Parameter]
    cells: int

    @property
    def values(self) -> dict[str, float]:
        return {name: parameter.estimate for name, parameter in self.parameters.items()}


def times(bursts: Iterable[Burst], seed: int) -> dict[tuple[Cell, int], Floats]:
    """Seconds of one operation: the median of a burst, then bootstrapped medians of it.

    Each burst has random numbers of its own, so that further cells change nothing for these.
    """
    bank: dict[tuple[Cell, int], Floats] = {}
    for burst in bursts:
        rng = np.random.default_rng((seed, crc32(burst.cell.name.encode()), burst.round))
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
        if law.row(cell) is not None:
            found.setdefault(cell, []).append(float(values[0]))
    return {cell: float(np.median(values)) for cell, values in found.items()}


@dataclass(frozen=True)
class Design:
    """Coefficients of shape (cells, names), of the parameters that the cells tell of."""

    names: tuple[str, ...]
    x: Floats
    largest: tuple[int, ...]

    @staticmethod
    def of(law: Law, cells: Sequence[Cell]) -> Design:
        rows = np.array([law.row(cell) for cell in cells], dtype=float)
        rows = rows.reshape(len(cells), len(law.parameters))
        kept = np.flatnonzero(rows.any(axis=0)).tolist()
        return Design(
            tuple(law.parameters[k] for k in kept),
            rows[:, kept],
            tuple(kept.index(k) for k in law.largest if k in kept),
        )

    def missing(self, law: Law) -> tuple[str, ...]:
        """Parameters that the law cannot do without."""
        return tuple(n for n in law.parameters if n not in self.names and n not in law.optional)


def determined(law: Law, bank: Observations) -> bool:
    """Whether there are at least as many different cells as parameters that the law needs."""
    cells = list({cell for cell, _ in bank if law.row(cell) is not None})
    enough = len(cells) >= len(law.parameters) - len(law.optional)
    return bool(cells) and enough and not Design.of(law, cells).missing(law)


def fit_law(law: Law, bank: Observations, resampling: Resampling) -> FittedLaw:
    """Fit a law to all rounds, and to every resampling of them.

    Raises:
        InputError: no cell tells of a parameter that the law cannot do without.
    """
    keys = [key for key in bank if law.row(key[0]) is not None]
    design = Design.of(law, [cell for cell, _ in keys])
    if missing := design.missing(law):
        raise InputError("bursts", f"none that tell {', '.join(missing)}", "a complete calibration")
    values = [bank[key] for key in keys]
    best = solve(design.x, np.array([v[0] for v in values]), largest=design.largest)
    thetas = solve_many(
        design.x,
        _drawn_again(values, len(resampling.counts), resampling.rng),
        resampling.counts[:, [resampling.rounds.index(number) for _, number in keys]],
        best.theta,
        best.scale,
        design.largest,
    )
    rounds = len({number for _, number in keys})
    if rounds == 1:
        thetas = thetas * resampling.luck[:, None]
    inflation = student_inflation(rounds)
    parameters = {
        name: _parameter(
            name, float(best.theta[k]), thetas[:, k], best.identified[k], inflation, len(keys)
        )
        for k, name in enumerate(design.names)
    }
    return FittedLaw(law, parameters, len({cell for cell, _ in keys}))


def _drawn_again(values: Sequence[Floats], draws: int, rng: np.random.Generator) -> Floats:
    """Of each observation and draw one of its bank, of shape (draws, observations)."""
    made = np.empty((draws, len(values)))
    for k, value in enumerate(values):
        made[:, k] = value[0] if value.size == 1 else value[rng.integers(1, value.size, size=draws)]
    return made


def _parameter(
    name: str, best: float, drawn: Floats, seen: bool, inflation: float, samples: int
) -> Parameter:
    """Widen the draws about the estimate, in the logarithm."""
    deviation = np.log(drawn / best) * (inflation if seen else 1.0)
    values = best * np.exp(np.clip(deviation, -WIDEST, WIDEST))
    return Parameter(
        best, interval90(values), _unit(name), samples, seen, tuple(float(v) for v in values)
    )


def _unit(name: str) -> str:
    for of in ("byte", "flop", "tensor", "sample", "hop"):
        if name.endswith(f"per_{of}_s"):
            return f"s/{of}"
    return "s"
