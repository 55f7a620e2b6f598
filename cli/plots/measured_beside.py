"""Measured beside predicted: times one process of both, and by how much step times are off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from nworkers.cli.plots.about import about
from nworkers.cli.plots.label_places import Key, Label, settle
from nworkers.cli.plots.style import (
    BLUE,
    GREY,
    INK,
    LARGE,
    ORANGE,
    STYLE,
    Size,
    sheet,
    signed_percent,
    times_axis,
    worker_axis,
)
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.models.records.measurement import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nworkers.simulator.answers import ValidateAnswer


def measured_beside(answer: ValidateAnswer, size: Size = LARGE) -> Figure:
    """Both for each number of workers, with the tolerance that was asked for."""
    result = answer.comparison
    row = result.rows[-1].predicted
    figure = sheet(size, finding(result), about(answer.job, row.scenario, counted=False))
    with rc_context(STYLE):
        axes, errors = figure.subplots(2, sharex=True, gridspec_kw={"height_ratios": [3, 1]})
        handles = _draw(axes, result)
        _errors(errors, result)
        worker_axis(errors, [row.workers for row in result.rows])
        axes.set_xlabel("")
        axes.tick_params(labelbottom=False, bottom=False)
        one = f"{headline.baseline(row)} = 1×"
        labels = [Label(axes, (result.rows[-1].workers, 1.0), one, is_level=True)]
    return settle(figure, labels, Key(axes, handles))


def finding(result: Comparison) -> str:
    """Whether both find the same first number that wins, and how far step times are off."""
    worst = max((abs(row.error) for row in result.rows), default=0.0)
    return f"{headline.of_comparison(result)} Step times are off by at most {fmt.percent(worst)}"


def _draw(axes: Axes, result: Comparison) -> list[Line2D | Patch]:
    workers = [row.workers for row in result.rows]
    predicted = [row.predicted.speedup for row in result.rows]
    low, high = zip(*(row.predicted.speedup_interval for row in result.rows), strict=True)
    measured = [row.measured_speedup for row in result.rows]
    least, most = zip(*(row.measured_speedup_range for row in result.rows), strict=True)
    axes.fill_between(workers, low, high, color=BLUE, alpha=0.18, lw=0)
    axes.plot(workers, predicted, color=BLUE, lw=2, marker="o", ms=4.5)
    axes.vlines(workers, least, most, color=ORANGE, lw=1.6)
    axes.plot(workers, measured, "D", ms=7, mfc="white", mec=ORANGE, mew=1.8)
    axes.axhline(1.0, color=INK, lw=1)
    ends = [1.0, *low, *high, *least, *most]
    base = headline.baseline(result.rows[0].predicted)
    times_axis(axes, 0.75 * min(ends), 1.5 * max(ends), f"times {base}")
    return [
        Line2D([], [], color=BLUE, lw=2, marker="o", ms=4.5, label="predicted"),
        Patch(color=BLUE, alpha=0.18, lw=0, label="90 % interval"),
        Line2D([], [], color=ORANGE, lw=1.6, marker="D", mfc="white", mew=1.8, ms=7,
               label="measured, range of starts"),
    ]  # fmt: skip


def _errors(axes: Axes, result: Comparison) -> None:
    workers = [row.workers for row in result.rows]
    errors = [row.error for row in result.rows]
    axes.axhspan(-result.tolerance, result.tolerance, color=GREY, alpha=0.18, lw=0)
    axes.axhline(0, color=INK, lw=1)
    axes.vlines(workers, [0.0] * len(workers), errors, color=BLUE, lw=2)
    axes.plot(workers, errors, "o", color=BLUE, ms=5)
    reach = 1.3 * max(result.tolerance, 0.02, *map(abs, errors))
    axes.set_ylim(-reach, reach)
    axes.yaxis.set_major_locator(MaxNLocator(3, symmetric=True, min_n_ticks=2))
    axes.yaxis.set_major_formatter(signed_percent())
    axes.set_ylabel("step time\npredicted\nover measured", fontsize=8.5)
    axes.grid(axis="y")
