"""Curve section: speed-up over workers as a picture and in numbers, and the same of money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nworkers.cli.report.cost_svg import cost_svg
from nworkers.cli.report.curve_svg import axes_of, curve_svg
from nworkers.cli.report.markup import even, figure, paragraph, section, table, two
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline, money_text, predict_text
from nworkers.cli.shown.cost_panels import CostPanel, panels

if TYPE_CHECKING:
    from nworkers.models.records.prediction import Prediction
    from nworkers.simulator.decide.money import CostCurve
    from nworkers.simulator.report import ReportAnswer


def curve_section(found: ReportAnswer) -> str:
    """The curve with its points."""
    result, best = found.answer.result, found.answer.best
    base = headline.baseline(best)
    plain = result.target_speedup == 1.0
    reach = "win" if plain else "reach the target"
    counted = "Speed" if result.aim.counts_samples else "Progress"
    caption = (
        f"{counted} of all workers together, as a multiple of {base}, by the number of workers. "
        f"Above the dashed line they {reach}. The shaded band holds 90 % of fresh runs of 30 s. "
        "Both axes are logarithmic. "
    )
    if result.breakeven_workers_interval[0] is not None and result.breakeven_workers is not None:
        caption += "The thick bar on the lower axis is the 90 % interval of the first that "
        caption += "wins." if plain else "reaches it."
    picture = figure(
        curve_svg("curve", result, axes_of([result.rows], result.target_speedup)), caption
    )
    rows = [
        (
            str(row.scenario.workers),
            fmt.seconds(row.step_time_s),
            fmt.times(row.speedup, row.speedup_interval),
            fmt.percent(row.probability_exceeds(result.target_speedup)),
        )
        for row in telling(found)
    ]
    numbers = table(
        f"{len(rows)} of the {len(result.rows)} points; chance: how probably they {reach}",
        ("workers", "step", "speed-up (90 % interval)", "chance"),
        rows,
        (),
    )
    counted = paragraph(predict_text.counts(result.aim).replace("\n", " "))
    return section("answer", "Speed-up by workers", two(picture, numbers), counted)


def telling(found: ReportAnswer) -> list[Prediction]:
    """The points that say it: doublings, the ends, what wins first, the best and the cheapest."""
    from nworkers.simulator.decide.money import best_of

    answer, costs = found.answer, found.costs
    rows = answer.result.rows
    kept = [rows[0], rows[-1], answer.best, answer.decisive, found.nearly_best]
    told: set[int | None] = {row.scenario.workers for row in kept}
    if costs is not None:
        best = best_of(costs.rows, costs.prices, costs.assignment)
        told |= {costs.best_workers, costs.best_cost_workers, best.workers}
    return [
        row for row in rows if row.scenario.workers in told or row.scenario.workers.bit_count() == 1
    ]


def cost_section(found: ReportAnswer) -> str:
    """What so many workers cost and how long they take; nothing where nobody asked."""
    costs = found.costs
    if costs is None:
        return ""
    base = headline.baseline(found.answer.best)
    drawn = [
        figure(cost_svg(f"spent-{k}", costs, panel), _caption(costs, panel, base))
        for k, panel in enumerate(panels(costs))
    ]
    made = money_text.table(costs)
    kept = {str(row.scenario.workers) for row in telling(found)} | {base}
    header, *rows = made.rows
    shown = [row for row in rows if row[0] in kept]
    numbers = table(
        f"{len(shown)} of the {len(rows)} points, with {base}; in the currency of the prices",
        header,
        shown,
    )
    return section("costs", "What it costs", even(*drawn), numbers)


def _caption(costs: CostCurve, panel: CostPanel, base: str) -> str:
    work, dotted = costs.assignment, ""
    if panel.limit is not None:
        dotted = f"; the dotted one is the {panel.limit_name}"
    best = "the cheapest" if costs.prices.known else "the fastest"
    if work.deadline_s is not None or work.budget is not None:
        least = "the cheapest" if costs.prices.known else "the fewest hosts"
        best = f"{least} within the limits, or what comes nearest to them"
    return (
        f"{panel.label.capitalize()} by the number of workers, with 90 % intervals. The circle is "
        f"{best}. The dashed line is {base}{dotted}."
    )
