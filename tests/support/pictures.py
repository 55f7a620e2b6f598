"""Pictures as a reader sees them: what is cut off, what lies over what, and what is empty."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox


def faults(figure: Figure) -> list[str]:
    """Words outside the picture, over each other, or with a line through them."""
    figure.draw_without_rendering()
    words = [(word, box) for word, box in _words(figure)]
    found = [
        f"cut off: {word.get_text()!r}"
        for word, box in words
        if not _holds(figure.bbox.padded(0.5), box)
    ]
    found += [
        f"over each other: {one.get_text()!r} and {other.get_text()!r}"
        for (one, box), (other, its) in combinations(words, 2)
        if box.padded(-1.0).overlaps(its.padded(-1.0))
    ]
    lines = [dots for axes in figure.axes for dots in _lines(axes)]
    found += [
        f"a line runs through: {word.get_text()!r}"
        for word, box in words
        if any(box.padded(-1.0).count_contains(dots) for dots in lines)
    ]
    return found


def empty_quarters(axes: Axes) -> list[str]:
    """Quarters of the axes that nothing is drawn or written in."""
    box = axes.get_window_extent()
    shown = list(_lines(axes))
    for patch in axes.patches:
        shown.append(_dots(patch.get_transform().transform_path(patch.get_path()).vertices))
    for area in axes.collections:
        shown += [_dots(area.get_transform().transform_path(p).vertices) for p in area.get_paths()]
    words = [its for word, its in _words(axes.figure)]
    middle_x, middle_y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    quarters = {
        "upper left": Bbox([[box.x0, middle_y], [middle_x, box.y1]]),
        "upper right": Bbox([[middle_x, middle_y], [box.x1, box.y1]]),
        "lower left": Bbox([[box.x0, box.y0], [middle_x, middle_y]]),
        "lower right": Bbox([[middle_x, box.y0], [box.x1, middle_y]]),
    }
    return [
        name
        for name, quarter in quarters.items()
        if not any(quarter.count_contains(dots) for dots in shown if len(dots))
        and not any(quarter.overlaps(its) for its in words)
    ]


def _words(figure: Any) -> Iterator[tuple[Text, Bbox]]:
    """All words that can be seen; those of ticks beyond the axes' ends are not drawn."""
    unseen = {
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for label in (*axis.get_ticklabels(which="both"), axis.offsetText)
    } - {
        tick.label1
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis._update_ticks()
    }
    for word in figure.findobj(Text):
        if word.get_visible() and word.get_text().strip() and word not in unseen:
            word.get_window_extent()  # an annotation learns here where it is
            yield word, Text.get_window_extent(word)  # without its leader


def _lines(axes: Axes) -> Iterator[Any]:
    clip = axes.get_window_extent().padded(1.0)
    for line in axes.lines:
        if isinstance(line, Line2D) and line.get_linestyle() not in ("None", "", " "):
            yield _clipped(_dots(line.get_transform().transform(line.get_xydata())), clip)
    for collection in axes.collections:
        if isinstance(collection, LineCollection):
            for segment in collection.get_segments():
                yield _clipped(_dots(collection.get_transform().transform(segment)), clip)
        elif isinstance(collection, ContourSet) and not collection.filled:
            for path in collection.get_paths():
                drawn = collection.get_transform().transform_path(path)
                for part in drawn.to_polygons(closed_only=False):
                    yield _clipped(_dots(part), clip)


def _dots(corners: Any) -> Any:
    """A dot every pixel along a line."""
    corners = np.asarray(corners, dtype=float)
    corners = corners[np.isfinite(corners).all(axis=1)]
    parts = [corners[:1]]
    for begin, end in pairwise(corners):
        parts.append(np.linspace(begin, end, 2 + int(min(5000.0, np.hypot(*(end - begin))))))
    return np.concatenate(parts) if len(corners) else corners


def _clipped(dots: Any, clip: Bbox) -> Any:
    return dots[
        (dots[:, 0] >= clip.x0) & (dots[:, 0] <= clip.x1)
        & (dots[:, 1] >= clip.y0) & (dots[:, 1] <= clip.y1)
    ]  # fmt: skip


def _holds(outer: Bbox, box: Bbox) -> bool:
    return bool(
        outer.x0 <= box.x0 and box.x1 <= outer.x1 and outer.y0 <= box.y0 and box.y1 <= outer.y1
    )
