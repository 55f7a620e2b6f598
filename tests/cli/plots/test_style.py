"""The style: colours that everybody tells apart, on a screen and in grey print, and headings."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest

from nworkers.cli.plots import style
from tests.support.pictures import faults

#: How who lacks a kind of cone sees linear RGB: Machado, Oliveira and Fernandes, "A
#: Physiologically-based Model for Simulation of Color Vision Deficiency" (2009), severity 1.
SEEN = {
    "all": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}  # fmt: skip
#: sRGB to XYZ under D65 (IEC 61966-2-1).
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)  # fmt: skip
#: CIELAB: what nobody confuses side by side is about ten apart; so far apart are all of ours.
APART = 20.0
#: In grey print neighbours differ by so much of white's 100.
LIGHTER = 14.0


def lab(colour: str, sight: Any = SEEN["all"]) -> Any:
    """A colour in CIELAB, as it is seen."""
    coded = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    of_white = XYZ @ np.clip(np.array(sight) @ linear, 0.0, 1.0) / XYZ.sum(axis=1)
    x, y, z = np.where(of_white > 0.008856, np.cbrt(of_white), 7.787 * of_white + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SEEN)
def test_no_two_colours_are_alike_to_anybody(sight: str) -> None:
    seen = {series.colour: lab(series.colour, SEEN[sight]) for series in style.SERIES}
    close = {
        (one, other): float(np.linalg.norm(seen[one] - seen[other]))
        for one, other in combinations(seen, 2)
    }
    assert min(close.values()) > APART, min(close, key=close.__getitem__)


def test_red_and_green_would_not_pass() -> None:
    seen = [lab(colour, SEEN["deutan"]) for colour in ("#c44e52", "#8c8c3c")]
    assert np.linalg.norm(seen[0] - seen[1]) < APART


def test_in_grey_print_neighbours_differ_in_lightness() -> None:
    for one, other in pairwise(style.SERIES):
        assert abs(lab(one.colour)[0] - lab(other.colour)[0]) > LIGHTER, (one, other)
    assert len({series.marker for series in style.SERIES}) == len(style.SERIES)


def test_what_is_predicted_and_what_stands_out_differ_in_grey() -> None:
    predicted, marked, quiet, ink = (
        lab(c)[0] for c in (style.BLUE, style.ORANGE, style.GREY, style.INK)
    )
    assert abs(predicted - marked) > 12
    assert quiet - ink > 40


LONG = "a-workload-of-a-name-without-an-end/" * 9


@pytest.mark.parametrize("size", style.SIZES)
@pytest.mark.parametrize(
    "words", ["2 workers beat one process", f"{LONG} beats {LONG}", "$x_1$ " * 40]
)
def test_a_heading_of_any_length_stays_on_its_sheet(size: str, words: str) -> None:
    figure = style.sheet(style.SIZES[size], words, [words, words])
    figure.subplots().plot([1, 2], [1, 2])
    assert not faults(figure)
    assert figure.get_figwidth() == style.SIZES[size].width_in


@pytest.mark.parametrize(
    ("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")]
)
def test_the_same_picture_is_the_same_file(suffix: str, start: bytes) -> None:
    def made() -> bytes:
        figure = style.sheet(style.SMALL, "a finding")
        figure.subplots().plot([1, 2], [1, 2])
        return style.picture(figure, suffix)

    assert made() == made()
    assert made().startswith(start)


@pytest.mark.parametrize(
    ("low", "high", "room_in", "marks"),
    [
        (0.55, 3.8, 2.2, [1.0, 2.0, 3.0]),
        (0.3, 30.0, 3.0, [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]),
        (1e-4, 1e4, 2.0, [1e-4, 1e-2, 1.0, 1e2, 1e4]),
        (0.95, 1.06, 2.0, [0.96, 1.0]),
    ],
)
def test_marks_are_round_and_do_not_crowd(
    low: float, high: float, room_in: float, marks: list[float]
) -> None:
    assert style.log_marks(low, high, room_in, 0.45) == pytest.approx(marks)
