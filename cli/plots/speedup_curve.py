"""Speed-up curve: how many times one process so many workers are, and what a step waits for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from nworkers.cli.plots import breakeven_mark
from nworkers.cli.plots.about import about, full
from nworkers.cli.plots.label_places import Key, Label, settle
from nworkers.cli.plots.style import (
    BLUE,
    EDGE,
    GREY,
    INK,
    LARGE,
    ORANGE,
    SERIES,
    STYLE,
    Size,
    looks,
    sheet,
    times_axis,
    width_in,
    worker_axis,
)
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.models.records.prediction import BreakEven, Prediction

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nworkers.simulator.answers import BreakEvenAnswer

#: Of the figure's height, what a step waits for.
_STRIP = 0.085
#: Points of its words, and what is behind them in turn.
_CAUSE, _TINTS = 9.0, ("#c8d3e2", "#e4e9f1")


def speedup_curve(answer: BreakEvenAnswer, size: Size = LARGE) -> Figure:
    """Speed-up over workers with its interval, where it first exceeds 1, and the bottlenecks."""
    result = answer.result
    figure = sheet(
        size, finding(result), about(answer.job, result.rows[-1].scenario, counted=False)
    )
    with rc_context(STYLE):
        axes, strip = figure.subplots(
            2, sharex=True, gridspec_kw={"height_ratios": [1 - _STRIP, _STRIP], "hspace": 0.02}
        )
        handles = _draw(axes, result)
        worker_axis(strip, [row.scenario.workers for row in result.rows])
        axes.set_xlabel("")
        axes.tick_params(labelbottom=False, bottom=False)
        labels = list(_labels(axes, result))
        causes = _waits(strip, result.rows)
    return settle(figure, labels, Key(axes, handles, causes))


def finding(result: BreakEven) -> str:
    """How many workers win, then what is full or how far it goes."""
    first, best = result.breakeven_workers, max(result.rows, key=lambda row: row.speedup)
    base, what = headline.goal(result.aim, headline.baseline(best)), full(result.rows)
    most = f"at most {fmt.times(best.speedup)}, with {best.scenario.workers:,}"
    if first is None:
        never = headline.wins(result.aim, 1)
        parts = [f"No number of workers up to {result.max_workers:,} {never} {base}", most, what]
        return "; ".join(filter(None, parts))
    return f"{fmt.count(first, 'worker')} {headline.wins(result.aim, first)} {base}; {what or most}"


def _draw(axes: Axes, result: BreakEven) -> list[Line2D | Patch]:
    workers = [row.scenario.workers for row in result.rows]
    speedup = [row.speedup for row in result.rows]
    low = [row.speedup_interval[0] for row in result.rows]
    high = [row.speedup_interval[1] for row in result.rows]
    # One process is always in sight; ideal scaling leaves where it would squeeze all else.
    top = 1.5 * max(1.0, result.target_speedup, *high)
    bottom = 0.75 * min(1.0, *low)
    axes.fill_between(workers, low, high, color=BLUE, alpha=0.18, lw=0)
    (look,) = looks(1, len(workers))
    axes.plot(workers, speedup, **look)
    until = min(top, EDGE * workers[-1])
    axes.plot([1, until], [1, until], color=GREY, lw=1.2, ls=(0, (4, 3)))
    axes.axhline(1.0, color=INK, lw=1.0)
    if result.target_speedup != 1.0:
        axes.axhline(result.target_speedup, color=ORANGE, lw=1.0, ls=":")
    times_axis(axes, bottom, top, f"times {headline.baseline(result.rows[0])}")
    return [
        Line2D([], [], **look, label="predicted"),
        Patch(color=BLUE, alpha=0.18, lw=0, label="90 % interval"),
        Line2D([], [], color=GREY, lw=1.2, ls=(0, (4, 3)), label="ideal: N workers, N times"),
    ]


def _labels(axes: Axes, result: BreakEven) -> Iterator[Label]:
    rows, first = result.rows, result.breakeven_workers
    last = rows[-1].scenario.workers
    speedups = {row.scenario.workers: row.speedup for row in rows}
    yield from breakeven_mark.mark(
        axes, None if first is None else (first, speedups[first]),
        result.breakeven_workers_interval, last, result.max_workers,
    )  # fmt: skip
    best = max(speedups, key=speedups.__getitem__)
    if best != first:
        said = f"{fmt.times(speedups[best])} with {fmt.count(best, 'worker')}"
        yield Label(axes, (best, speedups[best]), said, BLUE, "bold")
    base = f"{headline.baseline(rows[0])} = 1×"
    yield Label(axes, (last, 1.0), base, INK, is_level=True)
    if result.target_speedup != 1.0:
        goal = f"target {fmt.times(result.target_speedup)}"
        yield Label(axes, (last, result.target_speedup), goal, ORANGE, is_level=True)


def _waits(strip: Axes, rows: Sequence[Prediction]) -> list[Patch]:
    """What takes most of a step, along the workers, in words; what stands for those else."""
    strip.set_ylim(0, 1)
    strip.set_yticks([])
    strip.spines["left"].set_visible(False)
    strip.set_ylabel("most of\na step", rotation=0, ha="right", va="center", fontsize=_CAUSE)
    runs = _runs(rows)
    whole = np.log(runs[-1][2] / runs[0][1])
    room_in = strip.figure.bbox.width / strip.figure.dpi - 1.0
    fits = all(
        width_in(cause, _CAUSE) + 0.1 < room_in * np.log(end / begin) / whole
        for cause, begin, end in runs
    )
    looks = dict(zip(dict.fromkeys(cause for cause, *_ in runs), SERIES, strict=False))
    for k, (cause, begin, end) in enumerate(runs):
        colour = _TINTS[k % 2] if fits else looks[cause].colour
        strip.add_patch(Rectangle((begin, 0.0), end - begin, 1.0, color=colour, lw=0))
        if fits:
            middle = float(np.sqrt(begin * end))
            strip.text(middle, 0.47, cause, ha="center", va="center", fontsize=_CAUSE)
    if fits:
        return []
    return [Patch(color=look.colour, label=f"most: {cause}") for cause, look in looks.items()]


def _runs(rows: Sequence[Prediction]) -> list[tuple[str, float, float]]:
    """Neighbours with the same bottleneck, as one; each number of workers reaches half way."""
    workers = np.array([row.scenario.workers for row in rows], dtype=float)
    between = np.sqrt(workers[1:] * workers[:-1])
    edges = [float(x) for x in (workers[0] / EDGE, *between, workers[-1] * EDGE)]
    found: list[tuple[str, float, float]] = []
    for k, row in enumerate(rows):
        cause = headline.CAUSE_WORDS[row.bottleneck]
        begin = found.pop()[1] if found and found[-1][0] == cause else edges[k]
        found.append((cause, begin, edges[k + 1]))
    return found
