"""Option ratios: how fast each way to do a job is beside the first, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib import rc_context
from matplotlib.figure import Figure

from nworkers.cli.plots import dot_rows
from nworkers.cli.plots.about import about
from nworkers.cli.plots.label_places import settle
from nworkers.cli.plots.style import LARGE, STYLE, Size, name, sheet
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import option_views

if TYPE_CHECKING:
    from nworkers.simulator.decide.job_options import OptionFound


#: Characters of a name that has room below the axis.
_SHORT = 30


def option_ratios(found: Sequence[OptionFound], size: Size = LARGE) -> Figure:
    """A row for each option; the fastest is marked."""
    best = max(found, key=lambda option: option.ratio)
    rows = [
        dot_rows.DotRow(
            option.name, option.ratio, option.ratio_interval,
            f"{fmt.times(option.ratio)}, {fmt.count(option.row.scenario.workers, 'worker')}",
            option is best,
        )
        for option in found
    ]  # fmt: skip
    first = found[0]
    figure = sheet(
        size,
        option_views.best_option(found).rstrip("."),
        [f"{name(first.name)}: {text}" if k == 0 else text
         for k, text in enumerate(about(first.job, first.row.scenario, counted=False))],
        dot_rows.AXIS_IN + sum(dot_rows.heights(rows, size)),
    )  # fmt: skip
    with rc_context(STYLE):
        axes = figure.subplots()
        than = first.name if len(first.name) < _SHORT else "the first"
        dot_rows.draw_ratios(axes, rows, size, f"times as fast as {than}")
    return settle(figure)
