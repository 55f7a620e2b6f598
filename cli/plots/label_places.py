"""Label places: a figure laid out for good, its key, and words that no line runs through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.contour import ContourSet
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from nworkers.cli.plots.style import INK, MARGIN_IN, STYLE, wrapped

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

    Points = np.ndarray[Any, np.dtype[np.float64]]

#: Points of 1/72 inch: between words and lines, and from where on a word needs a leader.
_CLEAR, _LEADER = 2.5, 15.0
_DISTANCES = (4.0, 6.5, 10.0, 14.0, 20.0, 28.0, 40.0, 55.0, 75.0, 100.0)
#: Of half a label's width, how far its middle is beside the point.
_SIDEWAYS = (0.0, 0.4, -0.4, 0.8, -0.8, 1.0, -1.0)
#: Points of a key.
_KEY: float = STYLE["legend.fontsize"]
#: What is paler is no line, but a ground on which words stand.
_FAINT = 0.3
_CORNERS = ("upper left", "upper right", "lower right", "lower left")


@dataclass(frozen=True)
class Label:
    """Words that belong to a point, which is in the axes' data."""

    axes: Axes
    at: tuple[float, float]
    text: str
    colour: str = INK
    weight: str = "normal"
    points: float = 9.5
    #: Rather nowhere than far from its point.
    near: bool = False
    #: Belongs to a level: anywhere along it.
    is_level: bool = False


@dataclass(frozen=True)
class Key:
    """What lines and colours mean: those of axes inside them if there is room; others below."""

    axes: Axes
    inside: Sequence[Artist] = ()
    below: Sequence[Artist] = ()


def settle(figure: Figure, labels: Iterable[Label] = (), key: Key | None = None) -> Figure:
    """The figure, laid out once and for all, with its key, and each label at its point."""
    with rc_context(STYLE):
        _lay_out(figure)
        if key is not None:
            if key.below:
                _below(figure, key.below)
                _lay_out(figure)
            if key.inside and not _inside(figure, key):
                for legend in figure.legends:
                    legend.remove()
                _below(figure, [*key.inside, *key.below])
                _lay_out(figure)
        figure.set_layout_engine("none")
        taken: dict[Axes, Points] = {}
        for label in labels:
            if label.axes not in taken:
                taken[label.axes] = _lines(label.axes)
            _put(figure, label, taken[label.axes])
    return figure


def _lay_out(figure: Figure) -> None:
    # The second time knows how wide the first one's ticks are.
    figure.draw_without_rendering()
    figure.draw_without_rendering()


def _inside(figure: Figure, key: Key) -> bool:
    """Put the key into a corner that is empty, if there is one."""
    taken, words = _lines(key.axes), list(_boxes(figure))
    for corner in _CORNERS:
        legend = key.axes.legend(handles=list(key.inside), loc=corner, borderaxespad=0.3)
        box = legend.get_window_extent()
        within = _contains(key.axes.get_window_extent(), box)
        met = _met(box, taken) or _on_an_area(key.axes, box)
        if within and not met and not any(box.overlaps(other) for other in words):
            return True
        legend.remove()
    return False


def _below(figure: Figure, handles: Sequence[Artist]) -> Legend:
    """Put the key under everything, in as many columns as the figure is wide."""
    room = figure.bbox.width - 2 * MARGIN_IN * figure.dpi
    for handle in handles:
        # Beside its line; a name of any length goes on below.
        lines = wrapped(str(handle.get_label()), room / figure.dpi - 0.5, _KEY)
        handle.set_label("\n".join(lines))
    for columns in range(len(handles), 0, -1):
        legend = figure.legend(
            handles=list(handles),
            loc="outside lower left",
            ncols=columns,
            columnspacing=1.4,
            borderaxespad=MARGIN_IN * 72 / _KEY,  # as far in as the heading
            borderpad=0.0,
        )
        figure.draw_without_rendering()
        if legend.get_window_extent().width <= room or columns == 1:
            return legend
        legend.remove()
    raise AssertionError("a key has something in it")


def _put(figure: Figure, label: Label, taken: Points) -> None:
    """Put a label next to its point; farther off with a leader; else anywhere that is free."""
    axes = label.axes
    word = axes.annotate(
        label.text, label.at, (0, 0), textcoords="offset points", ha="center", va="center",
        color=label.colour, weight=label.weight, fontsize=label.points, annotation_clip=False,
    )  # fmt: skip
    own = box_of(word)
    words = [box for box in _boxes(figure) if box is not own and box.bounds != own.bounds]
    here = axes.transData.transform(label.at)
    dot = figure.dpi / 72
    if label.is_level:
        for x, y in _along(axes, here, own, dot):
            if _free(axes, own.translated(x, y), taken, words, dot):
                word.set_position((x / dot, y / dot))
                return
    for distance, (x, y) in _places(own, dot):
        if label.near and distance > _LEADER:
            break
        box = own.translated(x, y)
        if not _free(axes, box, taken, words, dot):
            continue
        led = distance > _LEADER
        if led and _met_by_leader(box, here, taken, words, dot):
            continue
        word.set_position((x / dot, y / dot))
        if led:
            word.remove()
            axes.annotate(
                label.text, label.at, (x / dot, y / dot), textcoords="offset points",
                ha="center", va="center", color=label.colour, weight=label.weight,
                fontsize=label.points, annotation_clip=False,
                arrowprops={
                    "arrowstyle": "-", "color": label.colour, "lw": 0.8, "shrinkA": 1, "shrinkB": 5
                },
            )  # fmt: skip
        return
    for x, y in () if label.near else _anywhere(axes, own):
        if _free(axes, own.translated(x, y), taken, words, dot):
            word.set_position((x / dot, y / dot))
            return
    word.remove()  # the heading says it too


def _places(own: Bbox, dot: float) -> Iterator[tuple[float, tuple[float, float]]]:
    """Above and below, more and more to a side, then beside; nearest first."""
    for distance in _DISTANCES:
        y = own.height / 2 + distance * dot
        for share in _SIDEWAYS:
            yield distance, (share * own.width / 2, y)
            yield distance, (share * own.width / 2, -y)
        for side in (1, -1):
            x = side * (own.width / 2 + distance * dot)
            yield distance, (x, 0.0)
            yield distance, (x, own.height / 2 + 3 * dot)
            yield distance, (x, -own.height / 2 - 3 * dot)


def _along(axes: Axes, here: Points, own: Bbox, dot: float) -> Iterator[tuple[float, float]]:
    """Above and below a level, from its right end to its left one."""
    area = axes.get_window_extent()
    for distance in _DISTANCES[:3]:
        y = own.height / 2 + distance * dot
        for end in np.linspace(area.x1 - 4 * dot, area.x0 + own.width + 4 * dot, 30):
            x = float(end - own.width / 2 - here[0])
            yield x, y
            yield x, -y


def _anywhere(axes: Axes, own: Bbox) -> Iterator[tuple[float, float]]:
    area = axes.get_window_extent()
    for y in np.linspace(area.y1 - own.y1, area.y0 - own.y0, 24):
        for x in np.linspace(area.x0 - own.x0, area.x1 - own.x1, 24):
            yield float(x), float(y)


def _free(axes: Axes, box: Bbox, taken: Points, words: Sequence[Bbox], dot: float) -> bool:
    clear = box.padded(_CLEAR * dot)
    return (
        _contains(axes.get_window_extent(), clear)
        and not _met(clear, taken)
        and not any(clear.overlaps(other) for other in words)
    )


def _met_by_leader(
    box: Bbox, here: Points, taken: Points, words: Sequence[Bbox], dot: float
) -> bool:
    """Whether the leader from the words to their point meets anything on its way."""
    nearest = np.clip(here, box.min, box.max)
    way = np.linspace(nearest, here, 40)
    way = way[np.hypot(*(way - here).T) > 7 * dot]
    if any(other.count_contains(way) for other in words):
        return True
    if not len(taken) or not len(way):
        return False
    gaps = np.hypot(*(taken[:, None, :] - way[None, :, :]).transpose(2, 0, 1))
    return bool((gaps < 2 * dot).any())


def _contains(outer: Bbox, box: Bbox) -> bool:
    return bool(
        outer.x0 <= box.x0 and box.x1 <= outer.x1 and outer.y0 <= box.y0 and box.y1 <= outer.y1
    )


def _met(box: Bbox, points: Points) -> bool:
    return bool(len(points) and box.count_contains(points))


def box_of(word: Text) -> Bbox:
    """Where a text is; of one with a leader the words alone."""
    word.get_window_extent()  # an annotation learns here where it is
    return Text.get_window_extent(word)


def _boxes(figure: Figure) -> Iterator[Bbox]:
    """Where words and keys are."""
    for word in figure.findobj(Text):
        assert isinstance(word, Text)
        if word.get_visible() and word.get_text().strip():
            yield box_of(word)
    for axes in figure.axes:
        if key := axes.get_legend():
            yield key.get_window_extent()


def _on_an_area(axes: Axes, box: Bbox) -> bool:
    """Whether any of it lies on what is filled between lines."""
    return any(
        path.transformed(area.get_transform()).intersects_bbox(box)
        for area in axes.collections
        if isinstance(area, PolyCollection)
        for path in area.get_paths()
    )


def _lines(axes: Axes) -> Points:
    """Dots of all that is drawn as a line or a mark on the axes, close enough to miss nothing."""
    found: list[Points] = []
    for line in axes.lines:
        path = line.get_transform().transform_path(line.get_path())
        if line.get_linestyle() not in ("None", "", " "):
            found.append(sampled(path.vertices))
        if line.get_marker() not in ("None", "", " ", None):
            reach = (line.get_markersize() + line.get_markeredgewidth()) / 2 * axes.figure.dpi / 72
            found += [_around(np.asarray(path.vertices), reach)]
    for collection in axes.collections:
        if isinstance(collection, ContourSet) and collection.filled:
            continue  # a ground, as an interval is
        if isinstance(collection, LineCollection | ContourSet):
            for path in collection.get_paths():
                drawn = collection.get_transform().transform_path(path)
                found += [sampled(part) for part in drawn.to_polygons(closed_only=False)]
        elif isinstance(collection, PathCollection):
            offsets = collection.get_offset_transform().transform(collection.get_offsets())
            found.append(_around(np.asarray(offsets), 4 * axes.figure.dpi / 72))
    for patch in axes.patches:
        if patch.get_visible() and (patch.get_alpha() or 1.0) > _FAINT:
            path = patch.get_transform().transform_path(patch.get_path())
            found += [sampled(part) for part in path.to_polygons()]
    return np.concatenate(found) if found else np.empty((0, 2))


def _around(points: Points, reach: float) -> Points:
    turns = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    sides = reach * np.array([(0, 0), *zip(np.cos(turns), np.sin(turns), strict=True)])
    return np.asarray((points[:, None, :] + sides[None, :, :]).reshape(-1, 2))


def sampled(vertices: Any) -> Points:
    """Dots every two pixels or so along a line."""
    corners = np.asarray(vertices, dtype=float)
    corners = corners[np.isfinite(corners).all(axis=1)]
    parts = [corners[:1]]
    for begin, end in pairwise(corners):
        # What lies far outside the picture need not be looked at closely.
        count = int(min(4000.0, np.hypot(*(end - begin)) / 2)) + 2
        parts.append(np.linspace(begin, end, count))
    return np.concatenate(parts)
