"""Sensitivities: what a step would be without each cause, and which quantities move it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from nworkers.cli.plots import dot_rows
from nworkers.cli.plots.about import about
from nworkers.cli.plots.label_places import settle
from nworkers.cli.plots.style import LARGE, STYLE, Size, sheet
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.cli.shown.quantity_words import quantity_words

if TYPE_CHECKING:
    from nworkers.models.records.explained import Explained
    from nworkers.simulator.answers import ExplainAnswer

#: More rows are a table.
_MOST = 10


def sensitivities(answer: ExplainAnswer, size: Size = LARGE) -> Figure:
    """The causes by what doing without them buys, and the quantities by what 1 % of them moves."""
    found = answer.found
    names = _names([one.path for one in found.elasticities])
    freed = [
        dot_rows.DotRow(
            headline.CAUSE_WORDS[one.cause], one.ratio, one.ratio_interval, fmt.times(one.ratio),
            k == 0,
        )
        for k, one in enumerate(found.freed[:_MOST])
    ]  # fmt: skip
    moving = [
        dot_rows.DotRow(names[one.path], one.percent, one.interval, f"{one.percent:+.2f} %", k == 0)
        for k, one in enumerate(found.elasticities[:_MOST])
    ]
    panels = [rows for rows in (freed, moving) if rows]
    heights = [sum(dot_rows.heights(rows, size)) for rows in panels]
    body_in = sum(heights) + (dot_rows.AXIS_IN + 0.1) * len(panels)
    figure = sheet(size, finding(found), about(answer.job, found.row.scenario), body_in)
    if not panels:
        return settle(figure)
    with rc_context(STYLE):
        drawn = figure.subplots(
            len(panels), 1, squeeze=False, gridspec_kw={"height_ratios": heights}
        )[:, 0]
        for axes, rows in zip(drawn, panels, strict=True):
            if rows is freed:
                dot_rows.draw_ratios(axes, rows, size, "times as fast without it")
            else:
                dot_rows.draw(axes, rows, size, 0.0)
                axes.xaxis.set_major_locator(MaxNLocator(5))
                axes.xaxis.set_major_formatter(
                    FuncFormatter(lambda value, _: f"{value:+g} %" if value else "0 %")
                )
                axes.set_xlabel("change of a step's time with 1 % more of it")
    return settle(figure)


def finding(found: Explained) -> str:
    """What buys most, and what moves a step most."""
    workers = fmt.count(found.row.scenario.workers, "worker")
    parts = []
    if found.freed:
        best = found.freed[0]
        is_ = "is" if found.row.scenario.workers == 1 else "are"
        parts.append(
            f"Without {headline.CAUSE_WORDS[best.cause]} {workers} {is_} "
            f"{fmt.digits(best.ratio)} times as fast"
        )
    if found.elasticities:
        most = found.elasticities[0]
        what = _names([one.path for one in found.elasticities])[most.path]
        longer = "longer" if most.percent > 0 else "shorter"
        parts.append(f"1 % more {what} makes a step {abs(most.percent):.2f} % {longer}")
    return "; ".join(parts) or f"No single quantity moves a step of {workers} by more than chance"


def _names(paths: Sequence[str]) -> dict[str, str]:
    """What each quantity is in words; its path, where several are the same in words."""
    words = {path: quantity_words(path) or path for path in paths}
    said = Counter(words.values())
    return {path: word if said[word] == 1 else path for path, word in words.items()}
