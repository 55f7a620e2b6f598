from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nworkers.models.base.statistics import interval90, median_interval, outliers, student_inflation


def test_median_interval_covers_at_least_what_it_claims() -> None:
    rng = np.random.default_rng(3)
    n, repetitions = 40, 2000
    covered = 0
    for _ in range(repetitions):
        low, high = median_interval(sorted(rng.exponential(size=n)))
        covered += low <= np.log(2) <= high
    # One-sided binomial test at 1 % against 95 %.
    assert covered >= stats.binom.ppf(0.01, repetitions, 0.95)


def test_median_interval_of_few_samples_is_their_range() -> None:
    assert median_interval([1.0, 2.0, 3.0]) == (1.0, 3.0)
    assert median_interval([7.0]) == (7.0, 7.0)


@pytest.mark.parametrize(("rounds", "t"), [(2, 6.314), (3, 2.920), (5, 2.132), (20, 1.729)])
def test_inflation_is_students_factor(rounds: int, t: float) -> None:
    """Quantiles from Student's table."""
    factor = t / 1.645 * np.sqrt(rounds / (rounds - 1))
    assert student_inflation(rounds) == pytest.approx(factor, rel=0.001)


def test_one_round_cannot_be_inflated() -> None:
    assert student_inflation(1) == 1.0


def test_interval_has_nine_tenths_between() -> None:
    assert interval90(np.arange(101.0), 50.0) == (5.0, 95.0)


def test_outliers_are_flagged_by_place() -> None:
    samples = np.array([1.0, 1.1, 0.9, 1.0, 1.05, 0.95, 1.0, 1.1, 9.0])
    assert outliers(samples) == [8]
    assert outliers(samples[:5]) == []


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=60))
def test_an_interval_is_numpys_to_the_last_digit(values: list[float]) -> None:
    assert interval90(values, float(np.median(values))) == tuple(np.quantile(values, [0.05, 0.95]))
