"""Soaks with a drop that was put there, and without one."""

from __future__ import annotations

import numpy as np
import pytest

from nworkers.models.findings.soak import soak
from nworkers.models.records.calibration import Burst, Cell

SIZE = 2**24


def burst(seconds: list[float], quantity: str = "soak") -> Burst:
    cell = Cell("soak" if quantity == "soak" else "fetch", "ps", SIZE)
    return Burst(cell, 0, 0, 0.1, (), tuple(seconds), (), "time")


def test_a_steady_link_keeps_its_rate() -> None:
    rng = np.random.default_rng(1)
    found = soak([burst([float(s) for s in 0.1 * rng.lognormal(0, 0.1, 600)])])
    assert found is not None
    assert found.dropped_after_s is None
    assert found.first_bytes_per_s == pytest.approx(SIZE / 0.1, rel=0.05)


@pytest.mark.parametrize("after", [50, 300, 520])
def test_a_drop_is_found_where_it_is(after: int) -> None:
    rng = np.random.default_rng(after)
    clean = [0.1] * after + [0.25] * (600 - after)
    noisy = [float(s * f) for s, f in zip(clean, rng.lognormal(0, 0.1, 600), strict=True)]
    found = soak([burst(noisy)])
    assert found is not None
    assert found.dropped_after_s == pytest.approx(0.1 * after, rel=0.1)
    assert found.last_bytes_per_s == pytest.approx(SIZE / 0.25, rel=0.05)


def test_without_a_soak_or_with_hardly_any_samples_nothing_is_said() -> None:
    assert soak([burst([0.1] * 100, "fetch")]) is None
    assert soak([burst([0.1] * 10)]) is None
