from __future__ import annotations

import math
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nworkers.models.fitting.precision import centre_interval, precision, quantile, widest
from nworkers.models.records.calibration import Burst, Cell

FETCH = Cell("fetch", "ps", 4)
GEMM = Cell("gemm", "process", features=8, batch=8, hidden=8)


def burst(cell: Cell, number: int, *samples_s: float, worker: int = 0) -> Burst:
    return Burst(cell, number, worker, 0.01, (), samples_s, (0,), "time")


def rounds_of(cell: Cell, *medians_s: float) -> list[Burst]:
    return [burst(cell, k, 0.5 * m, m, 2 * m) for k, m in enumerate(medians_s)]


def test_the_interval_is_students_t_on_logarithms() -> None:
    medians = (1.0, 1.1, 1.2, 0.9, 1.05)
    low, high = centre_interval(medians) or (0.0, 0.0)
    logs = np.log(medians)
    expected = stats.t.interval(0.95, 4, loc=logs.mean(), scale=stats.sem(logs))
    assert (math.log(low), math.log(high)) == pytest.approx(expected)
    (found,) = precision(rounds_of(FETCH, *medians))
    assert found.median_s == 1.05
    assert found.interval_s == (low, high)
    assert found.half_width == pytest.approx(math.sinh((expected[1] - expected[0]) / 2))
    assert (found.rounds, found.samples, found.outliers) == (5, 15, 5)
    assert found.stops == ("time",) * 5


def test_one_round_tells_nothing_about_rounds() -> None:
    (found,) = precision(rounds_of(FETCH, 1.0))
    assert found.half_width is None
    assert found.interval_s is None
    assert not found.reached


def test_targets_differ_by_path_and_the_furthest_off_comes_first() -> None:
    wobble = (1.0, 1.03, 0.97, 1.0, 1.0)
    cells = precision([*rounds_of(FETCH, *wobble), *rounds_of(GEMM, *wobble)])
    assert [(c.cell, c.target, c.reached) for c in cells] == [
        (FETCH, 0.05, True),
        (GEMM, 0.02, False),
    ]
    once = precision(rounds_of(Cell("push", "ps", 4), 1.0))
    assert [c.cell.quantity for c in widest((*cells, *once))] == ["push", "gemm"]
    assert [c.cell.quantity for c in widest((*cells, *once), ["gemm", "fetch"])] == ["gemm"]


def test_workers_together_are_pooled_and_workers_in_turn_are_not() -> None:
    together = Cell("fetch", "ps", 4, workers=2)
    (pooled,) = precision([burst(together, 0, 1.0), burst(together, 0, 3.0, worker=1)])
    assert (pooled.median_s, pooled.samples, pooled.rounds) == (2.0, 2, 1)
    (first,) = precision([burst(FETCH, 0, 1.0), burst(FETCH, 0, 3.0, worker=1)])
    assert (first.median_s, first.samples) == (1.0, 1)


@pytest.mark.parametrize(("p", "fewest"), [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368)])
def test_a_two_sided_interval_needs_so_many_samples(p: float, fewest: int) -> None:
    assert next(n for n in count(1) if quantile(np.arange(float(n)), p)) == fewest


@pytest.mark.parametrize(
    ("n", "p"), [(6, 0.5), (100, 0.5), (100, 0.9), (1000, 0.99), (25_000, 0.5)]
)
def test_ranks_are_the_tightest_with_a_fortieth_beyond_either_end(n: int, p: float) -> None:
    found = quantile(np.arange(1.0, n + 1), p)  # a sample's value is its rank
    assert found is not None
    low, high = found.interval_s
    below = stats.binom(n, p)
    # The quantile lies below rank l when fewer than l samples do.
    assert below.cdf(low - 1) <= 0.025 < below.cdf(low)
    assert below.sf(high - 1) <= 0.025 < below.sf(high - 2)
    assert low <= found.value_s <= high


def test_intervals_of_percentiles_cover() -> None:
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        found = quantile(np.sort(rng.exponential(size=200)), 0.9)
        assert found is not None
        held += found.interval_s[0] <= math.log(10) <= found.interval_s[1]
    assert stats.binomtest(held, 400, 0.95, alternative="less").pvalue > 1e-3


times = st.floats(1e-6, 1e3)


@settings(deadline=None)
@given(st.lists(times, min_size=2, max_size=12), st.floats(1e-3, 1e3))
def test_precision_has_no_unit(medians: list[float], factor: float) -> None:
    (plain,) = precision(rounds_of(FETCH, *medians))
    (scaled,) = precision(rounds_of(FETCH, *(factor * m for m in medians)))
    assert plain.half_width is not None
    assert plain.half_width >= 0
    assert scaled.half_width == pytest.approx(plain.half_width, rel=1e-6, abs=1e-9)
    assert scaled.median_s == pytest.approx(factor * plain.median_s)


@settings(deadline=None)
@given(st.lists(times, min_size=368, max_size=400))
def test_percentiles_rise_and_lie_in_their_intervals(samples: list[float]) -> None:
    (found,) = precision([burst(FETCH, 0, *samples)])
    values = [q.value_s for q in found.quantiles if q]
    assert len(values) == 4
    assert values == sorted(values)
    assert all(q.interval_s[0] <= q.value_s <= q.interval_s[1] for q in found.quantiles if q)
