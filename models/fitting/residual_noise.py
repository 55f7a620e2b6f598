"""Residual noise: the variation that a fit leaves, kept as data for the simulator."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np

from nworkers.models.base.statistics import Floats, few_rounds
from nworkers.models.fitting.round_spread import RoundSpread, Shares
from nworkers.models.records.calibration import Burst, Cell
from nworkers.models.records.profile import Noise

#: Quantile bins of the noise.
BINS = 64
#: Fewer samples of a burst tell nothing of what follows what.
LEAST_SAMPLES = 20
MOST_AUTOCORRELATION = 0.98
#: Equally probable runs, at the least, by which few rounds are told apart.
LEAST_RUNS = 20

_OPERATIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "dispatch": (("noop", "ps"),),
    "fetch": (("fetch", "ps"),),
    "push": (("push", "ps"),),
    "fetch_transfer": (("fetch", "ps"),),
    "push_transfer": (("push", "ps"),),
    # One law of a step and of a worker's gradients, so one variation.
    "compute": (("gradient", "process"), ("step", "process")),
}
#: A transfer that takes so many times as long as the shortest is one of bytes, not of a request:
#: what varies in the one by tenths of a millisecond does not grow with the other.
_LARGE = 4.0


def residual_noise(bursts: Sequence[Burst], rounds: Sequence[int], spread: RoundSpread) -> Noise:
    """Residuals kept as data: within bursts, and of each round's medians against all rounds'.

    Few rounds are told apart further by what rounds of other machines differ by (`_spread_out`).
    """
    within: dict[str, tuple[float, ...]] = {}
    between: dict[str, Floats] = {}
    own: dict[str, float] = {}
    lasting: dict[str, float] = {}
    for operation, sources in _OPERATIONS.items():
        chosen = [b for b in bursts if _source(b) in sources]
        if sources[0][0] in ("fetch", "push"):
            chosen = _of_size(chosen, large=operation.endswith("_transfer"))
            if not chosen:
                continue
        if not chosen:
            chosen = [b for b in bursts if _source(b) == ("gemm", "process")]
        ratios = np.sort(
            np.concatenate([np.asarray(b.samples_s) / np.median(b.samples_s) for b in chosen])
        )
        # The mean of each bin, not its middle: the bins' mean is then the samples' mean.
        within[operation] = tuple(
            float(part.mean()) for part in np.array_split(ratios, BINS) if part.size
        )
        logs: dict[Cell, dict[int, float]] = {}
        for burst in chosen:
            logs.setdefault(burst.cell, {})[burst.round] = float(np.log(np.median(burst.samples_s)))
        shifts = [
            [of[number] - float(np.mean(list(of.values()))) for of in logs.values() if number in of]
            for number in rounds
        ]
        between[operation] = np.array([float(np.median(of)) if of else 0.0 for of in shifts])
        own[operation] = spread.cell / math.sqrt(len(logs))
        lasting[operation] = _autocorrelation(chosen)
    return Noise(
        within=within, between=_spread_out(between, own, spread.whole), autocorrelation=lasting
    )


def _spread_out(
    between: Mapping[str, Floats], own: Mapping[str, float], whole: float
) -> tuple[dict[str, float], ...]:
    """Factors of equally probable runs: each round that was measured, several times.

    Each time it is off further by the prior's share, for all operations alike (``whole``) and for
    each by itself (``own``). Together they deviate as a further run will; what the simulator adds
    for few rounds is taken off.
    """
    rounds = next(iter(between.values())).size
    shares = Shares.of(rounds)
    times = 2 * max(1, math.ceil(LEAST_RUNS / (2 * rounds)))
    further = few_rounds(times * rounds)
    scores = np.array([NormalDist().inv_cdf((k + 0.5) / times) for k in range(times)])
    scores *= shares.prior * shares.wider / scores.std()
    rng = np.random.default_rng(rounds)
    factors = {}
    for operation, measured in between.items():
        prior = whole * scores + own[operation] * rng.permutation(scores)
        logs = np.add.outer(shares.measured * measured, prior).ravel() / further
        factors[operation] = np.exp(logs).tolist()
    return tuple(
        dict(zip(factors, run, strict=True)) for run in zip(*factors.values(), strict=True)
    )


def _of_size(bursts: Sequence[Burst], *, large: bool) -> list[Burst]:
    """Bursts of cells in which bytes take most of the time, or of those in which they do not."""
    cells: dict[Cell, list[float]] = {}
    for burst in bursts:
        cells.setdefault(burst.cell, []).append(float(np.median(burst.samples_s)))
    if not cells:
        return []
    least_s = min(np.median(times) for times in cells.values())
    return [b for b in bursts if (np.median(cells[b.cell]) >= _LARGE * least_s) == large]


def _autocorrelation(bursts: Sequence[Burst]) -> float:
    """Rank correlation of each sample with the one before, over all bursts; at least 0.

    Ranks, since one sample ten times too slow would decide any other correlation.
    """
    pairs: list[Floats] = []
    for burst in bursts:
        if len(burst.samples_s) >= LEAST_SAMPLES:
            ranks = np.argsort(np.argsort(burst.samples_s)) / (len(burst.samples_s) - 1) - 0.5
            pairs.append(np.stack([ranks[:-1], ranks[1:]]))
    if not pairs:
        return 0.0
    before, after = np.concatenate(pairs, axis=1)
    return float(np.clip((before @ after) / (before @ before), 0.0, MOST_AUTOCORRELATION))


def _source(burst: Burst) -> tuple[str, str]:
    cell = burst.cell
    return (cell.quantity if cell.plain and cell.workers == 1 else "", cell.path)
