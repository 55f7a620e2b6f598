"""The picture of a sweep: its title says what was found, its line is where workers break even."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from nworkers.cli.plots import style, sweep_plot
from nworkers.models.findings.sweep_map import sweep_maps
from tests.support.pictures import faults


def row(batch: int, workers: int, speedup: float | None, **more: Any) -> dict[str, Any]:
    inputs = {"batch": batch, "workers": workers, "baseline": "device", **more}
    found = {"error": "no"} if speedup is None else {"speedup": speedup}
    return {"key": "ab", "inputs": inputs, **found}


def drawn(rows: list[dict[str, Any]]) -> Figure:
    figure = sweep_plot.sweep(sweep_maps(rows, []))
    assert style.picture(figure, ".png").startswith(b"\x89PNG")
    return figure


def title(figure: Figure) -> str:
    return " ".join(figure.texts[0].get_text().split())


def lines(figure: Figure) -> set[tuple[tuple[float, float], ...]]:
    """Every piece of the line of break-even, by its ends; the axes count values."""
    found = [c for axes in figure.axes for c in axes.collections if isinstance(c, LineCollection)]
    return {
        tuple((float(x), float(y)) for x, y in piece)
        for collection in found
        for piece in collection.get_segments()
    }


def test_the_line_lies_between_what_loses_and_what_wins() -> None:
    # Twice the workers give half as much again: they break even between 2 and 4.
    rows = [row(b, n, 0.5 * n**0.585 if n <= b else None) for b in (2, 4, 8) for n in (1, 2, 4, 8)]
    figure = drawn(rows)
    assert title(figure) == "3 of 9 jobs beat one process; the best has 1.69× (8 workers, batch 8)"
    # Left of four workers, at the two larger batches; nothing is known below and beside these.
    assert lines(figure) == {((1.5, 0.5), (1.5, 1.5)), ((1.5, 1.5), (1.5, 2.5))}
    (map_axes, _) = figure.axes
    assert "breaks even from batch 4 on, with 4 workers" in " ".join(
        map_axes.get_title(loc="left").split()
    )
    assert len(map_axes.patches) == 3


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
    assert not lines(figure)


def test_many_maps_and_many_values() -> None:
    rows = [
        row(
            2**b,
            2**n,
            1.1**n * 2.0 ** (seed - 4) if n <= b else None,
            seed=seed,
            what_if=["overlap"],
        )
        for seed in range(7)
        for b in range(14)
        for n in range(12)
    ]
    figure = drawn(rows)
    assert not faults(figure)
    assert len([axes for axes in figure.axes if axes.images]) == 7
    for axes in figure.axes[:7]:
        assert len(axes.get_xticks()) <= 10
