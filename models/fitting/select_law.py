"""Select a law: which of several laws the data call for, and where transfers switch protocols."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from nworkers.models.base.all_reduce_terms import ALGORITHMS
from nworkers.models.base.leaves import mapped
from nworkers.models.base.linear import Unknown
from nworkers.models.base.statistics import Floats
from nworkers.models.costs.laws import step_s
from nworkers.models.costs.layers import threaded_products
from nworkers.models.fitting import laws
from nworkers.models.fitting.laws import Law, TransferKind
from nworkers.models.fitting.log_least_squares import evaluate, solve, solve_many
from nworkers.models.fitting.observations import Design, Observations, medians
from nworkers.models.records.calibration import Cell
from nworkers.models.records.profile import Candidate, Criterion, StepTime
from nworkers.models.records.workload import Workload

#: Bytes that pass at once are looked for up to this share of the largest tensor's.
MOST_CREDIT = 1 / 8
CREDITS = 16
#: A richer law must lower BIC by more than this, for each break that it adds. AICc invented a break
#: in 15 of 30 smooth data sets, BIC in 2; the margin leaves fewer still.
MARGIN = 6.0
#: A segment of fewer sizes is a few odd sizes.
LEAST_SIZES = 4
MOST_BREAKS = 2
#: Deviations of this size are not worth a parameter: no machine repeats its medians more closely.
FLOOR_DEVIATION = 0.005
#: A law with more parameters must lower the error on what is left out by this factor, and threads
#: the time of the largest batch.
WORTH = 0.9
#: L2 caches of a core of the servers of a decade: what is tried where a file does not tell it.
CACHES_BYTES = (0.5 * 2**20, 1.0 * 2**20, 2.0 * 2**20)
#: Of a step's operations, so that its rate shows on one thread, or on all.
MUCH = 0.25
#: Scale of the loss where candidates are compared: of medians over rounds.
LOSS_SCALE = 0.05


def bic(residuals: Floats, parameters: int) -> float:
    """n·log(RSS/n) + k·log n, of residuals in the logarithm (Schwarz, *Ann. Statist.* 6, 1978)."""
    n = residuals.size
    mean_square = float(np.mean(residuals**2)) + FLOOR_DEVIATION**2
    return n * math.log(mean_square) + parameters * math.log(n)


def breaks(
    sizes: Sequence[float], seconds: Sequence[float]
) -> tuple[tuple[float, ...], tuple[Candidate, ...]]:
    """Sizes at which Hockney's α and β jump, and every number of breaks that was tried.

    Segments are discontinuous and at most three, each of at least `LEAST_SIZES` sizes; a break lies
    half-way, in the logarithm, between two sizes.

    Args:
        sizes: ascending, all different.
        seconds: of a transfer of each size.
    """
    n, y = np.asarray(sizes, dtype=float), np.asarray(seconds, dtype=float)
    spans = [
        (first, last)
        for first in range(n.size)
        for last in range(first + LEAST_SIZES, n.size + 1)
        if first == 0 or first >= LEAST_SIZES
    ]
    if not spans:
        return (), ()
    residual_of = dict(zip(spans, _span_residuals(n, y, spans), strict=True))
    best: list[tuple[float, tuple[int, ...]]] = []
    for count in range(MOST_BREAKS + 1):
        found = []
        for places in combinations(range(1, n.size), count):
            ends = (0, *places, n.size)
            pieces = [residual_of.get(span) for span in pairwise(ends)]
            kept = [piece for piece in pieces if piece is not None]
            if len(kept) == len(pieces):
                # A break adds a latency, a bandwidth and its place.
                found.append((bic(np.concatenate(kept), 2 + 3 * count), places))
        if found:
            best.append(min(found))
    chosen = 0
    for count in range(1, len(best)):
        if best[count][0] < best[chosen][0] - MARGIN * (count - chosen):
            chosen = count
    places = best[chosen][1]
    candidates = tuple(
        Candidate(f"{count} breaks" if count != 1 else "1 break", "bic", score, count == chosen)
        for count, (score, _) in enumerate(best)
    )
    return tuple(float(math.sqrt(n[k - 1] * n[k])) for k in places), candidates


def credit(sizes: Sequence[float], seconds: Sequence[float], least_s: float) -> float:
    """Bytes that pass before a rate holds, as a token bucket's burst does; 0 for none.

    Without it such a link's rate comes out too high: a latency cannot be negative.

    Args:
        sizes: of one segment, ascending.
        seconds: of a transfer of each size.
        least_s: what a transfer of nothing takes at least.
    """
    n, y = np.asarray(sizes, dtype=float), np.asarray(seconds, dtype=float)
    if n.size < LEAST_SIZES or y.min() <= least_s:
        return 0.0
    most = min(float(n[0]), float(n[-1]) * MOST_CREDIT)
    tried = [0.0, *np.geomspace(most / 30.0, most, CREDITS)]
    scores = []
    for passed in tried:
        design = np.column_stack([np.ones_like(n), np.maximum(n - passed, 0.0)])
        theta = solve(design, y - least_s).theta
        residuals = np.log(least_s + evaluate(design, theta)) - np.log(y)
        scores.append(bic(residuals, 2 + (passed > 0.0)))
    best = int(np.argmin(scores))
    return float(tried[best]) if scores[best] < scores[0] - MARGIN else 0.0


def _span_residuals(n: Floats, y: Floats, spans: Sequence[tuple[int, int]]) -> list[Floats]:
    """Log residuals of a latency and a bandwidth fitted to each span of sizes."""
    design = np.column_stack([np.ones_like(n), n])
    weights = np.zeros((len(spans), n.size))
    starts = np.empty((len(spans), 2))
    for place, (first, last) in enumerate(spans):
        weights[place, first:last] = 1.0
        starts[place] = y[first], max(y[last - 1] - y[first], 0.1 * y[last - 1]) / n[last - 1]
    thetas = solve_many(design, y, weights, starts, LOSS_SCALE)
    residuals = np.log(thetas @ design.T) - np.log(y)
    return [residuals[k, first:last] for k, (first, last) in enumerate(spans)]


def simplest(scores: Sequence[float]) -> int:
    """Of ever richer laws the one that no richer one beats by more than the margin."""
    chosen = 0
    for k in range(1, len(scores)):
        if scores[k] < scores[chosen] - MARGIN:
            chosen = k
    return chosen


@dataclass(frozen=True)
class Choice:
    """A law, and the candidates of each quantity that it explains."""

    law: Law
    tried: dict[str, tuple[Candidate, ...]]


def transfer_law(bank: Observations) -> Choice:
    """Fetches and pushes, each with as many breaks as its sizes call for, and a credit if any."""
    credits: dict[TransferKind, float] = {}
    found: dict[TransferKind, tuple[float, ...]] = {}
    tried: dict[str, tuple[Candidate, ...]] = {}
    optimizers = tuple(dict.fromkeys(c.optimizer for c, _ in bank if c.quantity == "apply"))
    seconds = medians(bank, laws.transfers({}, optimizers))
    empty_s = seconds.get(Cell("noop", "ps"), 0.0)
    for kind in laws.TRANSFER_KINDS:
        line = sorted(
            (cell.size_bytes, time_s)
            for cell, time_s in seconds.items()
            if cell.quantity == kind and cell.tensors == 1
        )
        found[kind], tried[kind] = breaks([n for n, _ in line], [t for _, t in line])
        large = [(n, t) for n, t in line if n >= max(found[kind], default=0.0)]
        credits[kind] = credit([n for n, _ in large], [t for _, t in large], empty_s)
    made = [
        laws.transfers(found, optimizers, several=several, credits=credits)
        for several in (False, True)
    ]
    choice = _by_bic("several tensors", made, [seconds, seconds])
    return Choice(choice.law, tried | choice.tried)


def gemm_law(bank: Observations) -> Choice:
    """Whichever of the products' laws predicts shapes best that it was not fitted to."""
    seconds = medians(bank, laws.gemm("rate"))
    by_flops: dict[float, list[float]] = {}
    for cell, time_s in seconds.items():
        if cell.quantity == "gemm":
            by_flops.setdefault(cell.flops, []).append(time_s)
    line = sorted((flops, float(np.median(times))) for flops, times in by_flops.items())
    jumps, _ = breaks([x for x, _ in line], [t for _, t in line])
    made = [laws.gemm(kind) for kind in ("rate", "sum", "max")]
    if jumps:
        made.append(laws.gemm("segments", jumps))
    scores = [_left_out(law, seconds) for law in made]
    best = int(np.argmin(scores))
    # A richer law that predicts no better is not worth its parameter.
    chosen = best if scores[best] < WORTH * scores[0] else 0
    return Choice(made[chosen], {"gemm": _candidates(made, "left out", scores, chosen)})


def step_law(
    bank: Observations, workload: Workload | None = None, cache_bytes: float | None = None
) -> Choice:
    """A line in the batch, one with a knee, or one for products on one thread and on all.

    Args:
        workload: whose dense layers' products a larger batch may bring to all threads.
        cache_bytes: of the L2 cache that decides it; None where it is for the data to tell.
    """
    made = [laws.steps(knee=knee) for knee in (False, True)]
    seconds = medians(bank, made[0])
    if workload is None or not workload.widths:
        return _by_bic("step", made, [seconds] * len(made))
    told = cache_bytes is not None
    sizes = (cache_bytes,) if cache_bytes is not None else CACHES_BYTES
    threads = [
        laws.steps(threaded=threaded_products(workload, size), joins=joins)
        for size in sizes
        for joins in (False, True)
    ]
    threads = [law for law in threads if _threads_help(law, seconds)]
    if threads:
        made.append(min(threads, key=lambda law: _bic_of(law, seconds)))
    # A size that was looked for is one parameter more.
    return _by_bic("step", made, [seconds] * len(made), places=(0, 0, 0 if told else 1))


def _threads_help(law: Law, seconds: Mapping[Cell, float]) -> bool:
    """Whether much of a step is on one thread in some batches and on all in others, and faster."""
    batches = [cell.batch for cell in seconds]
    threads = law.record.step.threads
    joined = [
        sum(of.share for of in threads.products if batch >= of.from_batch) for batch in batches
    ]
    if len(seconds) <= len(law.unknowns) or min(joined) > 1.0 - MUCH or max(joined) < MUCH:
        return False
    design = Design.of(law, seconds)
    if design.missing(law):
        return False
    theta = solve(design.x, np.array(list(seconds.values()))).theta
    found = dict(zip(design.unknowns, theta, strict=True))
    time: StepTime[float] = mapped(law.record.step, Unknown, found.get)
    alone_s = time.floor_s + max(batches) * found[threads.alone_per_sample_s]
    return bool(step_s(time, max(batches)) < WORTH * alone_s)


def all_reduce_law(bank: Observations) -> Choice:
    """A ring unless a tree is clearly better; from one number of workers nobody can tell."""
    made = [laws.all_reduce(algorithm) for algorithm in ALGORITHMS]
    return _by_bic("allreduce", made, [medians(bank, law) for law in made])


def _by_bic(
    quantity: str,
    made: Sequence[Law],
    observed: Sequence[dict[Cell, float]],
    places: Sequence[int] = (),
) -> Choice:
    """The simplest law that BIC is for; ``places`` is what else of each was looked for."""
    scores = [
        _bic_of(law, seconds, places[k] if places else 0)
        for k, (law, seconds) in enumerate(zip(made, observed, strict=True))
    ]
    if not math.isfinite(scores[0]):
        return Choice(made[0], {})
    chosen = simplest(scores)
    return Choice(made[chosen], {quantity: _candidates(made, "bic", scores, chosen)})


def _bic_of(law: Law, seconds: dict[Cell, float], places: int = 0) -> float:
    if len(seconds) <= len(law.unknowns):
        return math.inf
    design, y = Design.of(law, seconds), np.array(list(seconds.values()))
    theta = solve(design.x, y, largest=design.largest).theta
    residuals = np.log(evaluate(design.x, theta, design.largest) / y)
    return bic(residuals, len(design.unknowns) + places)


def _left_out(law: Law, seconds: dict[Cell, float]) -> float:
    """Mean absolute log error on each cell by a fit to all the others."""
    if len(seconds) <= len(law.unknowns):
        return math.inf
    design, y = Design.of(law, seconds), np.array(list(seconds.values()))
    best = solve(design.x, y, largest=design.largest)
    weights = 1.0 - np.eye(y.size)
    thetas = solve_many(design.x, y, weights, best.theta, best.scale, design.largest)
    return float(np.mean(np.abs(np.log(evaluate(design.x, thetas, design.largest) / y))))


def _candidates(
    made: Sequence[Law], criterion: Criterion, scores: Sequence[float], chosen: int
) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(law.name, criterion, score, k == chosen)
        for k, (law, score) in enumerate(zip(made, scores, strict=True))
        if math.isfinite(score)
    )
