"""What varies, and about which time: bytes apart from requests, and stated times as stated."""

from __future__ import annotations

import numpy as np
import pytest

from nworkers.models.fitting.residual_noise import residual_noise
from nworkers.models.fitting.round_spread import CELL_LOG_SPREAD, ROUND_PER_CELL, RoundSpread
from nworkers.models.records.calibration import Burst, Cell
from nworkers.models.records.profile import Noise
from nworkers.simulator.step.noise import mean_factor, of_compute

NOISE = Noise(
    within={"compute": (0.8, 1.0, 1.5), "fetch": (0.9, 1.1)},
    between=({"compute": 1.2, "fetch": 0.9}, {"compute": 0.8, "fetch": 1.0}),
    autocorrelation={},
)


def burst(cell: Cell, k: int, samples_s: tuple[float, ...]) -> Burst:
    return Burst(cell, k, 0, samples_s[0], samples_s[:1], samples_s, (), "samples")


SPREAD = RoundSpread(ROUND_PER_CELL * CELL_LOG_SPREAD, CELL_LOG_SPREAD)
PRODUCT = burst(Cell("gemm", "process", features=8, batch=8, hidden=8), 0, (1.0, 1.0, 1.0))


def test_what_was_measured_about_its_median_stays() -> None:
    assert of_compute(NOISE, "about median") is NOISE


def test_a_stated_mean_is_the_mean() -> None:
    found = of_compute(NOISE, "about mean")
    assert mean_factor(found, "compute") == pytest.approx(1.0)
    assert found.within["compute"][2] / found.within["compute"][0] == pytest.approx(1.5 / 0.8)
    assert [of["compute"] for of in found.between] == [1.2, 0.8]


def test_a_bare_cost_does_not_vary() -> None:
    found = of_compute(NOISE, "none")
    assert found.within["compute"] == (1.0,)
    assert all(of["compute"] == 1.0 for of in found.between)
    assert found.within["fetch"] == NOISE.within["fetch"]
    assert [of["fetch"] for of in found.between] == [0.9, 1.0]


def test_bytes_vary_by_themselves() -> None:
    """A request's tenths of milliseconds do not grow with the transfer that follows it."""
    rng = np.random.default_rng(1)
    requests_s = 1e-3 * np.exp(0.3 * rng.standard_normal((3, 400)))
    moved_s = 0.1 * np.exp(0.03 * rng.standard_normal((3, 400)))
    bursts = [
        burst(cell, k, tuple(map(float, times[k])))
        for cell, times in (
            (Cell("fetch", "ps", 4), requests_s),
            (Cell("fetch", "ps", 2**20), moved_s),
        )
        for k in range(3)
    ]
    found = residual_noise([*bursts, PRODUCT], [0, 1, 2], SPREAD)
    assert np.std(np.log(found.within["fetch"])) == pytest.approx(0.3, rel=0.15)
    assert np.std(np.log(found.within["fetch_transfer"])) == pytest.approx(0.03, rel=0.15)


def test_without_large_transfers_requests_stand_for_them() -> None:
    bursts = [burst(Cell("fetch", "ps", 4), 0, (0.9, 1.0, 1.1)), PRODUCT]
    found = residual_noise(bursts, [0], SPREAD)
    assert "fetch_transfer" not in found.within
    assert mean_factor(found, "fetch_transfer") == mean_factor(found, "fetch")
