"""Answer head: the top of a page, which says what to do and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nworkers.cli.report.job_words import meaning
from nworkers.cli.report.markup import breakable, paragraph, text
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline, money_text, option_views, predict_text, way_out_text
from nworkers.models.findings.rests_on import rests_on

if TYPE_CHECKING:
    from nworkers.models.findings.calibration_answer import CalibrationAnswer
    from nworkers.simulator.report import ReportAnswer

#: Another way is worth a word at the top if it is so many times as fast.
_NOTABLE = 1.05


def answer_head(found: ReportAnswer) -> str:
    """The answer first; before it only that the measurement is not whole."""
    result, job, best = found.answer.result, found.answer.job, found.answer.best
    reached = headline.goal(result.aim, headline.baseline(best))
    name = best.scenario.workload.name
    kicker = f"{name}: how many workers {headline.wins(result.aim, 2)} {reached}?"
    said = "".join(f"<li>{breakable(line)}</li>" for line in _decision(found))
    told = [*predict_text.heading(best, job), meaning(best.scenario)]
    setting = "".join(f"<li>{breakable(line)}</li>" for line in told)
    return (
        f"<header>{paragraph(kicker, 'kicker')}{_alert(found)}"
        f"<h1>{text(headline.of_breakeven(result))}</h1>"
        f"{f'<ul class=lead>{said}</ul>' if said else ''}{_tiles(found)}"
        f'<ul class="job">{setting}</ul></header>'
    )


def _alert(found: ReportAnswer) -> str:
    """What of the calibration failed, and whose hardware this is where it is not the user's."""
    lines = [*_failed(found.measured), *found.answer.job.doubts]
    shipped = found.answer.job.shipped
    if shipped is not None:
        lines.append(
            f"This is not your hardware but the shipped profile {shipped}. Measure yours: "
            "scale calibrate -o my.json, then make this page with --calibration my.json."
        )
    inner = "".join(map(paragraph, lines))
    return f'<div class="alert" role="note">{inner}</div>' if lines else ""


def _failed(measured: CalibrationAnswer | None) -> Iterator[str]:
    if measured is None:
        return
    calibration = measured.calibration
    if skipped := calibration.skipped:
        first = skipped[0]
        yield (
            f"{fmt.count(len(skipped), 'measurement')} of this calibration failed; what they would "
            f"have told is taken from others. The first: {first.cell.name}: {first.reason}."
        )
    if not calibration.complete:
        why = f" ({calibration.stopped})" if calibration.stopped else ""
        yield (
            f"This calibration is not complete{why}: intervals are wider than they need to be. "
            "scale calibrate --resume goes on with it."
        )


def _decision(found: ReportAnswer) -> Iterator[str]:
    """What follows from the answer: what would win, how many are enough, what they cost."""
    answer = found.answer
    result, best, base = answer.result, answer.best, headline.baseline(answer.best)
    if answer.ways_out is not None:
        there = result.breakeven_workers is not None
        begun = f"With the {best.owned_workers} that are there" if there else "It takes a change"
        if not answer.ways_out:
            yield way_out_text.NONE
        for way in answer.ways_out[:1]:
            said, known = way_out_text.sentence(way, base, result.aim), fmt.span(way.interval)
            yield f"{begun}: {said[0].lower()}{said[1:]}; 90 % interval {known}."
    nearly = found.nearly_best
    if result.breakeven_workers is not None and nearly is not best:
        yield (
            f"{fmt.count(nearly.scenario.workers, 'worker')} {_are(nearly.scenario.workers)} "
            f"nearly as fast as {best.scenario.workers}, at {fmt.digits(nearly.speedup)}."
        )
    if found.costs is not None:
        yield from money_text.in_words(found.costs)
    if told := _another(found):
        yield told


def _another(found: ReportAnswer) -> str | None:
    """Which of several ways is best, if another is than the one that is asked."""
    options, costs = found.options, found.costs
    if costs is not None:
        best = money_text.best_option(options, costs.prices, costs.assignment)
        if best is not None:
            others = fmt.count(len(options) - 1, "other way")
            return f"Beside {others}: {best[0].lower()}{best[1:]}" if len(options) > 1 else None
    fastest = max(options, key=lambda option: option.ratio)
    is_enough = fastest.row.speedup > found.answer.result.target_speedup
    return option_views.best_option(options) if is_enough and fastest.ratio > _NOTABLE else None


def _are(workers: int) -> str:
    return "is" if workers == 1 else "are"


def _tiles(found: ReportAnswer) -> str:
    """Figures, each with what it is and a remark."""
    tiles = [_enough(found), _at_best(found), _most_of_a_step(found), _how_right(found)]
    inner = "".join(
        f"<div><dt>{text(name)}</dt><dd>{text(value)}<small>{text(more)}</small></dd></div>"
        for name, value, more in tiles
    )
    return f'<dl class="tiles">{inner}</dl>'


def _enough(found: ReportAnswer) -> tuple[str, str, str]:
    result, decisive = found.answer.result, found.answer.decisive
    base = headline.baseline(decisive)
    name = f"Enough to {headline.wins(result.aim, 2)} {headline.goal(result.aim, base)}"
    chance = fmt.percent(decisive.probability_exceeds(result.target_speedup))
    if result.breakeven_workers is None:
        most = fmt.count(result.max_workers, "worker")
        return name, "none", f"up to {most}; probability of the best: {chance}"
    first = fmt.count(result.breakeven_workers, "worker")
    known = headline.interval_of_first(result.breakeven_workers_interval, result.max_workers)
    return name, first, f"90 % interval: {known}; probability: {chance}"


def _at_best(found: ReportAnswer) -> tuple[str, str, str]:
    best = found.answer.best
    with_them = fmt.count(best.scenario.workers, "worker")
    value = headline.pace(best.speedup, headline.baseline(best))
    each = f"; each brings {fmt.percent(best.efficiency)} of that"
    more = f"{fmt.times(best.speedup, best.speedup_interval)} with {with_them}"
    return "At best", value, f"{more}{each if best.scenario.workers > 1 else ''}"


def _most_of_a_step(found: ReportAnswer) -> tuple[str, str, str]:
    row = found.answer.decisive
    share = fmt.percent(row.breakdown[row.bottleneck] / row.step_time_s)
    with_them = fmt.count(row.scenario.workers, "worker")
    name = "What takes most of a step"
    return name, headline.CAUSE_WORDS[row.bottleneck], f"{share} of it, with {with_them}"


def _how_right(found: ReportAnswer) -> tuple[str, str, str]:
    """How far predictions of this class were off."""
    rests = rests_on(found.answer.job.profile, found.answer.decisive)
    name, known = "Such predictions were off by", rests.accuracy
    if known is None:
        return name, "unknown", f"no such job was trained on such hardware ({rests.evidence})"
    return (
        name,
        f"{fmt.percent(known.median)} in the median",
        f"{fmt.percent(known.worst)} at worst, of {known.cells} trained jobs ({rests.kind})",
    )
