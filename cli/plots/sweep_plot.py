"""Sweep plot: speed-ups by batch and workers, with the line on which workers break even."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter

from nworkers.cli.plots.label_places import Key, Label, sampled, settle
from nworkers.cli.plots.style import (
    GREY,
    INK,
    LARGE,
    ORANGE,
    QUIET,
    STYLE,
    Size,
    apart,
    sheet,
    width_in,
    wrapped,
)
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.cli.shown.visible import one_line
from nworkers.models.base.errors import cut
from nworkers.models.findings.sweep_map import SweepMap, SweepMaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.colorbar import Colorbar
    from matplotlib.contour import QuadContourSet

    Field = np.ma.MaskedArray[Any, np.dtype[np.float64]]

#: What loses, what is even, and what wins: as pale as words on them need, and not alike in grey.
COLOURS = LinearSegmentedColormap.from_list("breakeven", ["#df906a", "#fbfaf8", "#628fc2"])
#: Colours tell no more than a factor of 2 to this power, in steps of so many doublings.
MOST_DOUBLINGS, _STEP = 3.0, 0.5
#: Inches between jobs: nearer ones are no dots any more, but a ground.
_APART_IN = 0.3
#: Inches of a map, at least and at most, and of a line of its title, which has so many points.
_COLUMN_IN, _MAP_IN, _LINE_IN, _TITLE = 3.1, (2.5, 3.7), 0.17, 9.5
#: Inches of a map of one batch, and the colours' length and width.
_STRIP_IN, _SCALE_IN = 1.3, (3.2, 0.13)
#: Inches that a mark takes upwards.
_MARK_IN = 0.24
#: Of a field and its value: more is a file's path, or none that anybody reads here.
MOST_CHARACTERS = 60
#: How far along a line its label may be, the best first.
_SHARES = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8)
#: Fields that say nothing where they are as usual.
USUAL = {
    "what_if": "plain", "seed": "1", "ps": "1", "baseline": "device", "scaling": "strong",
    "settings": "plain", "step_time": "plain",
}  # fmt: skip
_BATCH = {"strong": "global batch", "weak": "batch per worker"}
_EVEN: dict[str, Any] = {"color": INK, "lw": 2.4}
_PERHAPS: dict[str, Any] = {"color": INK, "lw": 1.2, "ls": (0, (4, 3))}
_JOB: dict[str, Any] = {"color": INK, "marker": "o", "ms": 2.2, "ls": "", "alpha": 0.7}


def sweep(found: SweepMaps, size: Size = LARGE) -> Figure:
    """A map for each combination, all with the same colours."""
    columns = min(max(1, int(size.width_in / _COLUMN_IN)), len(found.maps))
    rows = -(-len(found.maps) // columns)
    room_in = (size.width_in - 1.2) / columns - 0.8
    most = max(len(one.batches) for one in found.maps)
    map_in = float(np.clip(0.55 * room_in, *_MAP_IN)) if most > 1 else _STRIP_IN
    across = max(len(one.workers) for one in found.maps)
    has_dots = min(room_in / across, map_in / most) > _APART_IN and len(found.speedups) > 1
    titles = [_title(one, room_in) for one in found.maps]
    body_in = rows * (map_in + 0.5 + _LINE_IN * max(map(len, titles)))
    figure = sheet(size, _finding(found), filter(None, [_context(found)]), body_in)
    levels = _levels(found.speedups)
    with rc_context(STYLE):
        all_axes = figure.subplots(rows, columns, squeeze=False).flatten()
        shown = list(all_axes[: len(found.maps)])
        fields = [_Map(axes, one) for axes, one in zip(shown, found.maps, strict=True)]
        grounds = [field.ground(levels) for field in fields]
        lines = [field.lines(levels) for field in fields]
        for field in fields if has_dots else ():
            field.dots()
        for axes, one, title in zip(shown, found.maps, titles, strict=True):
            _axis(axes.xaxis, one.workers, 0.9 * room_in, lambda text: width_in(text) + 0.12)
            _axis(axes.yaxis, one.batches, map_in, lambda _: _MARK_IN)
            axes.set_xlabel("workers")
            axes.set_ylabel(_BATCH.get(dict(found.shared).get("scaling", ""), "batch"))
            axes.set_title("\n".join(title), loc="left", fontsize=_TITLE)
        for axes in all_axes[len(found.maps) :]:
            axes.remove()
        ground = next(filter(None, grounds), None)
        if ground is not None:
            _scale(figure, shown, ground, rows * map_in, levels).set_label(f"times {_base(found)}")
    key = _key(found, any(even for even, _ in lines), any(ends for _, ends in lines), has_dots)
    settle(figure, key=Key(shown[0], below=key))
    # Lines leave gaps for their labels, which are as wide as the final layout has them.
    for field in fields:
        field.label_lines()
    return settle(figure, _best(found, shown))


def _key(found: SweepMaps, is_even: bool, has_ends: bool, has_dots: bool) -> list[Artist]:
    """What the lines and dots mean that are there."""
    key: list[Artist] = []
    if is_even:
        key.append(Line2D([], [], **_EVEN, label=f"as fast as {_base(found)}"))
    if has_ends:
        key.append(Line2D([], [], **_PERHAPS, label="the same at the ends of the 90 % interval"))
    if has_dots:
        key.append(Line2D([], [], **_JOB, label="predicted; interpolated between"))
    if any(one.impossible for one in found.maps):
        key.append(Patch(facecolor="white", edgecolor=GREY, hatch="////", label="impossible"))
    return key


def _title(one: SweepMap, room_in: float) -> list[str]:
    """What tells a map from the others, and where its workers break even."""
    told = wrapped(", ".join(_told(one)), room_in, _TITLE) if _told(one) else []
    return [*told, *wrapped(_first(one), room_in, _TITLE)]


def _base(found: SweepMaps) -> str:
    return headline.named_baseline(found.baseline) if found.baseline else "the baseline"


def _finding(found: SweepMaps) -> str:
    """What the picture shows, in a sentence."""
    base = _base(found)
    if found.best is None:
        return "No job of these is possible"
    one, (batch, workers) = found.best
    best, speedups = one.speedups[batch, workers], found.speedups
    wins = sum(speedup > 1.0 for speedup in speedups)
    where = ", ".join([fmt.count(workers, "worker"), f"batch {batch:,}", *_told(one)])
    if not wins:
        return f"No job of {len(speedups):,} beats {base}; the best has {fmt.times(best)} ({where})"
    return (
        f"{wins:,} of {len(speedups):,} jobs beat {base}; the best has {fmt.times(best)} ({where})"
    )


def _context(found: SweepMaps) -> str:
    """What all maps have in common, without what is usual."""
    return ", ".join(_words(of) for of in found.shared if USUAL.get(of[0]) != of[1])


def _told(one: SweepMap) -> list[str]:
    """What tells a map from the others."""
    return [_words(of) for of in one.tells]


def _words(of: tuple[str, str]) -> str:
    return cut(one_line(" ".join(of)), MOST_CHARACTERS)


def _levels(speedups: Sequence[float]) -> list[float]:
    """Doublings at which the colour changes, as many below none as above."""
    most = max((abs(math.log2(speedup)) for speedup in speedups if speedup > 0.0), default=1.0)
    steps = math.ceil(min(MOST_DOUBLINGS, max(1.0, most)) / _STEP)
    return [_STEP * k for k in range(-steps, steps + 1)]


class _Map:
    """Doublings over the logarithms of batch and workers, so that between jobs both are even.

    Of a single batch or number of workers there is a strip.
    """

    def __init__(self, axes: Axes, one: SweepMap) -> None:
        self.axes, self.one = axes, one
        self.labelled: list[tuple[QuadContourSet, float]] = []
        self.ends: list[QuadContourSet] = []
        self.x, self.y = _places(one.workers), _places(one.batches)
        axes.set_xlim(self.x[0], self.x[-1])
        axes.set_ylim(self.y[0], self.y[-1])

    def _field(self, speedup: Callable[[tuple[int, int]], float | None]) -> Field:
        """Doublings at each place, masked where there is no number."""
        grid = np.array(
            [[_doublings(speedup((b, w))) for w in self.one.workers] for b in self.one.batches]
        )
        grid = grid.repeat(len(self.y) // len(grid), axis=0)
        return np.ma.masked_invalid(grid.repeat(len(self.x) // grid.shape[1], axis=1))

    def ground(self, levels: Sequence[float]) -> QuadContourSet | None:
        """The colours, and what is impossible; None where all is."""
        field = self._field(self.one.speedups.get)
        for x, y, width, height in self._impossible():
            self.axes.add_patch(
                Rectangle((x, y), width, height, fc="white", ec=GREY, hatch="////", lw=0.0)
            )
        if not field.count():
            return None
        return self.axes.contourf(
            self.x, self.y, field, levels, cmap=COLOURS, norm=Normalize(levels[0], levels[-1]),
            extend="both",
        )  # fmt: skip

    def dots(self) -> None:
        """What was predicted; all else lies between."""
        self.axes.plot(*self._jobs().T, **_JOB, clip_on=False, zorder=3)

    def _jobs(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        places = [(math.log2(workers), math.log2(batch)) for batch, workers in self.one.speedups]
        return np.array(places).reshape(-1, 2)

    def _impossible(self) -> Iterator[tuple[float, float, float, float]]:
        """Rectangles between neighbours of which one is impossible."""
        workers, batches = _twice(self.one.workers), _twice(self.one.batches)
        for i in range(len(batches) - 1):
            for k in range(len(workers) - 1):
                corners = {(b, w) for b in batches[i : i + 2] for w in workers[k : k + 2]}
                if corners & self.one.impossible:
                    x, y = self.x[k], self.y[i]
                    yield x, y, self.x[k + 1] - x, self.y[i + 1] - y

    def lines(self, levels: Sequence[float]) -> tuple[bool, bool]:
        """Lines of equal speed-up; whether there is that of break-even, and its interval's ends."""
        field = self._field(self.one.speedups.get)
        thin = self._line(
            field, [level for level in _whole(levels) if level], colors=QUIET, linewidths=0.6
        )
        even = self._line(field, [0.0], colors=INK, linewidths=2.4)
        self.labelled = [(lines, size) for lines, size in ((thin, 8.0), (even, 9.0)) if lines]
        lows = {place: low for place, (low, _) in self.one.intervals.items()}
        highs = {place: high for place, (_, high) in self.one.intervals.items()}
        look = {"colors": INK, "linewidths": 1.2, "linestyles": [(0, (4, 3))]}
        ends = [self._line(self._field(end.get), [0.0], **look) for end in (lows, highs)]
        self.ends = [line for line in ends if line]
        return even is not None, bool(self.ends)

    def label_lines(self) -> None:
        """Write on each line its speed-up. On a strip there is no room; the scale has them too."""
        for lines, points in self.labelled if len(self.one.batches) > 1 else ():
            self.axes.clabel(
                lines, fmt=lambda level: f"{2.0**level:g}×", fontsize=points, colors=INK,
                inline_spacing=4, manual=list(self._middles(lines)),
            )  # fmt: skip

    def _middles(self, lines: QuadContourSet) -> Iterator[tuple[float, float]]:
        """Half way along the longest line of each level, or beside what else would be there."""
        dots = self.axes.transData.transform
        met = [dots(self._jobs())]
        for other in (*self.ends, *(other for other, _ in self.labelled if other is not lines)):
            met += [sampled(dots(part)) for parts in other.allsegs for part in parts if len(part)]
        room = 0.13 * self.axes.figure.dpi
        for parts in lines.allsegs:
            ways = [sampled(dots(part)) for part in parts if len(part)]
            way = max(ways, key=len)
            # A dot is two pixels, and a shorter line would be all label.
            for share in _SHARES if len(way) > 3 * room else ():
                at = way[int(share * len(way))]
                gaps = np.hypot(*(np.concatenate(met) - at).T)
                if gaps.min() > room:
                    x, y = self.axes.transData.inverted().transform(at)
                    yield float(x), float(y)
                    break

    def _line(self, field: Field, levels: Sequence[float], **look: Any) -> QuadContourSet | None:
        """Lines of those levels that the field reaches."""
        if not field.count():
            return None
        met = [level for level in levels if field.min() < level < field.max()]
        look = {"linestyles": "solid"} | look
        return self.axes.contour(self.x, self.y, field, met, **look) if met else None


def _whole(levels: Sequence[float]) -> list[int]:
    """Whole doublings among them."""
    return list(range(math.ceil(levels[0]), math.floor(levels[-1]) + 1))


def _doublings(speedup: float | None) -> float:
    """How often the speed-up is twice the baseline's; no number where there is none."""
    return math.log2(speedup) if speedup is not None and speedup > 0.0 else math.nan


def _twice(values: Sequence[int]) -> Sequence[int]:
    return values if len(values) > 1 else (*values, *values)


def _places(values: Sequence[int]) -> list[float]:
    """Logarithms; of a single value, somewhat less and more."""
    if len(values) > 1:
        return [math.log2(value) for value in values]
    return [math.log2(values[0]) - 0.5, math.log2(values[0]) + 0.5]


def _best(found: SweepMaps, shown: Sequence[Axes]) -> list[Label]:
    """The best job of all, marked on its map."""
    if found.best is None:
        return []
    one, (batch, workers) = found.best
    axes = shown[found.maps.index(one)]
    at = (math.log2(workers), math.log2(batch))
    axes.plot(*([one] for one in at), "D", ms=8, color=ORANGE, mec="white", clip_on=False, zorder=4)
    return [Label(axes, at, fmt.times(one.speedups[batch, workers]), INK, "bold", near=True)]


def _axis(
    axis: Axis, values: Sequence[int], room_in: float, mark_in: Callable[[str], float]
) -> None:
    """Marks at the logarithms of what was asked, as many as there is room for."""
    axis.set_major_locator(FixedLocator([math.log2(v) for v in apart(values, room_in, mark_in)]))
    axis.set_major_formatter(FuncFormatter(lambda place, _: f"{round(2.0**place):,}"))


def _first(one: SweepMap) -> str:
    """From where on workers break even."""
    if one.first is None:
        return "no break-even"
    batch, workers = one.first
    return f"breaks even from batch {batch:,} on, with {fmt.count(workers, 'worker')}"


def _scale(
    figure: Figure,
    all_axes: Sequence[Axes],
    ground: QuadContourSet,
    height_in: float,
    levels: Sequence[float],
) -> Colorbar:
    """What the colours mean, beside all maps."""
    length_in = min(_SCALE_IN[0], 0.9 * height_in)
    bar = figure.colorbar(
        ground, ax=all_axes, location="right", shrink=length_in / height_in,
        aspect=length_in / _SCALE_IN[1], pad=0.02,
    )  # fmt: skip
    # None in its middle is left out, where not all have room.
    every = math.ceil(_MARK_IN * (levels[-1] - levels[0] + 2 * _STEP) / length_in)
    whole = [k for k in _whole(levels) if k % every == 0]
    bar.set_ticks(whole, labels=[f"{2.0**power:g}×" for power in whole])
    bar.outline.set_visible(False)
    return bar
