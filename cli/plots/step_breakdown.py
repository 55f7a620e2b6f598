"""Step breakdown: what a step's time goes to, stacked, for each number of workers."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from nworkers.cli.plots.about import about
from nworkers.cli.plots.causes import LOOKS, kinds
from nworkers.cli.plots.label_places import Key, settle
from nworkers.cli.plots.style import INK, LARGE, STYLE, Size, sheet, width_in
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.models.records.prediction import Prediction

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nworkers.simulator.study.resolve import ResolvedJob

#: Shares below this have no room for their number.
_LEAST = 0.07
_POINTS = 8.5


def step_breakdown(job: ResolvedJob, rows: Sequence[Prediction], size: Size = LARGE) -> Figure:
    """A bar of one step for each number of workers, with its step time above."""
    figure = sheet(size, finding(rows), about(job, rows[-1].scenario, counted=len(rows) == 1))
    with rc_context(STYLE):
        axes = figure.subplots()
        shown = _draw(axes, rows, size)
    patches = [Patch(color=LOOKS[kind].colour, label=kind) for kind in shown]
    return settle(figure, key=Key(axes, below=patches))


def finding(rows: Sequence[Prediction]) -> str:
    """What takes most of a step at the smallest number of workers, and at the largest."""
    first, last = rows[0], rows[-1]
    shares = [row.breakdown[last.bottleneck] / row.step_time_s for row in (first, last)]
    cause = headline.CAUSE_WORDS[last.bottleneck]
    with_last = f"with {fmt.count(last.scenario.workers, 'worker')}"
    if first.bottleneck == last.bottleneck:
        if first is last:
            return f"Most of a step, {fmt.percent(shares[1])}, is {cause} {with_last}"
        return (
            f"Most of a step is {cause}: {fmt.percent(shares[0])} with "
            f"{fmt.count(first.scenario.workers, 'worker')}, {fmt.percent(shares[1])} {with_last}"
        )
    since = last
    for row in reversed(rows):
        if row.bottleneck != last.bottleneck:
            break
        since = row
    return (
        f"From {fmt.count(since.scenario.workers, 'worker')} on most of a step is {cause}; with "
        f"{first.scenario.workers:,} it is {headline.CAUSE_WORDS[first.bottleneck]}"
    )


def _draw(axes: Axes, rows: Sequence[Prediction], size: Size) -> list[str]:
    """The kinds of causes that are seen, as they are stacked."""
    bar_in = 0.8 * (size.width_in - 1.0) / max(3, len(rows))
    floor = [0.0] * len(rows)
    shown: list[str] = []
    shares = [{k: s / row.step_time_s for k, s in kinds(row.breakdown).items()} for row in rows]
    for kind, look in LOOKS.items():
        parts = [share[kind] for share in shares]
        if max(parts) < 0.002:
            continue
        shown.append(kind)
        axes.bar(range(len(rows)), parts, 0.8, bottom=floor, color=look.colour, ec="white", lw=0.8)
        for place, part in enumerate(parts):
            said = fmt.percent(part)
            if part >= _LEAST and width_in(said, _POINTS) < bar_in:
                axes.text(
                    place, floor[place] + part / 2, said, ha="center", va="center",
                    fontsize=_POINTS, color=_readable(look.colour),
                )  # fmt: skip
        floor = [low + part for low, part in zip(floor, parts, strict=True)]
    times = [fmt.seconds(row.step_time_s) for row in rows]
    widest_in = max(width_in(said, _POINTS) for said in times) + 0.08
    every = ceil(0.8 * widest_in / bar_in)
    for place in range(0, len(rows), every):
        axes.text(place, 1.015, times[place], ha="center", va="bottom", fontsize=_POINTS)
    axes.set_xticks(
        range(0, len(rows), every), [f"{row.scenario.workers:,}" for row in rows[::every]]
    )
    axes.set_xlim(-0.6, max(2, len(rows) - 1) + 0.6 if len(rows) > 2 else len(rows) - 0.4)
    axes.set_ylim(0, 1)
    axes.tick_params(axis="x", length=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: fmt.percent(value)))
    axes.set_xlabel("workers")
    axes.set_ylabel("of a step, whose time is above")
    return shown


def _readable(colour: str) -> str:
    """White words on what is dark (ITU-R BT.601's luma)."""
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 140 else INK
