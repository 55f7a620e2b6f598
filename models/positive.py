"""Positive linear models, fitted to residuals in the logarithm.

Every cost model of this package is linear in positive parameters: Hockney's α + n/β in (α, 1/β),
a GEMM in (overhead, 1/rate), a step in (floor, per sample). One solver serves them all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scale.models.statistics import Floats

#: A parameter whose largest share of any observation is below this is not seen in the data.
SEEN_SHARE = 0.01
#: Standard deviation of a parameter's logarithm above which the data leave it open.
OPEN_LOG_DEVIATION = 0.7


@dataclass(frozen=True)
class Solution:
    """θ of shape (parameters,) and, for each, whether the data determine it."""

    theta: Floats
    identified: tuple[bool, ...]


def solve(x: Floats, y: Floats, start: Floats | None = None) -> Solution:
    """Minimise Σ ρ(log(xθ) − log y) over θ > 0.

    ρ is soft_l1 with its scale from the median absolute residual of a first pass, so that a tenth
    of the samples being several times too slow moves latency by less than 1 %. The search is in
    log θ: plain least squares on seconds gives negative latencies.

    Args:
        x: design, shape (observations, parameters), non-negative.
        y: observations, shape (observations,), positive.
        start: a θ to start from; by default non-negative least squares on relative residuals.
    """
    # scipy.optimize takes half a second to import, and predicting needs none of it.
    from scipy.optimize import least_squares, nnls  # noqa: PLC0415

    columns = x.max(axis=0)
    scaled = x / columns
    floor = 1e-6 * y.min()
    if start is None:
        start, _ = nnls(scaled / y[:, None], np.ones_like(y))
    else:
        start = start * columns
    low, high = np.log(floor), np.log(y.max() * 10)
    begin = np.clip(np.log(np.maximum(start, floor)), low + 1e-9, high - 1e-9)
    log_y = np.log(y)

    def residuals(phi: Floats) -> Floats:
        return np.asarray(np.log(scaled @ np.exp(phi)) - log_y)

    def jacobian(phi: Floats) -> Floats:
        parts = scaled * np.exp(phi)
        return np.asarray(parts / parts.sum(axis=1, keepdims=True))

    first = float(np.median(np.abs(residuals(begin))))
    scale = max(1.5 * first, 0.01)
    fit = least_squares(
        residuals,
        begin,
        jac=jacobian,
        bounds=(low, high),
        loss="soft_l1",
        f_scale=scale,
        x_scale=1.0,
        max_nfev=60,
    )
    shares = jacobian(fit.x)
    spread = max(1.4826 * float(np.median(np.abs(residuals(fit.x)))), 0.005)
    information = shares.T @ shares
    deviation = spread * np.sqrt(np.abs(np.diag(np.linalg.pinv(information))))
    seen = (shares.max(axis=0) > SEEN_SHARE) & (deviation < OPEN_LOG_DEVIATION)
    return Solution(np.exp(fit.x) / columns, tuple(bool(s) for s in seen))
