"""Curve SVG: speed-up over workers as inline SVG, on axes that several curves share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from nworkers.cli.report.chart_axes import (
    BOTTOM,
    HEIGHT,
    ChartAxes,
    Points,
    across,
    axes_around,
    band,
    grid,
    level,
    line,
    mark,
    svg,
)
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.models.records.prediction import BreakEven, Prediction

#: Of the ideal's line less than this is a stroke that says nothing.
_STUB = 120


def axes_of(curves: Iterable[Sequence[Prediction]], goal: float = 1.0) -> ChartAxes:
    """Axes that hold all rows with their intervals, and the goal."""
    rows = [row for curve in curves for row in curve]
    ends = [end for row in rows for end in row.speedup_interval]
    return axes_around((row.scenario.workers for row in rows), [goal, *ends])


def curve_svg(name: str, curve: BreakEven, axes: ChartAxes, *, moves: bool = False) -> str:
    """The curve with its interval; one that moves has today's behind it.

    Args:
        name: of the picture in its page.
    """
    rows, goal = curve.rows, curve.target_speedup
    points = [(row.scenario.workers, row.speedup) for row in rows]
    ideal = [(1, 1.0), (axes.most, float(axes.most))]
    through = line(axes, points)
    spans = [(row.scenario.workers, row.speedup_interval) for row in rows]
    base = headline.baseline(rows[0])
    parts = [
        *grid(axes, lambda value: f"{value:g}×"),
        _ideal(axes),
        across(axes, goal, base if goal == 1.0 else f"{goal:g} times {base}", [points, ideal]),
        band(axes, spans, "moved-band" if moves else ""),
    ]
    if moves:
        parts.append(f'<path class="today" d="{through}"/>')
    moved = ' id="moved"' if moves else ""
    parts.append(f'<path class="curve"{moved} d="{through}"/>')
    if not moves:
        parts += [_first(curve, axes), _mark(curve, axes, [points, ideal, level(axes, goal)])]
    return svg(name, "Speed-up over workers", _described(rows), parts)


def _described(rows: Sequence[Prediction]) -> str:
    """The curve in words, for who does not see it."""
    ends = (rows[0], rows[-1])
    shown = [row for row in rows if row in ends or _is_power(row.scenario.workers)]
    return "; ".join(map(headline.in_short, shown))


def _is_power(number: int) -> bool:
    return number & (number - 1) == 0


def _first(curve: BreakEven, axes: ChartAxes) -> str:
    """The interval of the first number that wins, on the axis."""
    low, high = curve.breakeven_workers_interval
    if curve.breakeven_workers is None or low is None:
        return ""
    ends = axes.x(low), axes.x(high if high is not None else axes.most)
    y = HEIGHT - BOTTOM
    return f'<line class="first" x1="{ends[0]}" x2="{ends[1]}" y1="{y}" y2="{y}"/>'


def _mark(curve: BreakEven, axes: ChartAxes, drawn: Sequence[Points]) -> str:
    """The first number that wins, or the best where none does."""
    first = curve.breakeven_workers
    best = max(curve.rows, key=lambda row: row.speedup)
    row = next((row for row in curve.rows if row.scenario.workers == first), best)
    workers = row.scenario.workers
    label = f"{fmt.count(workers, 'worker')}: {fmt.digits(row.speedup)} times"
    return mark(axes, workers, row.speedup, label, drawn)


def _ideal(axes: ChartAxes) -> str:
    """N workers N times as fast, as far as the axes reach."""
    top = min(float(axes.most), axes.high)
    if top <= max(1.0, axes.low):
        return ""
    start = (axes.x(1), axes.y(1.0))
    end = (axes.x(top), axes.y(top))
    if end[0] - start[0] < _STUB:
        return ""
    angle = math.degrees(math.atan2(end[1] - start[1], end[0] - start[0]))
    at = (start[0] + 0.75 * (end[0] - start[0]), start[1] + 0.75 * (end[1] - start[1]) - 7)
    return (
        f'<path class="ideal" d="M{start[0]} {start[1]}L{end[0]} {end[1]}"/>'
        f'<text class="ideal-label" text-anchor="middle" x="{at[0]:.1f}" y="{at[1]:.1f}" '
        f'transform="rotate({angle:.1f} {at[0]:.1f} {at[1]:.1f})">ideal</text>'
    )
