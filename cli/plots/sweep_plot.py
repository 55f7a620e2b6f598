"""Sweep plot: speed-ups by batch and workers, with the line on which workers break even."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter

from nworkers.cli.plots.label_places import Key, settle
from nworkers.cli.plots.style import BLUE, GREY, INK, LARGE, ORANGE, STYLE, Size, sheet, wrapped
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.cli.shown.visible import one_line
from nworkers.models.base.errors import cut
from nworkers.models.findings.sweep_map import SweepMap, SweepMaps

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

#: What loses, what is even, and what wins.
COLOURS = LinearSegmentedColormap.from_list("breakeven", [ORANGE, "#fbfaf8", BLUE])
#: Colours tell no more than a factor of 2 to this power, so that those near 1 differ.
MOST_DOUBLINGS = 3.0
#: A cell has its number written in it up to so many on an axis.
MOST_WRITTEN = 8
MOST_TICKS = 10
#: Inches of a map with its axes, and of a line of its title, which has so many points.
_COLUMN_IN, _MAP_IN, _LINE_IN, _TITLE = 3.1, 2.9, 0.17, 9.5
#: A cell's number takes so much.
_CELL_IN = 0.36
#: Of a field and its value: more is a file's path, or none that anybody reads here.
MOST_CHARACTERS = 60
#: Fields that say nothing where they are as usual.
USUAL = {
    "what_if": "plain", "seed": "1", "ps": "1", "baseline": "device", "scaling": "strong",
    "settings": "plain", "step_time": "plain",
}  # fmt: skip


def sweep(found: SweepMaps, size: Size = LARGE) -> Figure:
    """A map for each combination, all with the same colours."""
    columns = min(max(1, int(size.width_in / _COLUMN_IN)), len(found.maps))
    rows = -(-len(found.maps) // columns)
    reach = _reach(found.speedups)
    room_in = (size.width_in - 1.2) / columns - 0.8
    titles = [_title(one, room_in) for one in found.maps]
    body_in = rows * (_MAP_IN + _LINE_IN * max(map(len, titles))) + 0.3
    figure = sheet(size, _finding(found), filter(None, [_context(found)]), body_in)
    with rc_context(STYLE):
        all_axes = figure.subplots(rows, columns, squeeze=False).flatten()
        for axes, one, title in zip(all_axes, found.maps, titles, strict=False):
            _draw(axes, one, reach, room_in)
            axes.set_title("\n".join(title), loc="left", fontsize=_TITLE)
        for axes in all_axes[len(found.maps) :]:
            axes.remove()
        shown = list(all_axes[: len(found.maps)])
        _scale(figure, shown, reach)
    line = Line2D([], [], color=INK, lw=2.2, label="as fast as the baseline")
    key: list[Artist] = [line]
    if any(one.impossible for one in found.maps):
        key.append(Patch(facecolor="white", edgecolor=GREY, hatch="////", label="impossible"))
    return settle(figure, key=Key(shown[0], below=key))


def _title(one: SweepMap, room_in: float) -> list[str]:
    """What tells a map from the others, and where its workers break even."""
    told = wrapped(", ".join(_told(one)), room_in, _TITLE) if _told(one) else []
    return [*told, *wrapped(_first(one), room_in, _TITLE)]


def _finding(found: SweepMaps) -> str:
    """What the picture shows, in a sentence."""
    base = headline.named_baseline(found.baseline) if found.baseline else "the baseline"
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


def _reach(speedups: Sequence[float]) -> float:
    """Up to how many doublings and halvings the colours tell."""
    most = max((abs(math.log2(speedup)) for speedup in speedups if speedup > 0.0), default=1.0)
    return min(MOST_DOUBLINGS, max(1.0, most))


def _draw(axes: Axes, one: SweepMap, reach: float, room_in: float) -> None:
    # Values stand at equal distances: people choose them in steps that matter alike.
    doublings = [[_doublings(one, (b, w)) for w in one.workers] for b in one.batches]
    colours = Normalize(-reach, reach)
    axes.imshow(doublings, origin="lower", aspect="auto", cmap=COLOURS, norm=colours)
    for batch, workers in one.impossible:
        axes.add_patch(_hatched(one.workers.index(workers), one.batches.index(batch)))
    _break_even(axes, doublings)
    few = max(len(one.batches), len(one.workers)) <= MOST_WRITTEN
    if few and room_in / len(one.workers) > _CELL_IN:
        _write(axes, doublings, reach)
    _ticks(axes.xaxis, one.workers)
    _ticks(axes.yaxis, one.batches)
    axes.set_xlabel("workers")
    axes.set_ylabel("batch")


def _doublings(one: SweepMap, place: tuple[int, int]) -> float:
    """How often the speed-up is twice the baseline's; no number where there is none."""
    speedup = one.speedups.get(place, 0.0)
    return math.log2(speedup) if speedup > 0.0 else math.nan


def _hatched(x: int, y: int) -> Rectangle:
    return Rectangle(
        (x - 0.5, y - 0.5), 1.0, 1.0, facecolor="white", edgecolor=GREY, hatch="////", lw=0.0
    )


def _break_even(axes: Axes, doublings: list[list[float]]) -> None:
    """The line between jobs that win and jobs that do not: a border of their cells."""
    lines: list[list[tuple[float, float]]] = []
    for y, row in enumerate(doublings):
        for x, value in enumerate(row):
            if x and value * row[x - 1] <= 0.0 and (value > 0.0) != (row[x - 1] > 0.0):
                lines.append([(x - 0.5, y - 0.5), (x - 0.5, y + 0.5)])
            below = doublings[y - 1][x] if y else value
            if value * below <= 0.0 and (value > 0.0) != (below > 0.0):
                lines.append([(x - 0.5, y - 0.5), (x + 0.5, y - 0.5)])
    axes.add_collection(
        LineCollection(lines, colors=INK, linewidths=2.2, capstyle="projecting"), autolim=False
    )


def _write(axes: Axes, doublings: list[list[float]], reach: float) -> None:
    for y, row in enumerate(doublings):
        for x, value in enumerate(row):
            if not math.isnan(value):
                colour = "white" if abs(value) > 0.75 * reach else INK
                said = _short(2.0**value)
                axes.text(x, y, said, ha="center", va="center", fontsize=8.5, color=colour)


def _short(speedup: float) -> str:
    if speedup < 0.005:
        return "<0.01"
    return f"{speedup:.2f}" if speedup < 10.0 else fmt.digits(speedup)


def _ticks(axis: Any, values: Sequence[int]) -> None:
    every = -(-len(values) // MOST_TICKS)
    axis.set_major_locator(FixedLocator(range(0, len(values), every)))
    axis.set_major_formatter(FuncFormatter(lambda place, _: f"{values[round(place)]:,}"))


def _first(one: SweepMap) -> str:
    """From where on workers break even."""
    if one.first is None:
        return "no break-even"
    batch, workers = one.first
    return f"breaks even from batch {batch:,} on, with {fmt.count(workers, 'worker')}"


def _scale(figure: Figure, all_axes: Sequence[Axes], reach: float) -> None:
    bar = figure.colorbar(
        all_axes[0].images[0], ax=all_axes, location="right", shrink=0.8, extend="both"
    )
    whole = range(-int(reach), int(reach) + 1)
    bar.set_ticks(list(whole), labels=[f"{2.0**power:g}×" for power in whole])
    bar.set_label("times the baseline")
    bar.outline.set_visible(False)
