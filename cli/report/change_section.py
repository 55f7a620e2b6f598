"""Change section: what would win, single changes by what they bring, and what moves a step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nworkers.cli.asked.what_if_options import KINDS
from nworkers.cli.report.job_words import STRATEGY_WORDS
from nworkers.cli.report.markup import command, heading, paragraph, section, table
from nworkers.cli.report.page_commands import PageCommands
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline, way_out_text
from nworkers.cli.shown.quantity_words import with_words

if TYPE_CHECKING:
    from nworkers.models.records.solved import WayOut
    from nworkers.simulator.report import ReportAnswer

#: So many of a table's rows are shown.
_MOST_ROWS = 8
#: What ranks below this is no gain worth a line.
_NO_GAIN = 1.005


def change_section(found: ReportAnswer, commands: PageCommands) -> str:
    explained = found.explained.found
    parts = [*_would_win(found, commands), *_single(found)]
    parts.append(heading("What takes the time"))
    parts.append(paragraph(headline.of_explained(explained)))
    if not found.answer.result.aim.counts_samples:
        parts.append(paragraph("That counts samples, whatever progress they bring."))
    if explained.elasticities:
        workers = fmt.count(explained.row.scenario.workers, "worker")
        parts.append(
            table(
                f"What moves a step of {workers} most, by the fitted quantities of the hardware",
                ("1 % more of", "which is", "moves the step by"),
                [
                    (
                        with_words(of.path),
                        fmt.quantity(of.value, of.unit) if of.unit else fmt.digits(of.value),
                        f"{of.percent:+.2f} %",
                    )
                    for of in explained.elasticities[:_MOST_ROWS]
                ],
            )
        )
    return section("changes", "What would change it", *parts)


def _would_win(found: ReportAnswer, commands: PageCommands) -> Iterator[str]:
    """Ways to the goal, where the job has none as it is."""
    answer = found.answer
    if answer.ways_out is None:
        return
    aim, base = answer.result.aim, headline.baseline(answer.best)
    there = answer.result.breakeven_workers is not None
    title = f"What would {headline.wins(aim, 2)} {headline.goal(aim, base)}"
    yield heading(
        title + (f" with the {answer.best.owned_workers} that are there" if there else "")
    )
    if not answer.ways_out:
        yield paragraph(way_out_text.NONE)
    for way in answer.ways_out:
        known = fmt.span(way.interval)
        yield paragraph(f"{way_out_text.sentence(way, base, aim)}; 90 % interval {known}.")
        yield command(commands.ask(way.workers, way.fields))


def _single(found: ReportAnswer) -> Iterator[str]:
    """Changes that gain, beside the job as it is."""
    now = next((way for way in found.ranked if not way.fields), None)
    if now is None:
        return
    workers = fmt.count(now.workers, "worker")
    better = [way for way in found.ranked if way.speedup > _NO_GAIN * now.speedup]
    yield heading("Single changes")
    if not better:
        yield paragraph(f"None that was tried makes {workers} notably faster.")
        return
    target = found.answer.result.target_speedup
    if max(way.speedup for way in better) <= target:
        base = headline.goal(found.answer.result.aim, headline.baseline(found.answer.best))
        yield paragraph(f"None of these alone lets {workers} get past {base}.")
    yield table(
        f"With {workers}, the best first; beside today: how many times as fast as now",
        ("change", "speed-up (90 % interval)", "beside today"),
        [
            (
                _change(way),
                fmt.times(way.speedup, way.interval),
                f"{fmt.digits(way.speedup / now.speedup)}×",
            )
            for way in (*better, now)
        ],
    )


def _change(way: WayOut) -> str:
    """Such as ``link: 10gbit``, and what that means; the job as it is has none."""
    said = ", ".join(f"{field.replace('_', '-')}: {value}" for field, value in way.fields)
    meant = "; ".join(filter(None, (_meaning(*each) for each in way.fields)))
    return "\n".join(filter(None, (said or "as it is", meant)))


def _meaning(field: str, value: str) -> str:
    """What a change is, where its text does not say it."""
    if field == "strategy":
        return STRATEGY_WORDS.get(value, "")
    if field == "link":
        return "the wire alone, at its nominal rate"
    kind = KINDS.get(value.partition("=")[0]) if field == "what_if" else None
    return kind.meaning if kind is not None else ""
