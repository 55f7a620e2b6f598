"""Breakdown SVG: where a step's time goes at each number of workers, as stacked bars."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nworkers.cli.report.markup import text
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.models.records.prediction import Prediction

WIDTH, HEIGHT = 560, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 10, 46
#: So many causes have a colour of their own; the others share the last.
_COLOURS = 5
#: A bar's number is as wide as this.
_BAR = 34
REST = "all else"


def causes(rows: Sequence[Prediction]) -> list[str]:
    """Those that take most of a step at some number of workers, the largest first."""
    most: dict[str, float] = {}
    for row in rows:
        for cause, spent_s in row.breakdown.items():
            most[cause] = max(most.get(cause, 0.0), spent_s / row.step_time_s)
    ordered = sorted(most, key=lambda cause: -most[cause])
    return [cause for cause in ordered if most[cause] > 0.01][:_COLOURS]


def breakdown_svg(name: str, rows: Sequence[Prediction]) -> str:
    """Shares of the step, with a legend."""
    shown = _spread(rows, (WIDTH - _LEFT - _RIGHT) // _BAR)
    named = causes(shown)
    kinds = {cause: f"c{k + 1}" for k, cause in enumerate(named)}
    parts = [
        f'<text class="tick" text-anchor="end" x="{_LEFT - 6}" y="{_y(share) + 5:g}">'
        f"{100 * share:.0f} %</text>"
        for share in (0.0, 0.5, 1.0)
    ]
    slot = (WIDTH - _LEFT - _RIGHT) / len(shown)
    for k, row in enumerate(shown):
        left, bottom = _LEFT + slot * k + 2, 0.0
        for cause in (*named, REST):
            share = _share(row, cause, named)
            top = bottom + share
            parts.append(
                f'<rect class="bar {kinds.get(cause, "c6")}" x="{left:.1f}" '
                f'width="{slot - 4:.1f}" y="{_y(top):.1f}" height="{_y(bottom) - _y(top):.1f}"/>'
            )
            bottom = top
        parts.append(
            f'<text class="tick" text-anchor="middle" x="{left + slot / 2 - 2:.1f}" '
            f'y="{HEIGHT - _BOTTOM + 20}">{row.scenario.workers}</text>'
        )
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(
        f'<text class="axis" text-anchor="middle" x="{middle:g}" y="{HEIGHT - 6}">workers</text>'
    )
    told = "; ".join(f"{fmt.count(r.scenario.workers, 'worker')}: {_largest(r)}" for r in shown)
    picture = (
        f'<svg role="img" aria-labelledby="{name}-t {name}-d" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<title id="{name}-t">Where a step\'s time goes, by workers</title>'
        f'<desc id="{name}-d">{text(told)}</desc>{"".join(parts)}</svg>'
    )
    rest = [REST] if any(_share(row, REST, named) > 0.005 for row in shown) else []
    return picture + _legend([*named, *rest], kinds)


def _y(share: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * share


def _share(row: Prediction, cause: str, named: Sequence[str]) -> float:
    if cause == REST:
        return max(0.0, 1.0 - sum(_share(row, one, named) for one in named))
    return row.breakdown.get(cause, 0.0) / row.step_time_s


def _largest(row: Prediction) -> str:
    share = row.breakdown[row.bottleneck] / row.step_time_s
    return f"{headline.CAUSE_WORDS[row.bottleneck]} {fmt.percent(share)}"


def _spread(rows: Sequence[Prediction], most: int) -> list[Prediction]:
    """At most so many, the first and last among them, evenly by the logarithm of the workers."""
    if len(rows) <= most:
        return list(rows)
    ends = [math.log(row.scenario.workers) for row in (rows[0], rows[-1])]
    places = [ends[0] + (ends[1] - ends[0]) * k / (most - 1) for k in range(most)]
    nearest = [
        min(range(len(rows)), key=lambda k: abs(math.log(rows[k].scenario.workers) - place))
        for place in places
    ]
    return [rows[k] for k in dict.fromkeys(nearest)]


def _legend(named: Sequence[str], kinds: dict[str, str]) -> str:
    items = "".join(
        '<li><svg viewBox="0 0 12 12" aria-hidden="true">'
        f'<rect class="{kinds.get(cause, "c6")}" width="12" height="12"/></svg>'
        f"{text(headline.CAUSE_WORDS.get(cause, cause))}</li>"
        for cause in named
    )
    return f'<ul class="legend">{items}</ul>'
