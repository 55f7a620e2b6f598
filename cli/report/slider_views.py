"""Slider views: a curve that sliders move, and the numbers between which it is interpolated."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from nworkers.cli.report.chart_axes import ChartAxes
from nworkers.cli.report.curve_svg import axes_of, curve_svg
from nworkers.cli.report.markup import figure, paragraph, region, section, text, two
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.cli.shown.way_out_text import Ask

if TYPE_CHECKING:
    from nworkers.simulator.report import ReportAnswer, Slid, SlidTo

_TITLES = {
    "batch": "Batch",
    "latency": "Latency of a transfer",
    "bandwidth": "Bandwidth of the link",
    "ps": "Parameter servers",
    "device": "Speed of the devices",
}


def slider_section(found: ReportAnswer, ask_curve: Ask) -> str:
    """The curve with its sliders, what it says where they stand, and the command that says so."""
    today = found.today
    every = [one.curve.rows for slid in found.slid for one in slid.found]
    axes = axes_of(every, today.target_speedup)
    most = today.max_workers
    fewer = min(slid.found[0].curve.max_workers for slid in found.slid)
    up_to = f"up to {most}" + (f", or {fewer} where parameter servers move" if fewer < most else "")
    picture = figure(
        curve_svg("slid", today, axes, moves=True),
        f"Speed-up by workers, {up_to}: solid as the sliders say, dashed as it is today. Where a "
        "slider rests on one of its nine values, the curve is what the command prints; between two "
        "it is interpolated.",
    )
    moved = (
        f'<p><strong id="moved-answer">{text(headline.of_breakeven(today))}</strong></p>'
        '<p id="moved-said" class="seen" role="status"></p>'
        '<pre class="command"><code id="moved-command">'
        f"{text(ask_curve(most, ()))}</code></pre>"
    )
    knobs = (
        f'<div id="knobs" hidden>{"".join(map(_control, found.slid))}'
        f'<button type="button" id="reset">Back to today</button></div>{moved}'
    )
    rows = "".join(
        f'<tr><th scope="row">{row.scenario.workers}</th>'
        f'<td data-speedup="{row.speedup!r}">{text(fmt.times(row.speedup, row.speedup_interval))}'
        "</td></tr>"
        for row in today.rows
    )
    numbers = region(
        "Speed-up at the sliders' values",
        '<thead><tr><th scope="col">workers</th><th scope="col">speed-up (90 % interval)</th></tr>'
        f'</thead><tbody id="moved-rows">{rows}</tbody>',
    )
    return section(
        "sliders",
        "What if one thing were otherwise?",
        paragraph("Move one slider; the others go back to today."),
        two(picture, knobs),
        f"<details><summary>The moved curve in numbers</summary>{numbers}</details>",
        f'<script type="application/json" id="slider-data">{data(found.slid, axes, ask_curve)}'
        "</script>",
    )


def _control(slid: Slid) -> str:
    """A slider; a whole quantity has its computed values alone."""
    name, last = slid.slider.name, len(slid.found) - 1
    now = _label(slid, slid.found[slid.today])
    ticks = "".join(f'<option value="{k}"></option>' for k in range(last + 1))
    return (
        f'<div class="slider"><label for="s-{name}">{text(_TITLES[name])}</label>'
        f'<output id="o-{name}" for="s-{name}">{text(now)}</output>'
        f'<input type="range" id="s-{name}" min="0" max="{last}" value="{slid.today}" '
        f'step="{1 if slid.slider.whole else 0.125}" list="l-{name}" '
        f'aria-valuetext="{text(now)}"><datalist id="l-{name}">{ticks}</datalist></div>'
    )


def data(slid: Iterable[Slid], axes: ChartAxes, ask: Ask) -> str:
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


def _at(slid: Slid, found: SlidTo, axes: ChartAxes, ask: Ask) -> dict[str, object]:
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
