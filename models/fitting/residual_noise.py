"""Residuals: the variation that the fit leaves, kept as data for the simulator to draw from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nworkers.models.base.statistics import Floats
from nworkers.models.records.calibration import Burst, Cell
from nworkers.models.records.profile import Noise

#: Quantile bins of the noise.
BINS = 64
#: Fewer samples of a burst tell nothing of what follows what.
LEAST_SAMPLES = 20
MOST_AUTOCORRELATION = 0.98

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


def residual_noise(bursts: Sequence[Burst], rounds: Sequence[int]) -> Noise:
    """Residuals kept as data: within bursts, and of each round's medians against all rounds'."""
    within: dict[str, tuple[float, ...]] = {}
    between: list[dict[str, float]] = [{} for _ in rounds]
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
        for place, number in zip(between, rounds, strict=True):
            shifts = [
                of_round[number] - float(np.mean(list(of_round.values())))
                for of_round in logs.values()
                if number in of_round
            ]
            place[operation] = float(np.exp(np.median(shifts))) if shifts else 1.0
        lasting[operation] = _autocorrelation(chosen)
    return Noise(within=within, between=tuple(between), autocorrelation=lasting)


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
