"""Chart axes: logarithmic ones over numbers of workers, and the marks that are drawn on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nworkers.cli.report.markup import text
from nworkers.models.records.prediction import Interval

WIDTH, HEIGHT = 560, 340
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 16, 48
#: A letter of a label is about as wide; what comes so near to the middle of letters touches them.
_LETTER, _LABEL_HEIGHT = 8.5, 12
#: Ticks are no nearer to each other than this, or their numbers would touch.
_APART = 26.0
#: Beyond what the values reach, as a factor.
_MARGIN = 1.25
#: How far below its point a label may be.
_BESIDE = (-14, 26, -32, 46, 60)
#: Of a piece of a curve so many places are looked at.
_STEPS = 8
#: Numbers of workers with their values.
Points = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class ChartAxes:
    """Both are logarithmic: what grows in proportion to the workers is a line."""

    most: int
    low: float
    high: float

    def x(self, workers: float) -> float:
        """Pixels from the left."""
        share = math.log(workers) / math.log(max(self.most, 2))
        return round(LEFT + (WIDTH - LEFT - RIGHT) * share, 2)

    def y(self, value: float) -> float:
        """Pixels from the top; what is below the axes ends at them."""
        share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(share, 1.0), 2)


def axes_around(workers: Iterable[int], values: Iterable[float]) -> ChartAxes:
    """Axes that hold all of them."""
    held = list(values)
    return ChartAxes(max(workers), max(min(held), 1e-6) / _MARGIN, max(held) * _MARGIN)


def svg(name: str, title: str, told: str, parts: Iterable[str]) -> str:
    """A picture with its name, and what it shows in words for who does not see it."""
    return (
        f'<svg role="img" aria-labelledby="{name}-t {name}-d" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<title id="{name}-t">{text(title)}</title>'
        f'<desc id="{name}-d">{text(told)}</desc>{"".join(parts)}</svg>'
    )


def grid(axes: ChartAxes, told: Callable[[float], str]) -> Iterator[str]:
    """Lines at ticks, with their numbers."""
    bottom = HEIGHT - BOTTOM
    for workers in _workers(axes.most):
        x = axes.x(workers)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP}" y2="{bottom}"/>'
        yield words(x, bottom + 20, str(workers), "middle", "tick")
    for value in _ticks(axes):
        y = axes.y(value)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        yield words(LEFT - 8, y + 5, told(value), "end", "tick")
    yield words((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "workers", "middle", "axis")


def across(
    axes: ChartAxes, value: float, label: str, curves: Sequence[Points], kind: str = "goal"
) -> str:
    """A level that is the same for all numbers of workers, named where curves leave room."""
    y = axes.y(value)
    places = [
        (anchor, x, y + below)
        for below in (-6, 16)
        for anchor, x in (("end", WIDTH - RIGHT - 4), ("start", LEFT + 4))
    ]
    anchor, x, at = _free(axes, places, label, curves)
    return (
        f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        f"{words(x, at, label, anchor, f'{kind}-label')}"
    )


#: The end of a label that is given, where that is, and how high its letters stand.
_Place = tuple[str, float, float]


def _free(
    axes: ChartAxes, places: Sequence[_Place], label: str, curves: Sequence[Points]
) -> _Place:
    """The first place that is in the picture and away from curves; the first if there is none."""
    width = _LETTER * len(label)

    def is_free(place: _Place) -> bool:
        anchor, x, y = place
        left, right = (x, x + width) if anchor == "start" else (x - width, x)
        inside = left >= LEFT and right <= WIDTH - RIGHT and TOP + 8 < y < HEIGHT - BOTTOM - 6
        return inside and not any(_meets(axes, of, (left, right), y - 5) for of in curves)

    return next(filter(is_free, places), places[0])


def _meets(axes: ChartAxes, curve: Points, span: tuple[float, float], height: float) -> bool:
    """Whether a curve comes within a label's height somewhere on a span."""
    for one, other in pairwise((axes.x(workers), axes.y(value)) for workers, value in curve):
        for k in range(_STEPS + 1):
            x, y = (a + (b - a) * k / _STEPS for a, b in zip(one, other, strict=True))
            if span[0] <= x <= span[1] and abs(y - height) < _LABEL_HEIGHT:
                return True
    return False


def line(axes: ChartAxes, points: Points) -> str:
    """The path through points."""
    return "M" + "L".join(f"{axes.x(workers)} {axes.y(value)}" for workers, value in points)


def band(axes: ChartAxes, spans: Sequence[tuple[int, Interval]], name: str = "") -> str:
    """What lies between the ends of intervals."""
    highs = [(axes.x(workers), axes.y(high)) for workers, (_, high) in spans]
    lows = [(axes.x(workers), axes.y(low)) for workers, (low, _) in spans]
    outline = "L".join(f"{x} {y}" for x, y in [*highs, *reversed(lows)])
    known = f' id="{name}"' if name else ""
    return f'<path class="band"{known} d="M{outline}Z"/>'


def mark(axes: ChartAxes, workers: int, value: float, label: str, curves: Sequence[Points]) -> str:
    """A point with its label, beside it where curves leave room."""
    x, y = axes.x(workers), axes.y(value)
    places = [
        (anchor, x + beside, y + below)
        for anchor, beside in (("start", 10), ("end", -10))
        for below in _BESIDE
    ]
    # Without room on its right a label would leave the picture.
    half = len(_BESIDE)
    first = places if x < (LEFT + WIDTH) / 2 else [*places[half:], *places[:half]]
    anchor, at, below = _free(axes, first, label, curves)
    return (
        f'<circle class="mark" cx="{x}" cy="{y}" r="5"/>'
        f"{words(at, below, label, anchor, 'mark-label')}"
    )


def level(axes: ChartAxes, value: float) -> Points:
    """A line across, as a curve."""
    return [(1, value), (axes.most, value)]


def words(x: float, y: float, plain: str, anchor: str, kind: str) -> str:
    return f'<text class="{kind}" text-anchor="{anchor}" x="{x:g}" y="{y:g}">{text(plain)}</text>'


def _workers(most: int) -> list[int]:
    """Doublings, and the last where it is none."""
    doubled = [2**k for k in range(max(most, 2).bit_length()) if 2**k <= max(most, 2)]
    if doubled[-1] == most or most < 2:
        return doubled
    return [*(n for n in doubled if n * 1.3 < most), most]


def _ticks(axes: ChartAxes) -> list[float]:
    """Values of 1, 2 and 5, or of powers of ten alone where these would be too near."""
    first, last = math.floor(math.log10(axes.low)), math.ceil(math.log10(axes.high))
    for steps in ((1.0, 2.0, 5.0), (1.0,)):
        every = [step * 10.0**k for k in range(first, last + 1) for step in steps]
        found = [value for value in every if axes.low <= value <= axes.high]
        where = [axes.y(value) for value in found]
        if all(a - b >= _APART for a, b in pairwise(where)):
            return found
    return found[:: 1 + len(found) // 10]
