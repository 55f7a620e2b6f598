"""Fitted laws: each quantity's samples with what was fitted to them, and what that misses."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from math import nan
from typing import TYPE_CHECKING

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from nworkers.cli.plots.label_places import Key, settle
from nworkers.cli.plots.style import (
    BLUE,
    INK,
    LARGE,
    ORANGE,
    STYLE,
    Size,
    log_marks,
    name,
    sheet,
    short,
    signed_percent,
    wrapped,
)
from nworkers.cli.shown import format as fmt
from nworkers.models.records.profile import Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nworkers.models.fitting.held_out import Curve

#: A column's least width, and the heights of its two panels.
_COLUMN_IN, _UPPER_IN, _LOWER_IN = 2.9, 2.0, 1.0
_TITLE = 10.0
_UNITS = {"bytes": "B", "floating-point operations": "", "batch": ""}


def fitted_laws(curves: Sequence[Curve], profile: Profile, size: Size = LARGE) -> Figure:
    """For each quantity measured beside fitted, and below them measured over fitted."""
    columns = max(1, min(len(curves), int(size.width_in / _COLUMN_IN)))
    rows = -(-len(curves) // columns)
    body_in = rows * (_UPPER_IN + _LOWER_IN + 0.9) + 0.35
    about = [f"{name(profile.hardware)} ({profile.link.evidence})"]
    figure = sheet(size, finding(curves), about, body_in)
    with rc_context(STYLE):
        grid = figure.add_gridspec(2 * rows, columns, height_ratios=[_UPPER_IN, _LOWER_IN] * rows)
        for k, drawn in enumerate(curves):
            row, column = divmod(k, columns)
            upper = figure.add_subplot(grid[2 * row, column])
            lower = figure.add_subplot(grid[2 * row + 1, column])
            _draw(upper, lower, drawn, size.width_in / columns - 1.0)
    key = Key(figure.axes[0], below=_key(curves)) if curves else None
    return settle(figure, key=key)


def finding(curves: Sequence[Curve]) -> str:
    """What the fit misses of what it never saw; where it saw all, of what it saw."""
    missed = [
        (abs(residual), out, curve.title)
        for curve in curves
        for residual, out in zip(curve.residuals, curve.held_out, strict=True)
    ]
    if not missed:
        return "Nothing was fitted"
    unseen = [of for of in missed if of[1]]
    what, counted = ("held-out", unseen) if unseen else ("fitted", missed)
    most, _, title = max(counted)
    median = statistics.median(of[0] for of in counted)
    return (
        f"The fit misses {what} samples by {fmt.percent(median)} in the median; "
        f"at most {fmt.percent(most)}, of {name(title)}"
    )


def _unbroken(drawn: Curve) -> tuple[list[float], list[float]]:
    """The line of the fit with a gap where it jumps down, between two of its segments."""
    x, seconds = [drawn.line_x[0]], [drawn.line_s[0]]
    for place, value_s in zip(drawn.line_x[1:], drawn.line_s[1:], strict=True):
        if value_s < 0.98 * seconds[-1]:
            x.append(place)
            seconds.append(nan)
        x.append(place)
        seconds.append(value_s)
    return x, seconds


def _draw(upper: Axes, lower: Axes, drawn: Curve, room_in: float) -> None:
    if _is_smooth(drawn):
        upper.plot(*_unbroken(drawn), color=INK, lw=1.3, zorder=1)
    else:
        # Neighbours have different shapes: what is fitted of each stands alone.
        upper.plot(drawn.line_x, drawn.line_s, "_", color=INK, ms=11, mew=1.3, zorder=1)
    for out, colour, marker in ((False, BLUE, "o"), (True, ORANGE, "D")):
        kept = [k for k, held in enumerate(drawn.held_out) if held == out]
        x = [drawn.x[k] for k in kept]
        seconds = [drawn.measured_s[k] for k in kept]
        upper.plot(x, seconds, marker, ms=4, color=colour)
        lower.plot(x, [drawn.residuals[k] for k in kept], marker, ms=3.5, color=colour)
    low, high = max(min(drawn.x), 0.5), max(drawn.x)
    unit = _UNITS.get(drawn.x_label, "")
    for axes in (upper, lower):
        axes.set_xscale("log")
        axes.set_xlim(low / 1.5, high * 1.5)
        marks = log_marks(low / 1.5, high * 1.5, room_in, 0.6)
        axes.xaxis.set_major_locator(FixedLocator(marks))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value, unit)))
        axes.grid()
    upper.tick_params(labelbottom=False)
    title = wrapped(name(drawn.title), room_in, _TITLE, "bold")
    upper.set_title("\n".join(title), weight="bold", fontsize=_TITLE)
    times = [*drawn.line_s, *drawn.measured_s]
    upper.set_yscale("log")
    upper.set_ylim(min(times) / 1.3, max(times) * 1.3)
    marks = log_marks(min(times) / 1.3, max(times) * 1.3, _UPPER_IN, 0.3)
    upper.yaxis.set_major_locator(FixedLocator(marks))
    upper.yaxis.set_minor_locator(NullLocator())
    upper.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value, "s")))
    upper.set_ylabel("time")
    lower.axhline(0, color=INK, lw=1)
    reach = 1.25 * max(0.02, *(abs(residual) for residual in drawn.residuals))
    lower.set_ylim(-reach, reach)
    lower.yaxis.set_major_locator(MaxNLocator(3, symmetric=True, min_n_ticks=2))
    lower.yaxis.set_major_formatter(signed_percent())
    lower.set_xlabel("size" if unit == "B" else drawn.x_label)
    lower.set_ylabel("missed")


def _is_smooth(drawn: Curve) -> bool:
    """Whether the fit is known between the samples too."""
    return not set(drawn.line_x) <= set(drawn.x)


def _key(curves: Sequence[Curve]) -> list[Line2D]:
    found = [Line2D([], [], color=BLUE, ls="", marker="o", ms=4, label="measured, fitted to")]
    if any(any(curve.held_out) for curve in curves):
        found.append(
            Line2D([], [], color=ORANGE, ls="", marker="D", ms=4, label="measured, held out")
        )
    return [*found, Line2D([], [], color=INK, lw=1.3, label="fit")]
