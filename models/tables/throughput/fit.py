"""Fit: a system's few costs and its models' compute times, from throughput alone.

Rows of one system share its costs; each model and batch has a compute time of its own. The times
come from whatever predicts them, and so does a later answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import Floats, interval90
from nworkers.models.fitting.log_least_squares import OPEN_LOG_DEVIATION, SEEN_SHARE
from nworkers.models.records.profile import Identified, NotIdentified, Parameter, Profile
from nworkers.models.records.workload import Workload
from nworkers.models.tables.formats.csv_throughput import ScalingRow
from nworkers.models.tables.throughput.jobs import (
    Group,
    Jobs,
    Linearised,
    Predict,
    costs_seen,
    first_alike,
    group_of,
)
from nworkers.models.tables.throughput.row_spread import PUBLISHED_PRIOR, RowPrior, RowSpread
from nworkers.models.tables.throughput.system import NOTHING, UNITS, Cost

#: Models and batches of one table: each has an unknown of its own, in every draw.
MOST_GROUPS = 100
_MOST_ROUNDS = 12
#: A further round that moves no time by more than this is not needed.
_SETTLED = 2e-4
#: No draw moves a row's time further by one unknown, in the logarithm.
_FURTHEST = 2.0


@dataclass(frozen=True)
class ScalingFit:
    """What the rows of one system tell.

    ``x`` holds the compute seconds of each of ``groups``, then each of ``costs``; ``draws`` are
    joint, [draw, unknown], and ``identified`` says which unknowns the rows determine.
    ``log_residuals`` are measured over fitted times, in the logarithm; ``spread`` is what a further
    row deviates by. ``linear`` are the rows' times at ``x``.
    """

    rows: tuple[ScalingRow, ...]
    groups: tuple[Group, ...]
    costs: tuple[Cost, ...]
    x: Floats
    draws: Floats
    identified: tuple[bool, ...]
    log_residuals: Floats
    spread: RowSpread
    linear: Linearised

    def cost(self, name: Cost) -> float:
        """A cost's estimate; zero where no row could tell of it."""
        if name not in self.costs:
            return 0.0
        return float(self.x[len(self.groups) + self.costs.index(name)])

    def parameter(self, name: Cost) -> Parameter:
        """A cost with its draws; what the rows leave at nothing is too small to see."""
        column = len(self.groups) + self.costs.index(name)
        return drawn_parameter(
            max(float(self.x[column]), NOTHING[name]),
            np.maximum(self.draws[:, column], NOTHING[name]),
            UNITS[name],
            int(np.count_nonzero(self.linear.slopes[:, column])),
            self.identified[column],
        )


def drawn_parameter(
    estimate: float, draws: Floats, unit: str, samples: int, identified: bool
) -> Parameter:
    """A parameter with these draws, and the 90 % interval that they give."""
    values = tuple(float(v) for v in draws)
    if not identified:
        return NotIdentified(estimate, unit, samples, values)
    return Identified(estimate, interval90(draws, estimate), unit, samples, values)


def check_rows(rows: Sequence[ScalingRow], source: str) -> None:
    """Refuse rows from which nothing about scaling can be learnt.

    Raises:
        InputError: no model and batch has rows of two numbers of workers, or there are too many.
    """
    counts: dict[Group, set[int]] = {}
    for row in rows:
        counts.setdefault(group_of(row), set()).add(row.workers)
    if len(counts) > MOST_GROUPS:
        raise InputError(
            source, f"{len(counts):,} models and batches", f"at most {MOST_GROUPS} in one fit"
        )
    if all(len(found) < 2 for found in counts.values()):
        shown = sorted({row.workers for row in rows})[:5]
        raise InputError(
            source,
            f"{len(rows)} rows, of workers {', '.join(map(str, shown))}, no two of one model and "
            "batch",
            "at least two numbers of workers of one model and batch; three tell more",
        )


def fit(
    rows: Sequence[ScalingRow],
    workloads: Mapping[str, Workload],
    base: Profile,
    predict: Predict,
    *,
    source: str,
    prior: RowPrior = PUBLISHED_PRIOR,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> ScalingFit:
    """Least squares in the logarithm of the throughput, by unknowns that are not negative.

    Zero is an answer: where workers wait for no barrier, the spread is nothing. So the search is
    a Gauss-Newton iteration whose every step is a non-negative least squares problem (Lawson and
    Hanson, *Solving Least Squares Problems*, 1974, chapter 23), and not one in the logarithm of
    the costs, which never ends there. Which of the costs are needed at all is chosen by the
    Bayesian information criterion, and chosen again in every draw, with the odds that it gives:
    where the barrier and the link would explain the rows alike, some draws have the one and some
    the other, and neither is identified. Draws resample the residuals, as far apart as another
    run's would be (`RowSpread`), and are solved at the derivatives of the fit.

    Args:
        workloads: by the rows' model names.
        base: gives what throughput does not tell; there are as many draws as it has.
        predict: a worker's mean step in seconds.
        prior: what is known of rows' deviations beforehand.
        progress: called with predictions done and about expected.

    Raises:
        InputError: the rows tell nothing about scaling.
    """
    check_rows(rows, source)
    groups = tuple(dict.fromkeys(map(group_of, rows)))
    costs = costs_seen(rows)
    done = 0
    several = [row for row in rows if not row.alone]
    expected = 4 * (len(costs) + 2) * len(set(first_alike(several)))

    def tell() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, max(expected, done + 1))

    jobs = Jobs(rows, groups, costs, workloads, base, predict, tell)
    measured = np.log([row.step_time_s for row in rows])
    smallest: dict[Group, ScalingRow] = {}
    for row in sorted(rows, key=lambda row: row.workers):
        smallest.setdefault(group_of(row), row)
    steps = jobs.steps()
    start = np.array([*(smallest[group].step_time_s for group in groups), *(0.0 for _ in costs)])
    everything = tuple(range(start.size))
    full, at_full = _descend(jobs, start, everything, steps, measured)
    left = RowSpread.of(measured - np.log(at_full.times_s), start.size, prior)
    choices = tuple(_choices(len(groups), costs))
    scores = {kept: _score(at_full, full, measured, kept, left.likely) for kept in choices}
    best = min(scores, key=lambda kept: scores[kept])
    lean = full.copy()
    lean[[k for k in everything if k not in best]] = 0.0
    x, linear = _descend(jobs, lean, best, steps, measured)
    residuals = measured - np.log(linear.times_s)
    # What is at zero took nothing from the rows' freedom.
    spread = RowSpread.of(residuals, int(np.count_nonzero(x)), prior)
    rng = np.random.default_rng(seed)
    draws = np.array(
        [
            _draw(linear, x, noise, choices, len(groups), spread.likely, rng)
            for noise in _noise(residuals, spread.predictive, base.draws, rng)
        ]
    )
    return ScalingFit(
        rows=tuple(rows),
        groups=groups,
        costs=costs,
        x=x,
        draws=draws,
        identified=_identified(linear, x, draws),
        log_residuals=residuals,
        spread=spread,
        linear=linear,
    )


def _descend(
    jobs: Jobs, start: Floats, kept: Sequence[int], steps: Floats, measured: Floats
) -> tuple[Floats, Linearised]:
    """Gauss-Newton over the unknowns that are kept; a step that leads up is halved."""
    x = start
    linear = jobs.linear(x, steps)
    for _ in range(_MOST_ROUNDS):
        residuals = measured - np.log(linear.times_s)
        target = _solve(linear.shares, linear.shares @ x + residuals, x.size, kept)
        groups = len(jobs.groups)
        # No compute time falls to nothing in one step, however bent the model is.
        target[:groups] = np.maximum(target[:groups], 0.3 * x[:groups])
        step, cost = target - x, float(residuals @ residuals)
        if np.abs(linear.shares @ step).max() < _SETTLED:
            break
        for shorter in (1.0, 0.5, 0.25, 0.1):
            trial = x + shorter * step
            logs = measured - np.log(jobs.times_s(trial))
            if float(logs @ logs) < cost:
                break
        else:
            break
        x = trial
        linear = jobs.linear(x, steps)
    return x, linear


def _solve(shares: Floats, wanted: Floats, size: int, kept: Sequence[int]) -> Floats:
    """The x ≥ 0 of the least ‖shares · x − wanted‖, zero where it is not kept."""
    # scipy.optimize takes half a second to import, and predicting needs none of it.
    from scipy.optimize import nnls  # noqa: PLC0415

    columns = shares[:, list(kept)]
    # Columns of one length: seconds and seconds per byte differ by eighteen orders.
    scale = np.maximum(np.linalg.norm(columns, axis=0), 1e-300)
    found = np.zeros(size)
    found[list(kept)] = nnls(columns / scale, wanted)[0] / scale
    return found


def _choices(groups: int, costs: Sequence[Cost]) -> Iterator[tuple[int, ...]]:
    """Every choice of costs, each with all groups.

    No two steps of real workers take the same time, so the spread is always among them. Whether
    transfers show beside it is the question.
    """
    always = [groups + k for k, cost in enumerate(costs) if cost == "spread"]
    optional = [groups + k for k, cost in enumerate(costs) if cost != "spread"]
    for count in range(len(optional) + 1):
        for chosen in combinations(optional, count):
            yield (*range(groups), *always, *chosen)


def _score(
    linear: Linearised, x: Floats, measured: Floats, kept: tuple[int, ...], spread: float
) -> float:
    """Half the Bayesian information criterion of a choice, at the derivatives of a fit."""
    wanted = linear.shares @ x + measured - np.log(linear.times_s)
    found = _solve(linear.shares, wanted, x.size, kept)
    left = linear.shares @ found - wanted
    return float(left @ left / (2 * spread**2) + 0.5 * len(kept) * np.log(measured.size))


def _noise(residuals: Floats, spread: float, draws: int, rng: np.random.Generator) -> Floats:
    """Residuals drawn again, [draw, row], scaled to the deviation of a row."""
    pool = residuals - residuals.mean()
    deviation = float(np.sqrt(np.mean(pool**2)))
    shape = (draws, residuals.size)
    if deviation < 1e-3 * spread:
        return np.asarray(spread * rng.standard_normal(shape))
    return np.asarray(rng.choice(pool * spread / deviation, size=shape))


def _draw(
    linear: Linearised,
    x: Floats,
    noise: Floats,
    choices: Sequence[tuple[int, ...]],
    groups: int,
    spread: float,
    rng: np.random.Generator,
) -> Floats:
    """The unknowns of one resampled table, by a choice of costs with the odds that fit it."""
    measured = np.log(linear.times_s) + noise
    scores = np.array([_score(linear, x, measured, kept, spread) for kept in choices])
    odds = np.exp(scores.min() - scores)
    kept = choices[int(rng.choice(len(choices), p=odds / odds.sum()))]
    found = _solve(linear.shares, linear.shares @ x + noise, x.size, kept)
    # The derivatives say nothing of rows several times as long: wild tables stay finite.
    most = x + _FURTHEST / np.maximum(np.abs(linear.shares).max(axis=0), 1e-30)
    found[:groups] = np.maximum(found[:groups], 0.3 * x[:groups])
    return np.asarray(np.minimum(found, most))


def _identified(linear: Linearised, x: Floats, draws: Floats) -> tuple[bool, ...]:
    """Whether an unknown is seen in a row, and its 90 % interval is far from nothing.

    The interval's ends are as far apart as the draws' log-deviation allows (`positive.solve`).
    """
    shares = np.abs(linear.shares * x).max(axis=0)
    widest = np.exp(2 * 1.645 * OPEN_LOG_DEVIATION)
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    seen = (x > 0.0) & (shares >= SEEN_SHARE) & (low > 0.0) & (high < widest * low)
    return tuple(bool(s) for s in seen)
