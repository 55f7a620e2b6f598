from __future__ import annotations

import pytest

from nworkers.cli.shown import format as fmt


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0123, "12.3 ms"),
        (0.0009996, "1.00 ms"),
        (0.00099949, "999 µs"),
        (1234.0, "1.23 ks"),
        (1e-15, "0.00100 ps"),
        (0.0, "0 s"),
        (-0.5, "-500 ms"),
    ],
)
def test_seconds(value: float, text: str) -> None:
    assert fmt.seconds(value) == text


def test_an_interval_shares_its_values_unit() -> None:
    assert fmt.seconds(0.00123, (0.00098, 0.0014)) == "1.23 ms (0.980–1.40)"
    assert fmt.columns(1.5e9, "B/s", (1e9, 2e9)) == ("1.50", "1.00–2.00", "GB/s")
    assert fmt.quantity(2612.0, "", (2500.0, 2700.0)) == "2.61 k (2.50–2.70)"


def test_ratios_and_counts() -> None:
    assert fmt.times(1.8312, (1.6, 2.0)) == "1.83× (1.60–2.00)"
    assert fmt.percent(0.8149) == "81 %"
    assert fmt.signed_percent(-0.05) == "-5.0 %"
    assert fmt.count(1, "worker") == "1 worker"
    assert fmt.clock(125.4) == "2 min 05 s"
