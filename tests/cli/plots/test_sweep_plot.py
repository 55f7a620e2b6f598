"""The picture of a sweep: its title says what was found, its line is where workers break even."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nworkers.cli.plots import style, sweep_plot
from nworkers.models.findings.sweep_map import sweep_maps
from tests.support.pictures import faults


def row(batch: int, workers: int, speedup: float | None, **more: Any) -> dict[str, Any]:
    """As it is swept: with an interval about its speed-up."""
    inputs = {"batch": batch, "workers": workers, "baseline": "device", **more}
    if speedup is None:
        return {"key": "ab", "inputs": inputs, "error": "no"}
    ends = [speedup / 1.6, speedup * 1.6]
    return {"key": "ab", "inputs": inputs, "speedup": speedup, "speedup_interval": ends}


def drawn(rows: list[dict[str, Any]], size: style.Size = style.LARGE) -> Figure:
    figure = sweep_plot.sweep(sweep_maps(rows, []), size)
    assert style.picture(figure, ".png").startswith(b"\x89PNG")
    return figure


def title(figure: Figure) -> str:
    return " ".join(figure.texts[0].get_text().split())


def even(axes: Axes, width: float = 2.4) -> Any:
    """Corners of the line of break-even, or of its interval's ends, as workers and batch."""
    found = [
        path.vertices
        for lines in axes.collections
        if isinstance(lines, ContourSet) and not lines.filled and list(lines.levels) == [0.0]
        for path in lines.get_paths()
        if lines.get_linewidth() == [width]
    ]
    return 2.0 ** np.concatenate(found) if found else np.empty((0, 2))


def grounds(axes: Axes) -> list[ContourSet]:
    return [one for one in axes.collections if isinstance(one, ContourSet) and one.filled]


#: Twice the workers give half as much again as their square root, whatever the batch.
POWERS = [row(b, n, 0.5 * n**0.5) for b in (2, 4, 8) for n in (1, 2, 8, 16)]


def test_the_line_lies_where_a_power_law_breaks_even() -> None:
    axes = drawn(POWERS).axes[0]
    # Straight in the logarithms: 0.5 · √n is 1 with 4 workers, which nobody asked about.
    assert even(axes)[:, 0] == pytest.approx(4.0)
    assert (even(axes)[:, 1].min(), even(axes)[:, 1].max()) == pytest.approx((2.0, 8.0))


def test_the_ends_of_its_interval_are_dashed() -> None:
    rows = [row(b, n, 0.25 * n) for b in (2, 8) for n in (1, 2, 4, 8, 32)]
    # As much above and below four workers.
    assert sorted({round(float(x), 6) for x, _ in even(drawn(rows).axes[0], 1.2)}) == [2.5, 6.4]
    unsure = [{k: v for k, v in one.items() if k != "speedup_interval"} for one in rows]
    assert not len(even(drawn(unsure).axes[0], 1.2))


def test_what_is_impossible_is_hatched_up_to_its_neighbours() -> None:
    rows = [row(b, n, 0.5 * n**0.585 if n <= b else None) for b in (2, 4, 8) for n in (1, 2, 4, 8)]
    figure = drawn(rows)
    assert title(figure) == "3 of 9 jobs beat one process; the best has 1.69× (8 workers, batch 8)"
    axes, _ = figure.axes
    assert "breaks even from batch 4 on, with 4 workers" in " ".join(
        axes.get_title(loc="left").split()
    )
    boxes = [patch.get_bbox() for patch in axes.patches if isinstance(patch, Rectangle)]
    assert all(patch.get_hatch() for patch in axes.patches)
    hatched = {(2.0**box.x0, 2.0**box.y0, 2.0**box.x1, 2.0**box.y1) for box in boxes}
    assert hatched == {(2, 2, 4, 4), (4, 2, 8, 4), (4, 4, 8, 8)}
    # The best is marked where it is.
    (mark,) = (line for line in axes.lines if line.get_marker() == "D")
    assert 2.0 ** np.array(mark.get_xydata()) == pytest.approx(np.array([[8.0, 8.0]]))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([row(4, 1, 0.5), row(4, 2, 0.9)], "No job of 2 beats one process; the best has 0.900×"),
        ([row(4, 8, None)], "No job of these is possible"),
        ([row(4, 1, 2.0)], "1 of 1 jobs beat one process; the best has 2.00× (1 worker, batch 4)"),
        (
            [row(4, 2, 2.0, seed=1), row(4, 2, 3.0, seed=2)],
            "2 of 2 jobs beat one process; the best has 3.00× (2 workers, batch 4, seed 2)",
        ),
        (
            [row(4, 2, 2.0), row(4, 2, 3.0, baseline="host")],
            "2 of 2 jobs beat the baseline; the best has 3.00× (2 workers, batch 4, baseline host)",
        ),
    ],
)
def test_titles(rows: list[dict[str, Any]], says: str) -> None:
    figure = drawn(rows)
    assert title(figure).startswith(says)
    assert not any(len(even(axes)) for axes in figure.axes)


#: What is swept over, and how many maps that makes.
SHAPES: dict[str, tuple[list[dict[str, Any]], int]] = {
    "map": (POWERS, 1),
    "strip": ([row(64, n, 0.3 * n**0.8) for n in (1, 2, 4, 8, 16, 100, 1000)], 1),
    "column": ([row(b, 8, 0.01 * b**0.8) for b in (32, 64, 512, 1024)], 1),
    "many": (
        [
            row(2**b, 2**n, 1.1**n * 2.0 ** (seed - 4) if n <= b else None, seed=seed)
            for seed in range(5)
            for b in range(14)
            for n in range(12)
        ],
        5,
    ),
    "long names": ([row(b, n, b * n / 9, link="x" * 300) for b in (1, 2) for n in (2, 4)], 1),
}


@pytest.mark.parametrize("size", style.SIZES)
@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_hidden(shape: str, size: str) -> None:
    rows, count = SHAPES[shape]
    figure = drawn(rows, style.SIZES[size])
    assert not faults(figure)
    assert sum(bool(grounds(axes)) for axes in figure.axes) == count
    for axes in figure.axes[:count]:
        low, high = axes.get_xlim()
        assert all(low <= tick <= high for tick in axes.get_xticks())


def test_words_are_read_on_every_colour() -> None:
    def luminance(colour: str) -> float:
        """WCAG 2.2's relative luminance."""
        coded = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
        linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    ink = luminance(style.INK) + 0.05
    for share in np.linspace(0.0, 1.0, 13):
        ground = luminance(to_hex(sweep_plot.COLOURS(share))) + 0.05
        assert ground / ink > 4.5
