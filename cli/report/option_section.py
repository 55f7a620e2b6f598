"""Option section: ways to do the job side by side, and what a step of the first is spent on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nworkers.cli.report.breakdown_svg import breakdown_svg
from nworkers.cli.report.markup import figure, paragraph, section, table, table_of, two
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline, money_text, option_views

if TYPE_CHECKING:
    from nworkers.models.records.prediction import Prediction
    from nworkers.simulator.report import ReportAnswer


def option_section(found: ReportAnswer) -> str:
    """Nothing where there is one way alone."""
    options, costs = found.options, found.costs
    if len(options) < 2:
        return ""
    most = found.today.max_workers
    parts, which = [], "as many workers as are best for it"
    if costs is not None:
        which = "the same workers"
        worth = (costs.prices, costs.assignment)
        cheapest = money_text.best_option(options, *worth)
        parts += [paragraph(cheapest)] if cheapest else []
        parts.append(
            table_of(
                f"What each costs with as many workers as are best for the money, up to {most}",
                money_text.options_table(options, *worth),
            )
        )
    else:
        parts.append(paragraph(option_views.best_option(options)))
    parts.append(
        table_of(
            f"Each with {which}, up to {most}; break-even: the fewest that win",
            option_views.options_text(options),
            without=("hosts", "samples/s"),
        )
    )
    return section("options", "Options compared", *parts)


def breakdown_section(found: ReportAnswer) -> str:
    """Shares of a step at each number of workers, and seconds at the one that decides."""
    row, rows = found.answer.decisive, found.answer.result.rows
    picture = figure(
        breakdown_svg("spent", rows),
        f"Share of a worker's step by what it is spent on, by number of workers. {_most(rows)}",
    )
    spent = sorted(row.breakdown.items(), key=lambda item: -item[1])
    workers = fmt.count(row.scenario.workers, "worker")
    took = fmt.seconds(row.step_time_s, row.step_time_s_interval)
    numbers = table(
        f"With {workers}, whose step takes {took}",
        ("spent on", "time", "share"),
        [
            (
                headline.CAUSE_WORDS[cause],
                fmt.seconds(took_s),
                fmt.percent(took_s / row.step_time_s),
            )
            for cause, took_s in spent
            if took_s > 0.0
        ],
    )
    return section("breakdown", "Where a step's time goes", two(picture, numbers))


def _most(rows: tuple[Prediction, ...]) -> str:
    """What takes most at first, and what in the end."""
    first, last = rows[0], rows[-1]
    begun = f"With {fmt.count(first.scenario.workers, 'worker')} most is {_largest(first)}"
    return (
        f"{begun}."
        if last is first
        else f"{begun}; with {last.scenario.workers}, {_largest(last)}."
    )


def _largest(row: Prediction) -> str:
    share = fmt.percent(row.breakdown[row.bottleneck] / row.step_time_s)
    return f"{headline.CAUSE_WORDS[row.bottleneck]}, {share}"
