"""Fit rows: rows of a table to parameters, with joint draws as many as the base profile's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import Floats, student_inflation
from nworkers.models.fitting.log_least_squares import solve
from nworkers.models.records.combined_parameter import of_draws
from nworkers.models.records.profile import FitRow, Parameter
from nworkers.models.tables.components.rows import Row

#: Log-deviation of a number that rests on as many rows as it has parameters: a stated judgement,
#: since such rows say nothing of their own spread.
STATED_LOG_SPREAD = 0.25
#: No parameter of any hardware lies beyond, in SI units, either way.
EXTREME = 1e20

Columns = Callable[[Row], Sequence[float]]
#: Seconds of a row that are known already.
Offset = Callable[[Row], float]
#: What is left at least of a row's seconds when those known are taken out.
LEAST_LEFT = 0.05


def _nothing(_: Row) -> float:
    return 0.0


def _rest_s(rows: Sequence[Row], known: Offset) -> Floats:
    return np.array([max(row.seconds - known(row), LEAST_LEFT * row.seconds) for row in rows])


@dataclass(frozen=True)
class SolvedRows:
    """Parameters in the order of the columns, None where no row has a share in one.

    ``fitted_s`` is the model's time of each row; ``runs`` how many independent repetitions of the
    whole there were.
    """

    parameters: tuple[Parameter | None, ...]
    fitted_s: tuple[float, ...]
    runs: int


def fit(
    rows: Sequence[Row],
    columns: Columns,
    units: Sequence[str],
    draws: int,
    rng: np.random.Generator,
    where: str,
    known: Offset = _nothing,
) -> SolvedRows:
    """Fit one positive linear model of ``rows`` (`nworkers.models.fitting.log_least_squares`).

    Draws resample whole repetitions where there are any, else residuals in the logarithm; both are
    widened for few degrees of freedom by Student's factor (`student_inflation`): of the runs, or of
    the rows beyond the parameters.

    Raises:
        InputError: the rows cannot tell the parameters apart, or give absurd ones.
    """
    design = np.array([columns(row) for row in rows], dtype=float)
    used = np.asarray(design.any(axis=0))
    x = design[:, used]
    y = _rest_s(rows, known)
    if np.linalg.matrix_rank(x / x.max(axis=0)) < x.shape[1]:
        raise InputError(where, *_indistinct(rows, x.shape[1]))
    best = solve(x, y)
    model = x @ best.theta
    runs = _repetitions(rows)
    deviations = np.log(_draws(rows, x, y, best.theta, draws, rng, runs) / best.theta)
    found = iter(range(x.shape[1]))
    parameters = []
    for unit, present in zip(units, used.tolist(), strict=True):
        k = next(found) if present else None
        parameters.append(
            None
            if k is None
            else parameter(
                float(best.theta[k]), deviations[:, k], unit, len(rows), best.identified[k], where
            )
        )
    fitted = (float(m) + known(row) for m, row in zip(model, rows, strict=True))
    return SolvedRows(tuple(parameters), tuple(fitted), runs)


def parameter(
    best: float, log_deviations: Floats, unit: str, samples: int, seen: bool, where: str
) -> Parameter:
    """A parameter whose draws deviate from its estimate by so much in the logarithm.

    Raises:
        InputError: it lies where no hardware is.
    """
    values = best * np.exp(np.clip(log_deviations, -2.0, 2.0))
    if not (values.min() > 1 / EXTREME**2 and values.max() < EXTREME):
        raise InputError(
            where, f"{best:.3g} {unit} as a result", "times and sizes of real hardware"
        )
    return of_draws(best, tuple(float(v) for v in values), unit, samples, seen=seen)


def held_out_errors(
    name: str, rows: Sequence[Row], columns: Columns, known: Offset = _nothing
) -> FitRow:
    """Errors on every fourth size and the largest, by a fit that never saw them.

    The parameters themselves use every row: tables are short.
    """
    keys = sorted({_key(row) for row in rows}, key=lambda r: (r.size_bytes, _flops(r), r.batch))
    sizes = sorted({(r.size_bytes, _flops(r), r.batch) for r in keys})
    held = {s for k, s in enumerate(sizes) if k % 4 == 2 or k == len(sizes) - 1}
    inside = [r for r in rows if (r.size_bytes, _flops(r), r.batch) not in held]
    design = np.array([columns(row) for row in inside], dtype=float)
    if len(sizes) < 5 or not design.size:
        return FitRow(name, len(keys), 0, None, None)
    every = np.array([columns(row) for row in rows], dtype=float)
    used = every.any(axis=0)
    x = design[:, used]
    if not x.any(axis=0).all() or np.linalg.matrix_rank(x / x.max(axis=0)) < x.shape[1]:
        return FitRow(name, len(keys), 0, None, None)
    theta = solve(x, _rest_s(inside, known)).theta
    errors = [
        abs(
            _model_s(np.asarray(columns(row), dtype=float)[used], theta, known(row)) / row.seconds
            - 1
        )
        for row in rows
        if (row.size_bytes, _flops(row), row.batch) in held
    ]
    outside = sum((k.size_bytes, _flops(k), k.batch) in held for k in keys)
    return FitRow(name, len(keys) - outside, outside, float(np.median(errors)), float(max(errors)))


def _model_s(x: Floats, theta: Floats, known_s: float) -> float:
    return float(x @ theta) + known_s


def _draws(
    rows: Sequence[Row],
    x: Floats,
    y: Floats,
    theta: Floats,
    draws: int,
    rng: np.random.Generator,
    runs: int,
) -> Floats:
    """θ of every draw, of shape (draws, parameters), already widened."""
    freedom = len(rows) - x.shape[1]
    if freedom <= 0:
        return np.asarray(theta * np.exp(STATED_LOG_SPREAD * rng.standard_normal((draws, 1))))
    found = np.empty((draws, theta.size))
    if runs > 1:
        numbers = sorted({row.round for row in rows})
        places = [[k for k, row in enumerate(rows) if row.round == n] for n in numbers]
        for draw in range(draws):
            chosen = [k for n in rng.integers(runs, size=runs) for k in places[n]]
            found[draw] = solve(x[chosen], y[chosen], theta).theta
        inflation = student_inflation(runs)
    else:
        model = x @ theta
        residuals = np.log(y / model)
        residuals -= residuals.mean()
        for draw in range(draws):
            again = model * np.exp(rng.choice(residuals, size=y.size))
            found[draw] = solve(x, again, theta).theta
        # As many degrees of freedom as so many rounds more than one leave for their mean.
        inflation = student_inflation(freedom + 1)
    return np.asarray(theta * np.exp(inflation * np.log(found / theta)))


def _repetitions(rows: Sequence[Row]) -> int:
    """How many rounds measured the same cells; 1 where rounds differ in what they measured."""
    rounds: dict[int, list[Row]] = {}
    for row in rows:
        rounds.setdefault(row.round, []).append(_key(row))
    first, *others = [sorted(map(repr, cells)) for cells in rounds.values()]
    return len(rounds) if all(cells == first for cells in others) else 1


def _key(row: Row) -> Row:
    return replace(row, seconds=1.0, round=0)


def _flops(row: Row) -> float:
    return 2.0 * row.features * row.batch * row.hidden


def _indistinct(rows: Sequence[Row], parameters: int) -> tuple[str, str]:
    names = ", ".join(sorted({row.quantity for row in rows}))
    sizes = {row.size_bytes or _flops(row) or row.batch for row in rows}
    size = f", all at size {sizes.pop():g}" if len(sizes) == 1 else ""
    got = f"{len(rows)} rows of {names}{size}"
    return got, f"sizes that differ, since {parameters} parameters are to be told apart"
