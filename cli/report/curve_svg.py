"""Curve SVG: speed-up over workers as inline SVG, on axes that several curves share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nworkers.cli.report.markup import text
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.models.records.prediction import BreakEven, Prediction

WIDTH, HEIGHT = 560, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 16, 16, 48
#: A label is set left of its point where less than this is right of it.
_LABEL_WIDTH = 190
#: And where the goal's line is not within this of its middle.
_LABEL_HEIGHT = 12
#: Ticks are no nearer to each other than this, or their numbers would touch.
_APART = 26.0
#: Beyond what the rows reach, as a factor.
_MARGIN = 1.25


@dataclass(frozen=True)
class CurveAxes:
    """Both axes are logarithmic, so that ideal is a line: N workers are N times as fast."""

    most: int
    low: float
    high: float

    def x(self, workers: float) -> float:
        """Pixels from the left."""
        share = math.log(workers) / math.log(max(self.most, 2))
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * share, 2)

    def y(self, speedup: float) -> float:
        """Pixels from the top; what is below the axes ends at them."""
        share = math.log(max(speedup, self.low) / self.low) / math.log(self.high / self.low)
        return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * min(share, 1.0), 2)


def axes_of(curves: Iterable[Sequence[Prediction]], goal: float = 1.0) -> CurveAxes:
    """Axes that hold all rows with their intervals, and the goal."""
    rows = [row for curve in curves for row in curve]
    low = min(goal, *(row.speedup_interval[0] for row in rows))
    high = max(goal, *(row.speedup_interval[1] for row in rows))
    most = max(row.scenario.workers for row in rows)
    return CurveAxes(most, max(low, 1e-6) / _MARGIN, high * _MARGIN)


def curve_svg(name: str, curve: BreakEven, axes: CurveAxes, *, moves: bool = False) -> str:
    """The curve with its interval; one that moves has today's behind it.

    Args:
        name: of the picture in its page.
    """
    rows, goal = curve.rows, curve.target_speedup
    parts = [
        *_grid(axes),
        _ideal(axes),
        f'<line class="goal" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{axes.y(goal)}" '
        f'y2="{axes.y(goal)}"/>',
        _band(rows, axes, "moved-band" if moves else ""),
    ]
    if moves:
        parts.append(f'<path class="today" d="{_line(rows, axes)}"/>')
    moved = ' id="moved"' if moves else ""
    parts.append(f'<path class="curve"{moved} d="{_line(rows, axes)}"/>')
    base = headline.baseline(rows[0])
    label = base if goal == 1.0 else f"{goal:g} times {base}"
    parts.append(_words(WIDTH - _RIGHT - 4, axes.y(goal) - 6, label, "end", "goal-label"))
    if not moves:
        parts += _mark(curve, axes)
    return (
        f'<svg role="img" aria-labelledby="{name}-t {name}-d" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<title id="{name}-t">Speed-up over workers</title>'
        f'<desc id="{name}-d">{text(_described(rows))}</desc>{"".join(parts)}</svg>'
    )


def _described(rows: Sequence[Prediction]) -> str:
    """The curve in words, for who does not see it."""
    shown = [rows[0], *(row for row in rows[1:-1] if _is_power(row.scenario.workers)), rows[-1]]
    return "; ".join(headline.in_short(row) for row in shown)


def _is_power(number: int) -> bool:
    return number & (number - 1) == 0


def _mark(curve: BreakEven, axes: CurveAxes) -> Iterator[str]:
    """The first number that wins with its interval, or the best where none does."""
    first = curve.breakeven_workers
    best = max(curve.rows, key=lambda row: row.speedup)
    row = next((row for row in curve.rows if row.scenario.workers == first), best)
    x, y = axes.x(row.scenario.workers), axes.y(row.speedup)
    low, high = curve.breakeven_workers_interval
    if first is not None and low is not None:
        ends = axes.x(low), axes.x(high if high is not None else axes.most)
        yield (
            f'<line class="first" x1="{ends[0]}" x2="{ends[1]}" y1="{HEIGHT - _BOTTOM}" '
            f'y2="{HEIGHT - _BOTTOM}"/>'
        )
    yield f'<circle class="mark" cx="{x}" cy="{y}" r="5"/>'
    on_left = x > WIDTH - _RIGHT - _LABEL_WIDTH
    yield _words(
        x + (-10 if on_left else 10),
        y + _beside(curve, row, axes, rises_away=_rises_after(curve, row) != on_left),
        f"{fmt.count(row.scenario.workers, 'worker')}: {fmt.digits(row.speedup)} times",
        "end" if on_left else "start",
        "mark-label",
    )


def _rises_after(curve: BreakEven, row: Prediction) -> bool:
    """Whether more workers do notably better."""
    more = [one for one in curve.rows if one.scenario.workers > row.scenario.workers]
    return bool(more) and more[0].speedup > 1.05 * row.speedup


def _beside(curve: BreakEven, row: Prediction, axes: CurveAxes, *, rises_away: bool) -> float:
    """How far below its point a label is: off the curve, and off the goal's line if it can be."""
    y, goal = axes.y(row.speedup), axes.y(curve.target_speedup)
    ways = (26.0, -14.0) if rises_away else (-14.0, 26.0)

    def is_free(way: float) -> bool:
        inside = _TOP + 12 < y + way < HEIGHT - _BOTTOM - 6
        return inside and abs(y + way - 5 - goal) > _LABEL_HEIGHT

    return next(filter(is_free, ways), ways[0])


def _grid(axes: CurveAxes) -> Iterator[str]:
    bottom = HEIGHT - _BOTTOM
    for workers in _workers(axes.most):
        x = axes.x(workers)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}"/>'
        yield _words(x, bottom + 20, str(workers), "middle", "tick")
    for value in _ticks(axes):
        y = axes.y(value)
        yield f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
        yield _words(_LEFT - 8, y + 5, f"{value:g}×", "end", "tick")
    yield _words((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 6, "workers", "middle", "axis")


def _workers(most: int) -> list[int]:
    """Doublings, and the last where it is none."""
    doubled = [2**k for k in range(max(most, 2).bit_length()) if 2**k <= max(most, 2)]
    if doubled[-1] == most or most < 2:
        return doubled
    return [*(n for n in doubled if n * 1.3 < most), most]


def _ticks(axes: CurveAxes) -> list[float]:
    """Values of 1, 2 and 5, or of powers of ten alone where these would be too near."""
    first, last = math.floor(math.log10(axes.low)), math.ceil(math.log10(axes.high))
    for steps in ((1.0, 2.0, 5.0), (1.0,)):
        every = [step * 10.0**k for k in range(first, last + 1) for step in steps]
        found = [value for value in every if axes.low <= value <= axes.high]
        where = [axes.y(value) for value in found]
        if all(a - b >= _APART for a, b in pairwise(where)):
            return found
    return found[:: 1 + len(found) // 10]


def _ideal(axes: CurveAxes) -> str:
    """N workers N times as fast, as far as the axes reach."""
    top = min(float(axes.most), axes.high)
    if top <= max(1.0, axes.low):
        return ""
    start = (axes.x(1), axes.y(1.0))
    end = (axes.x(top), axes.y(top))
    angle = math.degrees(math.atan2(end[1] - start[1], end[0] - start[0]))
    line = f'<path class="ideal" d="M{start[0]} {start[1]}L{end[0]} {end[1]}"/>'
    if end[0] - start[0] < 120:
        return line
    at = (start[0] + 0.55 * (end[0] - start[0]), start[1] + 0.55 * (end[1] - start[1]) - 7)
    return line + (
        f'<text class="ideal-label" text-anchor="middle" x="{at[0]:.1f}" y="{at[1]:.1f}" '
        f'transform="rotate({angle:.1f} {at[0]:.1f} {at[1]:.1f})">ideal</text>'
    )


def _line(rows: Sequence[Prediction], axes: CurveAxes) -> str:
    points = (f"{axes.x(row.scenario.workers)} {axes.y(row.speedup)}" for row in rows)
    return "M" + "L".join(points)


def _band(rows: Sequence[Prediction], axes: CurveAxes, name: str) -> str:
    highs = [(axes.x(r.scenario.workers), axes.y(r.speedup_interval[1])) for r in rows]
    lows = [(axes.x(r.scenario.workers), axes.y(r.speedup_interval[0])) for r in rows]
    outline = "L".join(f"{x} {y}" for x, y in [*highs, *reversed(lows)])
    known = f' id="{name}"' if name else ""
    return f'<path class="band"{known} d="M{outline}Z"/>'


def _words(x: float, y: float, plain: str, anchor: str, kind: str) -> str:
    return f'<text class="{kind}" text-anchor="{anchor}" x="{x:g}" y="{y:g}">{text(plain)}</text>'
