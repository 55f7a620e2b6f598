"""Slider views: the controls of a page, and the numbers between which its script interpolates."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from nworkers.cli.report.curve_svg import CurveAxes
from nworkers.cli.report.markup import text
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.cli.shown.way_out_text import Ask

if TYPE_CHECKING:
    from nworkers.simulator.report import Slid, SlidTo

TITLES = {
    "batch": "Batch",
    "latency": "Latency",
    "bandwidth": "Bandwidth",
    "ps": "Parameter servers",
    "device": "Speed of the devices",
}


def controls(slid: Iterable[Slid]) -> str:
    """A slider for each quantity; whole quantities have their computed values alone."""
    return "".join(map(_control, slid))


def _control(slid: Slid) -> str:
    name, last = slid.slider.name, len(slid.found) - 1
    now = _label(slid, slid.found[slid.today])
    ticks = "".join(f'<option value="{k}"></option>' for k in range(last + 1))
    return (
        f'<div class="slider"><label for="s-{name}">{text(TITLES[name])}</label>'
        f'<output id="o-{name}" for="s-{name}">{text(now)}</output>'
        f'<input type="range" id="s-{name}" min="0" max="{last}" value="{slid.today}" '
        f'step="{1 if slid.slider.whole else 0.125}" list="l-{name}" '
        f'aria-valuetext="{text(now)}"><datalist id="l-{name}">{ticks}</datalist></div>'
    )


def data(slid: Iterable[Slid], axes: CurveAxes, ask: Ask) -> str:
    """All that the script needs, as JSON that is safe inside a page."""
    document = [
        {
            "name": one.slider.name,
            "today": one.today,
            "at": [_at(one, found, axes, ask) for found in one.found],
        }
        for one in slid
    ]
    return json.dumps(document, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _at(slid: Slid, found: SlidTo, axes: CurveAxes, ask: Ask) -> dict[str, object]:
    rows = found.curve.rows
    return {
        "label": _label(slid, found),
        "answer": headline.of_breakeven(found.curve),
        "command": ask(found.curve.max_workers, found.position.fields),
        "workers": [row.scenario.workers for row in rows],
        "speedup": [row.speedup for row in rows],
        "text": [fmt.times(row.speedup, row.speedup_interval) for row in rows],
        "x": [axes.x(row.scenario.workers) for row in rows],
        "y": [axes.y(row.speedup) for row in rows],
        "low": [axes.y(row.speedup_interval[0]) for row in rows],
        "high": [axes.y(row.speedup_interval[1]) for row in rows],
    }


def _label(slid: Slid, found: SlidTo) -> str:
    """Such as ``256 samples``, ``1.4 × today's: 1.44 Gbit/s``."""
    slider, position = slid.slider, found.position
    now = " (today)" if found is slid.found[slid.today] else ""
    if slider.name == "batch":
        return f"{position.value:.0f} samples{now}"
    if slider.name == "ps":
        return fmt.count(round(position.value), "parameter server") + now
    times = f"{position.factor:g} × today's"
    if slider.name == "device":
        return "as today" if now else times
    size = fmt.quantity(position.value, slider.unit)
    return f"{size}{now}" if now else f"{times}: {size}"
