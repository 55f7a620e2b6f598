"""Round spread: how far rounds of fresh processes lie apart, of which few rounds tell little.

A cell's round deviates from its mean by a part that all cells of the round share and a part of its
own. Their variances have scaled inverse chi-square priors, from calibrations of other machines
(Gelman and others, *Bayesian Data Analysis*, 3rd edition, section 5.4; for many small samples:
Smyth, *Stat. Appl. Genet. Mol. Biol.* 3, 2004). So the degrees of freedom of R rounds are those of
the prior more than R − 1.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from nworkers.models.base.statistics import Floats, student_factor
from nworkers.models.fitting.laws import Law
from nworkers.models.records.calibration import Burst, Cell
from nworkers.models.records.profile import RoundLevels

#: The prior, from eight calibrations of five rounds (docs/fits.md, "How rounds differ"): a cell's
#: own log-deviation from round to round, the degrees of freedom that it is worth for each cell,
CELL_LOG_SPREAD = 0.110
PRIOR_FREEDOM = 3.4
#: and what a whole round deviates by, over what a cell deviates by.
ROUND_PER_CELL = 0.51
#: Variance of the logarithm of a typical cell's variance from machine to machine: a judgement,
#: since two machines do not tell how far a third may be (between their calibrations it is 0.1).
LEVEL_LOG_VARIANCE = 1.0
#: No machine repeats its medians more closely.
LEAST_LOG_SPREAD = 0.005


@dataclass(frozen=True)
class Shares:
    """What measured deviations are multiplied by, and what the prior's are, for R rounds.

    With many rounds they are 1 and 0. ``wider`` is Student's factor for ``freedom``, which the
    first holds.
    """

    measured: float
    prior: float
    wider: float
    freedom: float

    @staticmethod
    def of(rounds: int) -> Shares:
        """Deviations of R rounds from their own mean are too small by √(R/(R−1))."""
        freedom = rounds - 1 + PRIOR_FREEDOM
        wider = student_factor(freedom)
        return Shares(
            wider * math.sqrt(rounds / freedom), math.sqrt(PRIOR_FREEDOM / freedom), wider, freedom
        )


@dataclass(frozen=True)
class RoundSpread:
    """Log-deviations that this machine's rounds are expected to have, before a cell's own are seen.

    ``whole`` is common to all cells of a round, ``cell`` is each cell's own.
    """

    whole: float
    cell: float

    @staticmethod
    def of(observed: Mapping[tuple[Cell, int], Floats], laws: Iterable[Law]) -> RoundSpread:
        """From the cells that some law explains, as far apart as their rounds are.

        Every cell tells of the machine's level with one chi-square variable, so that two rounds of
        a hundred cells tell it well; few cells leave it at the prior's. A machine that is quiet
        within its rounds is not taken to repeat whole rounds more closely than others do.
        """
        # Fitting alone needs scipy.
        from scipy.special import digamma, polygamma  # noqa: PLC0415

        laws = tuple(laws)
        logs: dict[Cell, dict[int, float]] = {}
        for (cell, number), values in observed.items():
            if any(law.explains(cell) for law in laws):
                logs.setdefault(cell, {})[number] = math.log(values[0])
        whole = whole_rounds(logs)
        prior = PRIOR_FREEDOM / 2
        known = 1.0 / LEVEL_LOG_VARIANCE
        level = 2 * math.log(CELL_LOG_SPREAD) * known
        for of_round in logs.values():
            half = (len(of_round) - 1) / 2
            if half > 0:
                left = [log - whole[number] for number, log in of_round.items()]
                square = max(float(np.var(left, ddof=1)), LEAST_LOG_SPREAD**2)
                shift = digamma(half) - math.log(half) - digamma(prior) + math.log(prior)
                weight = 1.0 / float(polygamma(1, half) + polygamma(1, prior))
                level += weight * (math.log(square) - float(shift))
                known += weight
        own = math.exp(level / known / 2)
        return RoundSpread(ROUND_PER_CELL * max(own, CELL_LOG_SPREAD), own)

    def unseen(
        self, shares: Shares, together: Floats, rounds: Floats, rng: np.random.Generator
    ) -> Floats:
        """By how much the mean of each cell's rounds is off in each draw, [draw, cell].

        A cell's own part is drawn from Student's distribution, so that a mean over many cells is
        as uncertain as the mean of their variances has it. All share one other part.

        Args:
            together: standard normal numbers of the draws, the same for all laws.
            rounds: how many each cell has.
        """
        own = rng.standard_t(shares.freedom, (together.size, rounds.size))
        off = self.whole * shares.wider * together[:, None] + self.cell * own
        return np.asarray(shares.prior * off / np.sqrt(rounds))


def round_levels(bursts: Iterable[Burst]) -> RoundLevels | None:
    """How far whole rounds lie apart, of cells that all rounds have; None where there are not two.

    Their variance over the prior's has the F distribution on other machines, with R − 1 degrees of
    freedom and those of the prior. A refinement, which has few cells, is no whole round.
    """
    logs: dict[Cell, dict[int, float]] = {}
    for burst in bursts:
        if burst.worker == 0 and burst.cell.quantity != "soak":
            found = math.log(statistics.median(burst.samples_s))
            logs.setdefault(burst.cell, {})[burst.round] = found
    counted = Counter(number for of_round in logs.values() for number in of_round)
    whole = sorted(number for number, count in counted.items() if 2 * count >= len(logs))
    common = {
        cell: {number: of_round[number] for number in whole}
        for cell, of_round in logs.items()
        if all(number in of_round for number in whole)
    }
    if len(whole) < 2 or not common:
        return None
    levels = whole_rounds(common)
    square = statistics.variance(levels.values()) / (ROUND_PER_CELL * CELL_LOG_SPREAD) ** 2
    return RoundLevels(
        tuple(math.exp(level) for level in levels.values()), _as_far(square, len(whole) - 1)
    )


def _as_far(square: float, freedom: int) -> float:
    """The probability of a larger ratio of variances."""
    from scipy.special import fdtrc  # noqa: PLC0415 (as above)

    return float(fdtrc(freedom, PRIOR_FREEDOM, square))


def whole_rounds(logs: Mapping[Cell, Mapping[int, float]]) -> dict[int, float]:
    """What all cells of a round have in common: the mean of their deviations."""
    found: dict[int, list[float]] = {}
    for of_round in logs.values():
        middle = sum(of_round.values()) / len(of_round)
        for number, log in of_round.items():
            found.setdefault(number, []).append(log - middle)
    return {number: float(np.mean(values)) for number, values in found.items()}
