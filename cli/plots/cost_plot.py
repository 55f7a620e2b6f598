"""Cost plot: money and hours over numbers of workers, with the cheapest and the limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from nworkers.cli.plots.about import about
from nworkers.cli.plots.label_places import Key, Label, settle
from nworkers.cli.plots.style import (
    GREY,
    INK,
    LARGE,
    ORANGE,
    STYLE,
    Size,
    headed,
    log_marks,
    looks,
    name,
    sheet,
    worker_axis,
)
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.cli.shown.cost_panels import CostPanel, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nworkers.simulator.decide.job_options import OptionFound
    from nworkers.simulator.decide.money import CostCurve
    from nworkers.simulator.study.resolve import ResolvedJob

#: Inches of a panel, of two the height of the size.
_PANEL = 0.62
#: Intervals of more curves hide each other.
_BANDS = 3


def curves_of(found: Iterable[OptionFound]) -> list[tuple[str, CostCurve]]:
    """Those of options whose number of workers is open."""
    spent = [(option.name, option.spent) for option in found]
    return [(name, of.curve) for name, of in spent if of is not None and of.curve is not None]


def costs(
    curves: Sequence[tuple[str, CostCurve]], title: str, job: ResolvedJob, size: Size = LARGE
) -> Figure:
    """What the work costs and how long it takes, for each option over its numbers of workers.

    The best number is circled, limits are dotted and the baseline is dashed. Without prices there
    are hours alone; without samples, all is for a million.

    Args:
        job: that of the first curve.
    """
    first = curves[0][1]
    shown = panels(first)
    lines = list(about(job, first.result.rows[-1].scenario, counted=False))
    if len(curves) > 1:
        lines[0] = f"{name(curves[0][0])}: {lines[0]}"
    finding, rest = headed(title)
    figure = sheet(size, finding, [*rest, *lines], max(1.0, _PANEL * len(shown)) * size.height_in)
    with rc_context(STYLE):
        drawn = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
        labels = [
            label
            for axes, panel in zip(drawn, shown, strict=True)
            for label in _draw(axes, curves, panel)
        ]
        worker_axis(drawn[-1], sorted({row.workers or 0 for _, of in curves for row in of.rows}))
        for axes in drawn[:-1]:
            axes.set_xlabel("")
            axes.tick_params(labelbottom=False, bottom=False)
        figure.align_ylabels(drawn)
    key: list[Line2D | Patch] = [
        Line2D([], [], **look, label=name(option) if len(curves) > 1 else "predicted")
        for (option, _), look in zip(curves, _looks(curves), strict=True)
    ]
    if len(curves) <= _BANDS:
        key.append(Patch(color=GREY, alpha=0.3, lw=0, label="90 % interval"))
    return settle(figure, dict.fromkeys(labels), Key(drawn[0], below=key))


def _looks(curves: Sequence[tuple[str, CostCurve]]) -> list[dict[str, Any]]:
    return looks(len(curves), max(len(of.rows) for _, of in curves))


def _draw(axes: Axes, curves: Sequence[tuple[str, CostCurve]], panel: CostPanel) -> Iterator[Label]:
    """A panel's curves, and what is written on it."""
    from nworkers.simulator.decide.money import best_of

    ends: list[float] = []
    known = [(of, [row for row in of.rows if panel.has(row)]) for _, of in curves]
    looked = list(zip(known, _looks(curves), strict=True))
    for (_, rows), look in looked:
        if not rows:
            continue
        workers = [row.workers or 0 for row in rows]
        values = [panel.value(row) for row in rows]
        low, high = zip(*(interval for _, interval in values), strict=True)
        ends += [*low, *high]
        if len(curves) <= _BANDS:
            axes.fill_between(workers, low, high, color=look["color"], alpha=0.15, lw=0)
        axes.plot(workers, [value for value, _ in values], **look)
    levels: list[tuple[float, str, dict[str, Any]]] = []
    first = curves[0][1]
    if panel.has(first.baseline):
        said = headline.baseline(first.result.rows[0])
        levels.append((panel.value(first.baseline)[0], said, {"color": GREY, "ls": (0, (4, 3))}))
    if panel.limit is not None:
        levels.append((panel.limit, panel.limit_name, {"color": ORANGE, "ls": ":"}))
    _axis(axes, [*ends, *(at for at, *_ in levels)], panel.label)
    for (of, _), look in looked:
        best = best_of(of.rows, of.prices, of.assignment)
        if panel.has(best):
            at = (best.workers or 0, panel.value(best)[0])
            axes.plot(*([one] for one in at), "o", ms=9, mfc="white", mec=look["color"], mew=2.2)
            yield Label(axes, at, fmt.count(at[0], "worker"), INK, "bold", near=True)
    last = max(row.workers or 0 for _, of in curves for row in of.rows)
    for level, said, look in levels:
        axes.axhline(level, lw=1.2, **look)
        colour = INK if look["color"] == GREY else ORANGE
        yield Label(axes, (last, level), said, colour, is_level=True)


def _axis(axes: Axes, shown: Sequence[float], label: str) -> None:
    """Upwards, logarithmic, about what is shown."""
    low, high = (min(shown) / 1.3, max(shown) * 1.3) if shown else (0.1, 1.0)
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    room_in = 0.35 * axes.figure.bbox.height / axes.figure.dpi
    axes.yaxis.set_major_locator(FixedLocator(log_marks(low, high, room_in, 0.3)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.set_ylabel(label.replace(" of ", " of\n"))
    axes.grid(axis="y")
