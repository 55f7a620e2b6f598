"""Cost plot: money and hours over numbers of workers, with the cheapest and the limits."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from nworkers.cli.plots.style import BLUE, GREY, INK, ORANGE, STYLE
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.cli.shown.cost_panels import CostPanel, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nworkers.simulator.decide.job_options import OptionFound
    from nworkers.simulator.decide.money import CostCurve

#: Of the options, the first is what is asked.
COLOURS = (BLUE, "#2f8f6b", "#8a4fa3", "#b08a1e", "#5a6069")
#: Beyond this many workers the axis is logarithmic.
LINEAR_WORKERS = 16


def curves_of(found: Iterable[OptionFound]) -> list[tuple[str, CostCurve]]:
    """Those of options whose number of workers is open."""
    spent = [(option.name, option.spent) for option in found]
    return [(name, of.curve) for name, of in spent if of is not None and of.curve is not None]


def costs(curves: Sequence[tuple[str, CostCurve]], title: str) -> Figure:
    """What the work costs and how long it takes, for each option over its numbers of workers.

    The best number is circled, limits are dotted and the baseline is dashed. Without prices there
    are hours alone; without samples, all is for a million.
    """
    first = curves[0][1]
    drawn_of = panels(first)
    with rc_context(STYLE):
        figure = Figure(figsize=(8.4, 1.8 + 3.0 * len(drawn_of)), layout="constrained")
        drawn = figure.subplots(len(drawn_of), 1, sharex=True, squeeze=False)[:, 0]
        for axes, panel in zip(drawn, drawn_of, strict=True):
            _draw(axes, curves, panel)
            base = headline.baseline(first.result.rows[0])
            if panel.has(first.baseline):
                _line(axes, panel.value(first.baseline)[0], base, "--")
            if panel.limit is not None:
                _line(axes, panel.limit, panel.limit_name, ":", ORANGE)
            axes.set_ylabel(panel.label)
        _axis_of_workers(drawn[-1], [row.workers or 0 for _, one in curves for row in one.rows])
        if len(curves) > 1:
            handles, names = drawn[0].get_legend_handles_labels()
            figure.legend(handles, names, loc="outside lower center", ncols=2, fontsize=10)
        figure.suptitle(textwrap.fill(title, 78), x=0.02, ha="left", weight="bold", fontsize=12)
    return figure


def _draw(axes: Axes, curves: Sequence[tuple[str, CostCurve]], panel: CostPanel) -> None:
    from nworkers.simulator.decide.money import best_of

    for place, (name, of) in enumerate(curves):
        colour = COLOURS[place % len(COLOURS)]
        rows = [row for row in of.rows if panel.has(row)]
        if not rows:
            continue
        workers = [row.workers or 0 for row in rows]
        values = [panel.value(row) for row in rows]
        low, high = zip(*(interval for _, interval in values), strict=True)
        axes.fill_between(workers, low, high, color=colour, alpha=0.15, lw=0)
        axes.plot(workers, [one for one, _ in values], color=colour, lw=2, marker="o", ms=4,
                  label=name)  # fmt: skip
        best = best_of(of.rows, of.prices, of.assignment)
        if not panel.has(best):
            continue
        at = (best.workers or 0, panel.value(best)[0])
        axes.plot(*([number] for number in at), "o", ms=10, mfc="white", mec=ORANGE, mew=2.4)
        axes.annotate(
            fmt.count(at[0], "worker"),
            at,
            # Hours fall from the left: above on the right there is room.
            xytext=(7, 7),
            textcoords="offset points",
            color=ORANGE,
            weight="bold",
            # Where the curve rises, it stays behind the words.
            bbox={"fc": "white", "ec": "none", "alpha": 0.75, "pad": 1.0},
        )
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(axis="y")
    axes.set_axisbelow(True)


def _line(axes: Axes, at: float, name: str, style: str, colour: str = GREY) -> None:
    """A level that is the same for all numbers of workers, named at its right end."""
    axes.axhline(at, color=colour, lw=1.2, ls=style)
    axes.annotate(
        name,
        (1.0, at),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 4),
        textcoords="offset points",
        ha="right",
        color=INK if colour == GREY else colour,
        fontsize=9.5,
    )


def _axis_of_workers(axes: Axes, workers: Iterable[int]) -> None:
    """Of panels that share it; logarithmic beyond as many workers as on every curve."""
    numbers = sorted(set(workers))
    axes.set_xlabel("workers")
    if numbers[-1] > LINEAR_WORKERS:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:g}"))
