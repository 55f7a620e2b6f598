"""The usual laws find their own parameters again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nworkers.models.tables.formats.csv_throughput import ScalingRow
from nworkers.models.tables.throughput.laws import (
    Paleo,
    ScalingLaw,
    amdahl,
    paleo,
    paleo_bytes,
    universal,
)


def rows_of(law: ScalingLaw, counts: tuple[int, ...]) -> list[ScalingRow]:
    return [ScalingRow("m", "ps-sync", 32, n, law.samples_per_s(n), 1) for n in counts]


@settings(deadline=None, max_examples=50)
@given(
    st.floats(1e-2, 1e5),
    st.floats(1e-4, 0.5),
    st.sampled_from([(1, 2, 4), (1, 3, 10, 30), (2, 8, 64), (1, 2)]),
)
def test_amdahl(rate: float, serial: float, counts: tuple[int, ...]) -> None:
    found = amdahl(rows_of(ScalingLaw(rate, serial), counts))
    assert found is not None
    assert found.rate_per_s == pytest.approx(rate, rel=1e-3)
    assert found.contention == pytest.approx(serial, rel=1e-2, abs=1e-5)


@settings(deadline=None, max_examples=50)
@given(st.floats(1e-2, 1e5), st.floats(1e-3, 0.3), st.floats(1e-4, 1e-2))
def test_universal_scalability(rate: float, contention: float, coherency: float) -> None:
    law = ScalingLaw(rate, contention, coherency)
    found = universal(rows_of(law, (1, 2, 4, 8, 16, 32)))
    assert found is not None
    for workers in (1, 3, 30, 100):
        assert found.samples_per_s(workers) == pytest.approx(law.samples_per_s(workers), rel=1e-3)


def test_paleo_pools_the_models_of_a_system() -> None:
    sizes = {"a": 100_000_000, "b": 10_000_000}
    truth = Paleo({("a", 32): 0.5, ("b", 32): 0.1}, 1e9)
    shape = [
        ScalingRow(model, strategy, 32, workers, 1.0, ps)
        for model in sizes
        for strategy in ("ps-sync", "allreduce")
        for workers, ps in ((1, 1), (4, 1), (16, 4))
    ]
    rows = []
    for row in shape:
        rate = truth.samples_per_s(row, sizes[row.model])
        assert rate is not None
        rows.append(
            ScalingRow(row.model, row.strategy, 32, row.workers, rate, row.ps)  # as it would run
        )
    found = paleo(rows, sizes)
    assert found is not None
    assert found.bandwidth_bytes_per_s == pytest.approx(1e9, rel=1e-4)
    assert found.compute_s[("b", 32)] == pytest.approx(0.1, rel=1e-4)
    assert found.samples_per_s(ScalingRow("c", "ps-sync", 1, 1, 1.0), 1) is None


def test_bytes_of_a_step() -> None:
    """8 workers fetch and push 1 kB each, spread over 2 servers; a ring sends 2·7/8 of it."""
    assert paleo_bytes(ScalingRow("m", "ps-sync", 1, 8, 1.0, 2), 1000) == 8000
    assert paleo_bytes(ScalingRow("m", "allreduce", 1, 8, 1.0), 1000) == 1750
    assert paleo_bytes(ScalingRow("m", "ps-sync", 1, 1, 1.0, 1), 1000) == 0


def test_too_few_rows_have_no_curve() -> None:
    law = ScalingLaw(10.0, 0.1)
    assert amdahl(rows_of(law, (4,))) is None
    assert universal(rows_of(law, (1, 4))) is None
    assert paleo(rows_of(law, (1,)), {"m": 1}) is None


def test_a_speed_up_beyond_the_workers_is_no_negative_contention() -> None:
    rows = [ScalingRow("m", "ps-sync", 32, n, rate, 1) for n, rate in ((1, 10), (2, 21), (4, 44))]
    for found in (amdahl(rows), universal(rows)):
        assert found is not None
        assert found.contention >= 0
        assert found.coherency >= 0
