"""Break-even mark: the first number of workers that wins, its interval as a band on the axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nworkers.cli.plots.label_places import Label
from nworkers.cli.plots.style import EDGE, ORANGE
from nworkers.cli.shown import headline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Of the axes' height, the band.
_BAND = 0.028


def mark(
    axes: Axes,
    first: tuple[int, float] | None,
    interval: tuple[int | None, int | None],
    last: int,
    max_workers: int,
) -> Iterator[Label]:
    """Draw it, and give its words.

    Args:
        first: the number and its speed-up, if one wins.
        interval: of that number; an open end goes to the edge.
        last: the largest number that is drawn.
        max_workers: as many were looked at.
    """
    low, high = interval
    if low is not None:
        # A number of workers is as wide as half the way to its neighbours.
        begin, end = low / 1.06, last * EDGE if high is None else high * 1.06
        axes.axvspan(begin, end, 0.0, _BAND, color=ORANGE, alpha=0.85, lw=0)
        axes.axvspan(begin, end, color=ORANGE, alpha=0.08, lw=0)
    if first is not None:
        axes.plot(*([one] for one in first), "o", ms=9, mfc="white", mec=ORANGE, mew=2.2)
        axes.plot(
            [first[0]], [0.0], marker="^", ms=8, color=ORANGE, ls="", mec="white",
            transform=axes.get_xaxis_transform(), clip_on=False, zorder=5,
        )  # fmt: skip
        around = headline.interval_of_first(interval, max_workers)
        said = f"break-even {first[0]:,}" + ("" if around == str(first[0]) else f" ({around})")
        yield Label(axes, first, said, ORANGE, "bold")
    elif low is not None:
        bottom, top = axes.get_ylim()
        at = (low, bottom * (top / bottom) ** _BAND)
        yield Label(axes, at, f"perhaps from {low:,} on", ORANGE)
