"""Labels of a chart stand where nothing crosses them."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

from nworkers.cli.report.chart_axes import Points, across, axes_around, level, mark

RISING: Points = [(1, 0.7), (2, 1.3), (4, 2.3), (8, 3.4), (64, 3.7)]
FALLING: Points = [(1, 260.0), (2, 137.0), (4, 77.0), (8, 53.0), (64, 48.0)]


def _label(drawn: str) -> tuple[str, float, float]:
    """Which of its ends is given, and where that is."""
    ((anchor, x, y),) = re.findall(r'text-anchor="(\w+)" x="([\d.]+)" y="([\d.]+)"', drawn)
    return anchor, float(x), float(y)


@pytest.mark.parametrize(
    ("value", "anchor", "above"),
    [
        # The curve ends just above three, and begins just below one.
        (3.0, "start", True),
        (1.0, "end", True),
        # Nothing is above the highest value but the frame.
        (5.0, "end", True),
    ],
)
def test_a_line_across_is_named_where_the_curve_leaves_room(
    value: float, anchor: str, *, above: bool
) -> None:
    axes = axes_around([1, 64], [0.5, 7.0])
    side, _, y = _label(across(axes, value, "3 times one process", [RISING]))
    assert (side, y < axes.y(value)) == (anchor, above)


@pytest.mark.parametrize(("curve", "workers", "value"), [(RISING, 2, 1.3), (FALLING, 4, 77.0)])
def test_a_point_s_label_is_off_its_curve_and_off_lines(
    curve: Points, workers: int, value: float
) -> None:
    axes = axes_around([1, 64], [one for _, one in curve])
    line = 1.0 if curve is RISING else 72.0
    label = "2 workers: 1.31 times"
    side, x, y = _label(mark(axes, workers, value, label, [curve, level(axes, line)]))
    span = (x, x + 8.5 * len(label)) if side == "start" else (x - 8.5 * len(label), x)
    assert abs(axes.y(line) - (y - 5)) >= 12
    ends = [np.array([axes.x(one), axes.y(speed)]) for one, speed in curve]
    for first, second in pairwise(ends):
        for share in np.linspace(0.0, 1.0, 50):
            place = first + share * (second - first)
            assert not span[0] < place[0] < span[1] or abs(place[1] - (y - 5)) >= 11
