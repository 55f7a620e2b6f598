"""The solver against data whose parameters are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nworkers.models.base.statistics import Floats
from nworkers.models.fitting.log_least_squares import evaluate, solve, solve_many

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


@st.composite
def problems(draw: st.DrawFn) -> tuple[Floats, Floats, tuple[int, ...]]:
    """A sum of two to four positive terms, perhaps with a set of which only the largest counts."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    count = draw(st.integers(2, 4))
    largest = draw(st.sampled_from([(), (0, 1)]))
    x = np.exp(rng.uniform(-6, 6, (40, count)))
    theta = np.exp(rng.uniform(-3, 3, count))
    return x, evaluate(x, theta, largest) * np.exp(0.05 * rng.standard_normal(40)), largest


@given(problems())
@settings(deadline=None, max_examples=60)
def test_many_at_once_are_solved_as_one_is(problem: tuple[Floats, Floats, tuple[int, ...]]) -> None:
    """The fast path of the bootstrap is no worse a minimum than the plain one's."""
    x, y, largest = problem
    one = solve(x, y, largest=largest)
    (many,) = solve_many(x, y, np.ones((1, y.size)), one.theta * 1.2, one.scale, largest)

    def cost(theta: Floats) -> float:
        residuals = np.log(evaluate(x, theta, largest) / y)
        return float((np.sqrt(1 + (residuals / one.scale) ** 2) - 1).sum())

    assert cost(many) <= cost(one.theta) * 1.001 + 1e-9
    if all(one.identified) and not largest:
        assert many == pytest.approx(one.theta, rel=1e-3)


def test_weights_leave_observations_out_and_count_others_twice() -> None:
    y = transfers(np.random.default_rng(1))
    best = solve(design(), y)
    spoilt = y.copy()
    spoilt[::3] *= 50
    kept = np.ones(y.size)
    kept[::3] = 0
    weights = np.stack([kept, 2 * kept])
    found = solve_many(design(), spoilt, weights, best.theta, best.scale)
    again = solve(design()[kept > 0], y[kept > 0], best.theta)
    assert found[0] == pytest.approx(found[1], rel=1e-6)
    assert found[0] == pytest.approx(again.theta, rel=0.02)


def test_what_no_observation_touches_stays_where_it_was() -> None:
    x = np.array([[1.0, 0.0], [1.0, 1.0]])
    found = solve_many(x, np.array([2.0, 9.0]), np.array([[1.0, 0.0]]), np.array([1.0, 5.0]), 0.1)
    assert found[0] == pytest.approx([2.0, 5.0], rel=1e-4)


def test_of_a_set_only_the_largest_term_counts() -> None:
    x = np.array([[1.0, 2.0, 3.0], [1.0, 4.0, 1.0]])
    theta = np.array([10.0, 1.0, 1.0])
    assert list(evaluate(x, theta, (1, 2))) == [13.0, 14.0]
    assert list(evaluate(x, theta)) == [15.0, 15.0]
