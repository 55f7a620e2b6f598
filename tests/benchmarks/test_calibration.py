"""The pure parts of what measures docs/calibration-checks.md."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.calibration.silence import silent_s
from benchmarks.calibration.statistics import (
    Run,
    binomial_p,
    expected_coverage,
    slope,
    spread,
)
from benchmarks.page import with_section


def test_a_binomial_test_of_counts_worked_out_by_hand() -> None:
    assert binomial_p(3, 3, 0.5) == pytest.approx(2 / 8)
    assert binomial_p(0, 20, 0.9) == pytest.approx(1e-20)
    # P(20) = 0.9^20 = 0.1216, and the counts from 0 to 16, no likelier, 0.1330.
    assert binomial_p(20, 20, 0.9) == pytest.approx(0.1216 + 0.1330, abs=2e-4)
    assert binomial_p(18, 20, 0.9) == pytest.approx(1.0)


def test_a_perfect_interval_holds_one_other_run_three_times_in_four() -> None:
    assert expected_coverage(2) == pytest.approx(0.755, abs=0.001)
    assert expected_coverage(20) == pytest.approx(0.891, abs=0.001)
    assert expected_coverage(10**6) == pytest.approx(0.9, abs=1e-4)


def runs(deviation: float, claimed: float, count: int = 2000) -> list[Run]:
    logs = deviation * np.random.default_rng(1).standard_normal(count)
    half = 1.645 * claimed
    return [Run(*(float(np.exp(v)) for v in (x, x - half, x + half))) for x in logs]


def test_perfect_intervals_pass_and_narrow_ones_do_not() -> None:
    perfect = spread(runs(0.1, claimed=0.1)[:200])
    assert perfect.kept
    assert perfect.half_width == pytest.approx(0.1645)
    narrow = spread(runs(0.1, claimed=0.03)[:200])
    assert not narrow.kept
    assert narrow.covered < 120


def test_a_spread_is_of_the_logarithm() -> None:
    found = spread([Run(1, 0.5, 2.1), Run(2, 1, 4), Run(4, 3.9, 4.1)])
    assert found.mean == pytest.approx(2)
    assert found.log_deviation == pytest.approx(np.log(2))
    assert found.largest_over_smallest == pytest.approx(4)
    # The others' means are √8, 2 and √2.
    assert found.covered == 1


def test_a_slope_is_of_the_line_through_all_points() -> None:
    assert slope([0, 4, 10, 20], [1, 9, 21, 41]) == pytest.approx(2)


def test_a_section_is_replaced_where_it_stands() -> None:
    page = with_section("# Title\n", "one", "One", "first")
    page = with_section(page, "two", "Two", "other")
    page = with_section(page, "one", "One", r"second \1")
    assert page.count("figures: one") == 1
    assert "first" not in page
    assert page.index(r"second \1") < page.index("other")


def test_a_late_look_is_no_silence() -> None:
    """Bytes came in the 9 ms between two looks; the counter stood for 3 ms after them."""
    assert silent_s([(0, 0), (0.009, 5), (0.010, 5), (0.012, 5), (0.013, 9)]) == pytest.approx(
        0.003
    )
    assert silent_s([(0, 0), (0.0002, 5), (0.0004, 5), (0.0006, 9)]) == 0
