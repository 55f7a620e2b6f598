"""Cost SVG: money or hours over workers as inline SVG, with the best number and the limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nworkers.cli.report.chart_axes import across, axes_around, band, grid, level, line, mark, svg
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline

if TYPE_CHECKING:
    from nworkers.cli.shown.cost_panels import CostPanel
    from nworkers.simulator.decide.money import CostCurve


def cost_svg(name: str, found: CostCurve, panel: CostPanel) -> str:
    """A panel of the costs, with today's baseline across.

    Args:
        name: of the picture in its page.
    """
    from nworkers.simulator.decide.money import best_of

    values = [(row.workers or 0, *panel.value(row)) for row in found.rows if panel.has(row)]
    spans = [(workers, span) for workers, _, span in values]
    points = [(workers, value) for workers, value, _ in values]
    bases = [panel.value(found.baseline)[0]] if panel.has(found.baseline) else []
    limits = [panel.limit] if panel.limit is not None else []
    levels = [*bases, *limits]
    ends = [end for _, span in spans for end in span]
    axes = axes_around((workers for workers, _ in spans), [*levels, *ends])
    at = best_of(found.rows, found.prices, found.assignment)
    best, _ = panel.value(at)
    label = f"{fmt.count(at.workers or 0, 'worker')}: {fmt.digits(best)}"
    parts = [
        *grid(axes, _tick),
        *(
            across(axes, base, headline.baseline(found.result.rows[0]), [points], "base")
            for base in bases
        ),
        *(across(axes, limit, panel.limit_name, [points], "limit") for limit in limits),
        band(axes, spans),
        f'<path class="curve" d="{line(axes, points)}"/>',
    ]
    if panel.has(at):
        lines = [points, *(level(axes, of) for of in levels)]
        parts.append(mark(axes, at.workers or 0, best, label, lines))
    told = "; ".join(f"{fmt.count(of, 'worker')} {fmt.digits(value)}" for of, value in points)
    return svg(name, panel.label.capitalize(), f"{told}; the best: {label}", parts)


def _tick(value: float) -> str:
    """``0.05``, ``200``, ``10k``."""
    for scale, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 10.0 * scale or (value >= scale and prefix != "k"):
            return f"{value / scale:g}{prefix}"
    return f"{value:g}"
