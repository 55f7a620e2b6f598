"""Log least squares: sums of positive terms, fitted to residuals in the logarithm.

Every cost model of this package is a sum of coefficient · parameter with positive parameters:
Hockney's α + n/β in (α, 1/β), a product in (overhead, 1/rate), a step in (floor, per sample). At
most one set of its terms counts by its largest alone: a roofline, or a device that small batches
leave unsaturated. One solver serves them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nworkers.models.base.statistics import Floats

#: A parameter whose largest share of any observation is below this is not seen in the data.
SEEN_SHARE = 0.01
#: Standard deviation of a parameter's logarithm above which the data leave it open.
OPEN_LOG_DEVIATION = 0.7
#: Gauss-Newton steps of `solve_many`; most problems take five to ten.
MOST_STEPS = 40
#: It ends when no logarithm moves further than this.
STILL = 1e-7


@dataclass(frozen=True)
class Solution:
    """θ of shape (parameters,) and, for each, whether the data determine it.

    ``scale`` is that of the loss, for further fits of the same data.
    """

    theta: Floats
    identified: tuple[bool, ...]
    scale: float


def evaluate(x: Floats, theta: Floats, largest: Sequence[int] = ()) -> Floats:
    """The model's values, of shape (observations,)."""
    return np.asarray(_parts(x, theta, largest).sum(axis=-1))


def solve(
    x: Floats, y: Floats, start: Floats | None = None, largest: Sequence[int] = ()
) -> Solution:
    """Minimise Σ ρ(log f(θ) − log y) over θ > 0, where f(θ) = Σ xθ.

    ρ is soft_l1 with its scale from the median absolute residual of a first pass, so that a tenth
    of the samples being several times too slow moves latency by less than 1 %. The search is in
    log θ: plain least squares on seconds gives negative latencies.

    Args:
        x: design, shape (observations, parameters), non-negative.
        y: observations, shape (observations,), positive.
        start: a θ to start from; by default non-negative least squares on relative residuals.
        largest: columns of which only the largest term counts in each observation.
    """
    # scipy.optimize takes half a second to import, and predicting needs none of it.
    from scipy.optimize import least_squares, nnls  # noqa: PLC0415

    columns = x.max(axis=0)
    scaled = x / columns
    if start is None:
        start, _ = nnls(scaled / y[:, None], np.ones_like(y))
    else:
        start = start * columns
    low, high = _bounds(y)
    log_y = np.log(y)
    starts = [start]
    if len(largest) > 1:
        # Of a set the largest alone counts: from where none of it does, nothing leads back. In the
        # middle of the observations each could explain all.
        middle = start.copy()
        for column in largest:
            middle[column] = np.median(y) / np.median(scaled[:, column])
        starts.append(middle)

    def residuals(phi: Floats) -> Floats:
        return np.asarray(np.log(evaluate(scaled, np.exp(phi), largest)) - log_y)

    def jacobian(phi: Floats) -> Floats:
        parts = _parts(scaled, np.exp(phi), largest)
        return np.asarray(parts / parts.sum(axis=1, keepdims=True))

    begins = [
        np.clip(np.log(np.maximum(s, 1e-6 * y.min())), low + 1e-9, high - 1e-9) for s in starts
    ]
    first = min(float(np.median(np.abs(residuals(begin)))) for begin in begins)
    scale = max(1.5 * first, 0.01)
    fits = [
        least_squares(
            residuals,
            begin,
            jac=jacobian,
            bounds=(low, high),
            loss="soft_l1",
            f_scale=scale,
            x_scale=1.0,
            max_nfev=60,
        )
        for begin in begins
    ]
    fit = min(fits, key=lambda found: found.cost)
    shares = jacobian(fit.x)
    spread = max(1.4826 * float(np.median(np.abs(residuals(fit.x)))), 0.005)
    information = shares.T @ shares
    deviation = spread * np.sqrt(np.abs(np.diag(np.linalg.pinv(information))))
    seen = (shares.max(axis=0) > SEEN_SHARE) & (deviation < OPEN_LOG_DEVIATION)
    return Solution(np.exp(fit.x) / columns, tuple(bool(s) for s in seen), scale)


def solve_many(
    x: Floats,
    y: Floats,
    weights: Floats,
    start: Floats,
    scale: float,
    largest: Sequence[int] = (),
) -> Floats:
    """Many problems of one design at once: `solve` weighted, for a bootstrap or a search.

    Gauss-Newton steps on iteratively reweighted squares, damped as by Levenberg and Marquardt; all
    problems take them together, in one array.

    Args:
        x: design, shape (observations, parameters).
        y: shape (observations,), or (problems, observations) where each has its own.
        weights: shape (problems, observations); 0 leaves an observation out.
        start: θ to start from, shape (parameters,) or (problems, parameters).
        scale: of the loss, as `Solution.scale`.

    Returns:
        θ of shape (problems, parameters). What a problem's observations do not touch stays where it
        started.
    """
    columns = x.max(axis=0)
    scaled = x / columns
    low, most = _bounds(y)
    # Each problem's own observations bound its terms: a segment of small sizes may be steep.
    reach = np.einsum("dn,np->dnp", weights > 0.0, scaled).max(axis=1)
    high = most - np.log(np.where(reach > 0.0, reach, 1.0))
    count = len(weights)
    phi = np.log(np.broadcast_to(start * columns, (count, x.shape[1])))
    phi = np.clip(phi, low, high)
    log_y = np.log(y)

    def state(phi: Floats) -> tuple[Floats, Floats, Floats]:
        parts = _parts(scaled, np.exp(phi)[:, None, :], largest)
        total = parts.sum(axis=2)
        residuals = np.log(total) - log_y
        root = np.sqrt(1.0 + (residuals / scale) ** 2)
        return (weights * (root - 1.0)).sum(axis=1), residuals, parts / total[:, :, None]

    damping = np.full(count, 1e-4)
    cost, residuals, shares = state(phi)
    for _ in range(MOST_STEPS):
        loss = weights / np.sqrt(1.0 + (residuals / scale) ** 2)
        weighted = shares * loss[:, :, None]
        curvature = weighted.transpose(0, 2, 1) @ shares
        slope = (weighted * residuals[:, :, None]).sum(axis=1)
        diagonal = np.einsum("dpp->dp", curvature)
        # Columns that nothing touches have no curvature; they stay.
        diagonal += damping[:, None] * diagonal + 1e-9
        step = np.linalg.solve(curvature, -slope[:, :, None])[:, :, 0]
        trial = np.clip(phi + np.clip(step, -3.0, 3.0), low, high)
        found = state(trial)
        better = found[0] <= cost
        moved = np.abs(trial - phi).max(axis=1)
        phi = np.where(better[:, None], trial, phi)
        cost = np.where(better, found[0], cost)
        residuals = np.where(better[:, None], found[1], residuals)
        shares = np.where(better[:, None, None], found[2], shares)
        damping = np.clip(np.where(better, damping / 10.0, damping * 10.0), 1e-9, 1e9)
        if (moved < STILL).all():
            break
    return np.asarray(np.exp(phi) / columns)


def _parts(x: Floats, theta: Floats, largest: Sequence[int]) -> Floats:
    """Every term; of those in ``largest`` all but the largest are 0."""
    parts = np.asarray(x * theta)
    if len(largest) > 1:
        chosen = parts[..., list(largest)]
        parts[..., list(largest)] = np.where(
            np.arange(len(largest)) == chosen.argmax(axis=-1)[..., None], chosen, 0.0
        )
    return parts


def _bounds(y: Floats) -> tuple[float, float]:
    """Of the logarithm of each term's largest value."""
    return float(np.log(1e-6 * y.min())), float(np.log(y.max() * 10))
