"""Plots: figures of an answer, drawn without a display, and the bytes of a picture's file."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from nworkers.cli.shown import console, headline, option_views
from nworkers.cli.shown import format as fmt
from nworkers.models.files.atomic_write import write_bytes
from nworkers.models.records.prediction import BreakEven
from nworkers.models.records.profile import Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nworkers.models.fitting.held_out import Curve
    from nworkers.models.records.measurement import Comparison
    from nworkers.simulator.answers import BreakEvenAnswer
    from nworkers.simulator.decide.job_options import OptionFound

BLUE, ORANGE, GREY, INK = "#1f5fa8", "#d1602a", "#8a8f98", "#22262b"
#: Beyond this many workers the axis is logarithmic, so that the first ones stay readable.
LINEAR_WORKERS = 16
#: A curve that stays this far under 1 would lie flat on a linear axis.
LOGARITHMIC_BELOW = 0.3
STYLE = {
    "font.size": 11,
    "axes.titlesize": 13,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "grid.color": "#e6e8eb",
    "legend.frameon": False,
    "svg.hashsalt": "scale",  # the same picture gives the same file
}


def breakeven(answer: BreakEvenAnswer) -> Figure:
    """Speed-up over workers with its band, ideal scaling, and where it first exceeds 1."""
    result, profile = answer.result, answer.job.profile
    with rc_context(STYLE):
        figure = Figure(figsize=(8.4, 5.2), layout="constrained")
        axes = figure.add_subplot()
        _draw_speedup(axes, result)
        _legend_below(figure)
        scenario = result.rows[-1].scenario
        batch = "global batch" if scenario.scaling == "strong" else "batch per worker"
        axes.set_title(
            f"{scenario.workload.name}, {scenario.strategy}, {scenario.scaling} scaling, "
            f"{batch} {scenario.batch}",
            loc="left",
            weight="bold",
            pad=38,
        )
        _subtitle(
            axes,
            f"{profile.hardware} ({profile.link.evidence})\n"
            f"placement {result.rows[-1].scenario.placement}",
        )
    return figure


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


def _draw_speedup(axes: Axes, result: BreakEven) -> None:
    workers = [row.scenario.workers for row in result.rows]
    speedup = [row.speedup for row in result.rows]
    low = [row.speedup_interval[0] for row in result.rows]
    high = [row.speedup_interval[1] for row in result.rows]
    # Room for the curve: ideal scaling leaves the picture where it would squeeze everything else.
    flat = max(high) < LOGARITHMIC_BELOW
    top = 8.0 if flat else 1.15 * max(1.35, *high)
    axes.fill_between(workers, low, high, color=BLUE, alpha=0.18, lw=0, label="90 % interval")
    marker = "o" if len(workers) <= 2 * LINEAR_WORKERS else ""
    axes.plot(workers, speedup, color=BLUE, lw=2, marker=marker, ms=4, label="predicted")
    ideal = [n for n in workers if n <= top] + [top]
    axes.plot(ideal, ideal, color=GREY, lw=1.2, ls=(0, (4, 3)), label="ideal scaling")
    axes.axhline(1.0, color=INK, lw=1.0)
    if result.target_speedup != 1.0:
        axes.axhline(result.target_speedup, color=ORANGE, lw=1.0, ls=":", label="target")
    axes.annotate(
        f"{headline.baseline(result.rows[0])} = 1",
        (1.0, 1.0),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 4),
        textcoords="offset points",
        ha="right",
        fontsize=9.5,
    )
    _worker_axis(axes, workers)
    _speedup_axis(axes, min(low), top, flat=flat)
    _mark_breakeven(axes, result)


def _mark_breakeven(axes: Axes, result: BreakEven) -> None:
    first = result.breakeven_workers
    if first is None:
        axes.annotate(
            f"no break-even up to {fmt.count(result.max_workers, 'worker')}",
            (0.98, 0.96),
            xycoords="axes fraction",
            ha="right",
            va="top",
            color=ORANGE,
            weight="bold",
        )
        return
    row = next(r for r in result.rows if r.scenario.workers == first)
    axes.plot([first], [row.speedup], marker="o", ms=10, mfc="white", mec=ORANGE, mew=2.4, ls="")
    axes.annotate(
        f"break-even: {fmt.count(first, 'worker')} ({headline.interval_of_first(result)})",
        (first, row.speedup),
        # Above the curve on the right there is room, whichever way the curve turns.
        xytext=(0.98, 0.97),
        textcoords="axes fraction",
        ha="right",
        va="top",
        color=ORANGE,
        weight="bold",
        arrowprops={"arrowstyle": "-", "color": ORANGE, "lw": 1.2, "shrinkB": 6},
    )


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


def _subtitle(axes: Axes, text: str) -> None:
    axes.annotate(
        text,
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 8),
        textcoords="offset points",
        fontsize=10,
        color="#5a6069",
    )


def picture(figure: Figure, suffix: str) -> bytes:
    """The file of a figure.

    Args:
        suffix: of its name: ``.png``, ``.svg`` or ``.pdf``.
    """
    buffer = io.BytesIO()
    kind = suffix.lower().removeprefix(".")
    # Without its date the same answer gives the same file.
    metadata = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    with rc_context(STYLE):
        figure.savefig(buffer, format=kind, dpi=160, metadata=metadata)
    return buffer.getvalue()


def save(figure: Figure, path: Path, *, force: bool) -> None:
    """Write a figure, and say so.

    Raises:
        InputError: the file cannot be written.
    """
    write_bytes(path, picture(figure, path.suffix), force=force, field="plot")
    console.note(f"wrote {path}")
