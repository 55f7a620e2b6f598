"""A nominal link's text: every right one is read, every other one names the nearest right form."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nworkers.models.base.errors import InputError
from nworkers.models.base.units import seconds
from nworkers.models.records.nominal_link import WIRE_LATENCY_S, NominalLink, nominal_link

UNITS = {"mbit": 1e6, "gbit": 1e9}
NUMBERS = st.decimals("0.1", "10000", places=3).map(lambda number: f"{number:f}")
LATENCIES = st.tuples(st.integers(0, 999), st.sampled_from(("ns", "us", "ms"))).map(
    lambda parts: f"{parts[0]}{parts[1]}"
)


@given(NUMBERS, st.sampled_from(tuple(UNITS)), st.none() | LATENCIES)
def test_what_is_written_is_read(number: str, unit: str, latency: str | None) -> None:
    text = f"{number}{unit}" + ("" if latency is None else f",{latency}")
    expected_s = WIRE_LATENCY_S if latency is None else seconds(latency)
    assert expected_s is not None
    assert nominal_link(text) == NominalLink(float(number) * UNITS[unit], expected_s)


def test_tcp_carries_94_percent_of_a_nominal_rate() -> None:
    link = nominal_link("10gbit")
    assert link is not None
    assert link.bytes_per_s == pytest.approx(0.94 * 1.25e9, rel=0.002)


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("10gbits", "10gbit"),
        ("10Gbit/s", "10gbit"),
        ("2.5gbps", "2.5gbit"),
        ("300Mbit", "300mbit"),
        ("10g", "10gbit"),
        ("25", "25gbit"),
        ("10gbit,50", "10gbit,50us"),
    ],
)
def test_the_nearest_right_form_is_named(text: str, near: str) -> None:
    with pytest.raises(InputError, match=rf"^link: got {re.escape(text)}; .*mean {near}\?\)$"):
        nominal_link(text)
    assert nominal_link(near) is not None


@pytest.mark.parametrize(
    "text",
    ["0gbit", "0.01mbit", "20000gbit", "10GB", "10GB/s", "10kbit", "10gbit,", "10gbit,2s",
     "10gbit,5h", "10gbit,-1us", "10gbit,x", "10gbit,1us,2us"],
)  # fmt: skip
def test_what_is_no_link_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^link: got .*; allowed: a (rate|latency)"):
        nominal_link(text)


@given(st.text(max_size=30) | st.from_regex(r"[0-9.]{1,6}[a-zA-Z/]{0,6}(,.{0,8})?", fullmatch=True))
def test_any_text_is_a_link_or_none_or_refused(text: str) -> None:
    with suppress(InputError):
        found = nominal_link(text)
        assert found is None or found.bytes_per_s > 0.0


@pytest.mark.parametrize("text", ["", "infiniband", "emulated-1gbit", "loopback-2core", "10.json"])
def test_names_of_profiles_and_files_are_none(text: str) -> None:
    assert nominal_link(text) is None
