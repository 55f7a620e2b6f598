"""The solver against data whose parameters are known."""

from __future__ import annotations

import numpy as np
import pytest

from scale.models.positive import solve
from scale.models.statistics import Floats

SIZES = np.geomspace(1, 2**30, 31)
ALPHA_S, BANDWIDTH = 60e-6, 1.2e9


def transfers(rng: np.random.Generator, outlier_share: float = 0.0) -> Floats:
    seconds = (ALPHA_S + SIZES / BANDWIDTH) * np.exp(0.03 * rng.standard_normal(SIZES.size))
    slow = rng.random(SIZES.size) < outlier_share
    return np.where(slow, seconds * rng.uniform(2, 6, SIZES.size), seconds)


def design() -> Floats:
    return np.column_stack([np.ones_like(SIZES), SIZES])


def test_exact_data_give_exact_parameters() -> None:
    solution = solve(design(), ALPHA_S + SIZES / BANDWIDTH)
    assert solution.theta == pytest.approx([ALPHA_S, 1 / BANDWIDTH], rel=1e-6)
    assert solution.identified == (True, True)


@pytest.mark.parametrize("outlier_share", [0.0, 0.1])
def test_latency_is_found_over_nine_decades(outlier_share: float) -> None:
    """Plain least squares on seconds is off by 563 % in the median here (facts of the project)."""
    rng = np.random.default_rng(5)
    errors = []
    for _ in range(100):
        theta = solve(design(), transfers(rng, outlier_share)).theta
        errors.append(np.abs(theta * [1 / ALPHA_S, BANDWIDTH] - 1))
    assert np.median(errors, axis=0)[0] < 0.015
    assert np.median(errors, axis=0)[1] < 0.015


def test_a_parameter_that_the_data_leave_open_is_marked() -> None:
    """Sizes so small that the bandwidth adds nothing to the time."""
    sizes = np.linspace(1, 64, 20)
    x = np.column_stack([np.ones_like(sizes), sizes])
    rng = np.random.default_rng(1)
    y = (ALPHA_S + sizes / BANDWIDTH) * np.exp(0.03 * rng.standard_normal(20))
    assert solve(x, y).identified == (True, False)


def test_all_points_at_one_size_leave_one_of_two_open() -> None:
    x = np.column_stack([np.ones(10), np.full(10, 1e6)])
    rng = np.random.default_rng(1)
    y = 1e-3 * np.exp(0.03 * rng.standard_normal(10))
    assert not all(solve(x, y).identified)
