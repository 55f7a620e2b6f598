"""What rows do not tell: another pace of loss, and a limit that all workers share."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nworkers.models.tables.throughput.reach import LIMITS_PER_DOUBLING, beyond, reach

DRAWS = 20_000


def drawn(loss: float, doublings: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    losses = np.full((DRAWS, 1), loss)
    return beyond(losses, np.array([doublings]), np.random.default_rng(1))[:, 0]


def test_fitted_rows_stay_as_they_are() -> None:
    assert np.all(drawn(0.1, 0.0) == 0.1)


def test_a_limit_is_met_at_its_rate() -> None:
    """Without any loss, the share of draws that lose is that of limits within two doublings."""
    lost = float((drawn(0.0, 2.0) > 0.0).mean())
    assert lost == pytest.approx(1.0 - math.exp(-2.0 * LIMITS_PER_DOUBLING), abs=0.01)


def test_throughput_never_falls_by_a_limit() -> None:
    """A limit met at once leaves throughput where it was: a loss of ln 2 for each doubling."""
    assert drawn(0.0, 3.0).max() <= 3.0 * math.log(2.0)


def test_a_loss_may_go_on_at_another_pace() -> None:
    low, high = np.quantile(drawn(0.1, 1e-6), [0.05, 0.95])
    assert low < 0.02
    assert high > 0.25


def test_reach_is_where_one_in_twenty_is_half() -> None:
    workers = 64
    far = reach(workers)
    # One of twenty has met its limit by the doublings less one.
    doublings = math.log2(far / workers)
    assert 1.0 - math.exp(-LIMITS_PER_DOUBLING * (doublings - 1.0)) == pytest.approx(0.05, abs=0.01)
