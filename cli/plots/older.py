"""Older: pictures of options, a fit and a comparison."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from nworkers.cli.plots.style import BLUE, INK, ORANGE, STYLE
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import option_views
from nworkers.models.records.profile import Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nworkers.models.fitting.held_out import Curve
    from nworkers.models.records.measurement import Comparison
    from nworkers.simulator.decide.job_options import OptionFound

#: Beyond this many workers the axis is logarithmic, so that the first ones stay readable.
LINEAR_WORKERS = 16
#: A curve that stays this far under 1 would lie flat on a linear axis.
LOGARITHMIC_BELOW = 0.3


def options(found: Sequence[OptionFound]) -> Figure:
    """How fast each option is beside the first, with its interval; the fastest is marked."""
    best = max(found, key=lambda option: option.ratio)
    with rc_context(STYLE):
        figure = Figure(figsize=(8.4, 1.9 + 0.62 * len(found)), layout="constrained")
        axes = figure.add_subplot()
        for place, option in enumerate(reversed(found)):
            low, high = option.ratio_interval
            colour = ORANGE if option is best else BLUE
            axes.plot([low, high], [place, place], color=colour, lw=5, alpha=0.35)
            axes.plot([option.ratio], [place], color=colour, marker="o", ms=8)
            workers = fmt.count(option.row.scenario.workers, "worker")
            # Beside the picture no label meets a line.
            axes.text(
                1.02,
                place,
                f"{fmt.times(option.ratio)}, {workers}",
                transform=axes.get_yaxis_transform(),
                va="center",
            )
        axes.axvline(1.0, color=INK, lw=1.0)
        axes.set_yticks(range(len(found)), [option.name for option in reversed(found)])
        axes.set_ylim(-0.6, len(found) - 0.3)
        axes.set_xlabel(f"samples per second over those of: {found[0].name}")
        title = textwrap.fill(option_views.best_option(found), 66)
        figure.suptitle(title, x=0.02, ha="left", weight="bold", fontsize=13)
    return figure


def _worker_axis(axes: Axes, workers: Sequence[int]) -> None:
    axes.set_xlabel("workers")
    if workers[-1] > LINEAR_WORKERS:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xlim(workers[0] / 1.05, workers[-1] * 1.05)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlim(workers[0] - 0.3, workers[-1] + 0.3)


def _speedup_axis(axes: Axes, lowest: float, top: float, *, flat: bool) -> None:
    if flat:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_ylim(0.7 * lowest, top)
    else:
        axes.set_ylim(0, top)
    axes.set_ylabel("speed-up (samples per second)")
    axes.grid(axis="y")
    axes.set_axisbelow(True)


def fit(curves: Sequence[Curve], profile: Profile) -> Figure:
    """For each quantity its samples with the fitted line, and below them what the line misses."""
    with rc_context(STYLE):
        columns = 2 if len(curves) in (2, 4) else min(3, len(curves))
        rows = -(-len(curves) // columns)
        figure = Figure(figsize=(4.6 * columns, 4.4 * rows + 0.6), layout="constrained")
        figure.suptitle(
            f"Samples and fitted cost models: {profile.hardware}", weight="bold", x=0.01, ha="left"
        )
        grid = figure.add_gridspec(2 * rows, columns, height_ratios=[3, 1] * rows)
        for k, drawn in enumerate(curves):
            row, column = divmod(k, columns)
            upper = figure.add_subplot(grid[2 * row, column])
            lower = figure.add_subplot(grid[2 * row + 1, column], sharex=upper)
            _draw_curve(upper, lower, drawn, legend=k == 0)
    return figure


def _draw_curve(upper: Axes, lower: Axes, drawn: Curve, *, legend: bool) -> None:
    upper.plot(drawn.line_x, drawn.line_s, color=INK, lw=1.4, label="fitted", zorder=1)
    for held_out, colour, label in ((False, BLUE, "measured"), (True, ORANGE, "held out")):
        kept = [k for k, held in enumerate(drawn.held_out) if held == held_out]
        if not kept:
            continue
        x = [drawn.x[k] for k in kept]
        upper.plot(
            x, [drawn.measured_s[k] for k in kept], "o", ms=4, color=colour, alpha=0.75, label=label
        )
        lower.plot(x, [drawn.residuals[k] for k in kept], "o", ms=3.5, color=colour, alpha=0.75)
    if min(drawn.x) > 0 and max(drawn.x) > 30 * min(drawn.x):
        upper.set_xscale("log")
    upper.set_yscale("log")
    upper.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    upper.yaxis.set_major_formatter(FuncFormatter(lambda value, _: fmt.seconds(value)))
    upper.yaxis.set_minor_formatter("")
    upper.tick_params(labelbottom=False)
    upper.set_title(drawn.title, loc="left")
    upper.grid()
    upper.set_axisbelow(True)
    lower.axhline(0, color=INK, lw=1)
    reach = 1.2 * max(0.05, *(abs(r) for r in drawn.residuals))
    lower.set_ylim(-reach, reach)
    lower.yaxis.set_major_formatter(FuncFormatter(lambda value, _: fmt.percent(value)))
    lower.set_xlabel(drawn.x_label)
    lower.set_ylabel("residual", fontsize=9.5)
    lower.grid(axis="y")
    lower.set_axisbelow(True)
    if legend:
        upper.legend(loc="upper left", fontsize=9.5)


def comparison(result: Comparison) -> Figure:
    """Measured speed-up beside the predicted one, per worker count."""
    with rc_context(STYLE):
        figure = Figure(figsize=(7.6, 4.8), layout="constrained")
        axes = figure.add_subplot()
        workers = [row.workers for row in result.rows]
        predicted = [row.predicted.speedup for row in result.rows]
        low = [row.predicted.speedup_interval[0] for row in result.rows]
        high = [row.predicted.speedup_interval[1] for row in result.rows]
        axes.fill_between(workers, low, high, color=BLUE, alpha=0.18, lw=0, label="90 % interval")
        axes.plot(workers, predicted, color=BLUE, lw=2, marker="o", ms=4, label="predicted")
        measured = [row.measured_speedup for row in result.rows]
        axes.plot(workers, measured, "D", ms=8, color=ORANGE, label="measured")
        axes.axhline(1.0, color=INK, lw=1)
        _worker_axis(axes, workers)
        flat = max(*high, *measured) < LOGARITHMIC_BELOW
        top = 2.0 if flat else 1.2 * max(1.2, *high, *measured)
        _speedup_axis(axes, min(*low, *measured), top, flat=flat)
        scenario = result.rows[-1].predicted.scenario
        axes.set_title(
            f"{scenario.workload.name}, {scenario.strategy}, {scenario.scaling} scaling",
            loc="left",
            weight="bold",
        )
        _legend_below(figure)
    return figure


def _legend_below(figure: Figure) -> None:
    """Outside the axes, where no curve can run through it."""
    figure.legend(loc="outside lower center", ncols=4, fontsize=10)
