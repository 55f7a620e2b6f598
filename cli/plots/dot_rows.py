"""Dot rows: named values with their intervals, one below the other, each said at its right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nworkers.cli.plots.style import BLUE, INK, ORANGE, Size, name, times_ticks, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nworkers.models.records.prediction import Interval

#: Inches of a row's first line, of each further one, and of the axis below all.
_ROW_IN, _LINE_IN, AXIS_IN = 0.36, 0.17, 0.75
_POINTS = 9.5
_MARGIN = 1.1


@dataclass(frozen=True)
class DotRow:
    """A value under its name; what stands out is marked."""

    name: str
    value: float
    interval: Interval
    said: str
    marked: bool = False


def heights(rows: Sequence[DotRow], size: Size) -> list[float]:
    """Inches that each row takes."""
    return [_ROW_IN + _LINE_IN * (len(_lines(row, size)) - 1) for row in rows]


def draw(axes: Axes, rows: Sequence[DotRow], size: Size, even: float) -> None:
    """All rows, the first on top.

    Args:
        even: the value that changes nothing, a line through all rows.
    """
    room = heights(rows, size)
    places = [-(sum(room[:k]) + room[k] / 2) for k in range(len(rows))]
    axes.axvline(even, color=INK, lw=1.0)
    for place, row in zip(places, rows, strict=True):
        colour = ORANGE if row.marked else BLUE
        axes.plot(row.interval, [place, place], color=colour, lw=4.5, alpha=0.35)
        axes.plot([row.value], [place], color=colour, marker="D" if row.marked else "o", ms=7)
        axes.text(
            1.015, place, row.said, transform=axes.get_yaxis_transform(),
            va="center", fontsize=_POINTS, weight="bold" if row.marked else "normal",
        )  # fmt: skip
    axes.set_yticks(places, ["\n".join(_lines(row, size)) for row in rows], fontsize=_POINTS)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-sum(room), 0.0)
    axes.grid(axis="x")


def draw_ratios(axes: Axes, rows: Sequence[DotRow], size: Size, label: str) -> None:
    """Rows of ratios, on a logarithmic axis beside 1."""
    draw(axes, rows, size, 1.0)
    ends = [end for row in rows for end in (*row.interval, row.value, 1.0)]
    low, high = min(ends) / _MARGIN, max(ends) * _MARGIN
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    times_ticks(axes.xaxis, low, high, 0.45 * size.width_in, 0.55)
    axes.set_xlabel(label)


def _lines(row: DotRow, size: Size) -> list[str]:
    return wrapped(name(row.name), 0.34 * size.width_in, _POINTS)
