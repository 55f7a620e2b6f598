"""Page: all that was found of a job as one HTML file, which needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nworkers import __version__
from nworkers.cli.report.breakdown_svg import breakdown_svg
from nworkers.cli.report.curve_svg import axes_of, curve_svg
from nworkers.cli.report.markup import (
    bullets,
    command,
    figure,
    paragraph,
    section,
    table,
    text,
)
from nworkers.cli.report.slider_views import controls, data
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline, next_text, predict_text, way_out_text
from nworkers.cli.shown.fit_text import remedy
from nworkers.models.files.accuracy import shipped_accuracy
from nworkers.models.files.store import record_json
from nworkers.models.findings.rests_on import rests_on
from nworkers.models.records.environment_facts import FACTS

if TYPE_CHECKING:
    from nworkers.models.findings.calibration_answer import CalibrationAnswer
    from nworkers.models.findings.weak_parameters import Remedy
    from nworkers.models.records.prediction import Prediction
    from nworkers.models.records.solved import WayOut
    from nworkers.simulator.answers import BreakEvenAnswer
    from nworkers.simulator.report import ReportAnswer

_HERE = Path(__file__).parent
#: So many of a table's rows are shown; the command that prints all of them is named.
_MOST_ROWS, _MOST_CELLS = 8, 12
#: What ranks below this is no gain worth a line.
_NO_GAIN = 1.005
_HALVES = {"blind": "predicted before training", "development": "trained before"}


@dataclass(frozen=True)
class PageCommands:
    """The command lines that a page names.

    ``again`` makes the page anew; ``ask`` predicts for so many workers with fields changed, and
    ``ask_curve`` asks for a curve up to so many. ``file`` is where the user's calibration is, or
    would be.
    """

    again: str
    ask: way_out_text.Ask
    ask_curve: way_out_text.Ask
    file: str
    workload: str | None


def page(found: ReportAnswer, commands: PageCommands) -> str:
    """The whole file."""
    result, job = found.answer.result, found.answer.job
    answer = headline.of_breakeven(result)
    title = f"{result.rows[0].scenario.workload.name}: how many workers beat one process?"
    body = [
        _header(found, answer),
        "<main>",
        _curve(found),
        _sliders(found, commands),
        _changes(found, commands),
        _breakdown(found),
        _options(found),
        _measured(found),
        _accuracy(found),
        _uncertain(found, commands),
        _environment(found),
        _scenario(found, commands),
        "</main>",
        f"<footer>Made by scale {text(__version__)}, with no network and no other file. "
        f"{text(predict_text.INTERVALS_NOTE)} The same command with the same seed "
        f"({job.seed}) makes the same page.</footer>",
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{text(title)}</title><style>{_own('report.css')}</style></head>"
        f"<body>{''.join(body)}<script>{_own('report.js')}</script></body></html>\n"
    )


def _own(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _header(found: ReportAnswer, answer: str) -> str:
    """The answer first; before it only that the measurement is not whole."""
    best, job = found.answer.best, found.answer.job
    kicker = f"{best.scenario.workload.name} on {job.profile.hardware}"
    setting = "; ".join(predict_text.heading(best, job))
    return (
        f'<header><p class="kicker">{text(kicker)}</p>{_alert(found)}<h1>{text(answer)}</h1>'
        f'<p class="job">{text(setting)}.</p>{_tiles(found)}</header>'
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


def _tiles(found: ReportAnswer) -> str:
    result, best = found.answer.result, found.answer.best
    first, decisive = result.breakeven_workers, found.answer.decisive
    if first is None:
        enough, sure = "never", f"up to {fmt.count(result.max_workers, 'worker')}"
    else:
        enough = fmt.count(first, "worker")
        sure = f"90 % interval: {headline.interval_of_first(result)}"
    share = fmt.percent(decisive.breakdown[decisive.bottleneck] / decisive.step_time_s)
    base = headline.baseline(best)
    tiles = [
        (f"Enough to beat {base}", enough, sure),
        (
            "At best",
            f"{fmt.digits(best.speedup)} × {base}",
            f"with {fmt.count(best.scenario.workers, 'worker')}; "
            f"90 % interval {fmt.span(best.speedup_interval)}",
        ),
        (
            "What takes most of a step",
            headline.CAUSE_WORDS[decisive.bottleneck],
            f"{share} of a step with {fmt.count(decisive.scenario.workers, 'worker')}",
        ),
    ]
    inner = "".join(
        f"<div><dt>{text(name)}</dt><dd>{text(value)}<small>{text(more)}</small></dd></div>"
        for name, value, more in tiles
    )
    return f'<dl class="tiles">{inner}</dl>'


def _curve(found: ReportAnswer) -> str:
    result = found.answer.result
    base = headline.baseline(found.answer.best)
    caption = (
        f"Speed of all workers together, as a multiple of {base}, by the number of workers. Above "
        "the dashed line they win. The shaded band holds 90 % of fresh runs of 30 s. Both axes are "
        "logarithmic. "
    )
    if result.breakeven_workers_interval[0] is not None and result.breakeven_workers is not None:
        caption += "The thick bar on the lower axis is the 90 % interval of the first that wins."
    picture = figure(curve_svg("curve", result, axes_of([result.rows])), caption)
    rows = [
        (
            str(row.scenario.workers),
            fmt.seconds(row.step_time_s),
            fmt.times(row.speedup, row.speedup_interval),
            fmt.percent(row.probability_exceeds(result.target_speedup)),
        )
        for row in _telling(found.answer)
    ]
    numbers = table(
        f"Some of the {len(result.rows)} points; wins: in so many of the simulated runs",
        ("workers", "step", "speed-up (90 % interval)", "wins"),
        rows,
        (),
    )
    return section("answer", "Speed-up by workers", f'<div class="two">{picture}{numbers}</div>')


def _telling(answer: BreakEvenAnswer) -> list[Prediction]:
    """The points that say it: doublings, the ends, the first that wins and the best."""
    rows = answer.result.rows
    kept = [rows[0], rows[-1], answer.best, answer.decisive]
    return [row for row in rows if row in kept or row.scenario.workers.bit_count() == 1]


def _sliders(found: ReportAnswer, commands: PageCommands) -> str:
    every = [one.curve.rows for slid in found.slid for one in slid.found]
    axes = axes_of(every)
    most = found.today.max_workers
    picture = figure(
        curve_svg("slid", found.today, axes, moves=True),
        f"Speed-up by workers, up to {most}, or fewer where parameter servers move: solid as the "
        "sliders say, dashed as it is today. Where a slider rests on one of its computed values, "
        "the curve is what the command below prints; between two it is interpolated.",
    )
    knobs = (
        '<div id="knobs" hidden>'
        f"{controls(found.slid)}"
        '<button type="button" id="reset">Back to today</button></div>'
    )
    moved = (
        f'<p class="screen"><strong id="moved-answer">{text(headline.of_breakeven(found.today))}'
        '</strong></p><p id="moved-said" class="seen" role="status"></p>'
        '<pre tabindex="0" class="command screen"><code id="moved-command">'
        f"{text(commands.ask_curve(most, ()))}</code></pre>"
    )
    rows = "".join(
        f'<tr><th scope="row">{row.scenario.workers}</th>'
        f'<td data-speedup="{row.speedup!r}">{text(fmt.times(row.speedup, row.speedup_interval))}'
        "</td></tr>"
        for row in found.today.rows
    )
    numbers = (
        '<details><summary>The moved curve in numbers</summary><div class="wide" tabindex="0" '
        'role="region" aria-label="The moved curve in numbers"><table><caption>Speed-up at the '
        'sliders\' values</caption><thead><tr><th scope="col">workers</th><th scope="col">speed-up '
        f'(90 % interval)</th></tr></thead><tbody id="moved-rows">{rows}</tbody></table></div>'
        "</details>"
    )
    numbers_of = data(found.slid, axes, commands.ask_curve)
    return section(
        "sliders",
        "What if one thing were otherwise?",
        '<p class="screen">Move one slider; the others go back to today.</p>'
        f'<div class="two">{picture}{knobs}</div>{moved}{numbers}'
        f'<script type="application/json" id="slider-data">{numbers_of}</script>',
    )


def _changes(found: ReportAnswer, commands: PageCommands) -> str:
    """What would win, single changes by what they bring, and the quantities that move a step."""
    explained = found.explained.found
    row = explained.row
    base = headline.baseline(row)
    parts = []
    if found.answer.ways_out is not None:
        ways = found.answer.ways_out
        parts.append("<h3>What would win</h3>")
        parts += [
            paragraph(f"{way_out_text.sentence(way, base)}.")
            + command(commands.ask(way.workers, way.fields))
            for way in ways
        ] or [paragraph(way_out_text.NONE)]
    workers = fmt.count(row.scenario.workers, "worker")
    better = _better(found.ranked)
    if better:
        parts.append(
            table(
                f"Single changes with {workers}, the best first",
                ("change", "speed-up (90 % interval)", "beside today"),
                better,
            )
        )
    parts.append(paragraph(headline.of_explained(explained)))
    if explained.elasticities:
        parts.append(
            table(
                f"What moves a step of {workers} most, by the fitted quantities of the hardware",
                ("1 % more of", "which is", "moves the step by"),
                [
                    (
                        of.path,
                        fmt.quantity(of.value, of.unit) if of.unit else fmt.digits(of.value),
                        f"{of.percent:+.2f} %",
                    )
                    for of in explained.elasticities[:_MOST_ROWS]
                ],
            )
        )
    return section("changes", "What would change it", *parts)


def _better(ranked: tuple[WayOut, ...]) -> list[tuple[str, str, str]]:
    """Changes that gain, beside the job as it is."""
    now = next((way for way in ranked if not way.fields), None)
    if now is None:
        return []
    return [
        (
            _change(way),
            fmt.times(way.speedup, way.interval),
            f"{fmt.digits(way.speedup / now.speedup)}×",
        )
        for way in ranked
        if way is now or way.speedup > _NO_GAIN * now.speedup
    ]


def _change(way: WayOut) -> str:
    """Such as ``link: 10gbit``; the job as it is has none."""
    said = (f"{field.replace('_', '-')}: {value}" for field, value in way.fields)
    return ", ".join(said) or "as it is"


def _breakdown(found: ReportAnswer) -> str:
    row = found.answer.decisive
    picture = figure(
        breakdown_svg("spent", found.answer.result.rows),
        "Share of a worker's step by what it is spent on, at each number of workers.",
    )
    spent = sorted(row.breakdown.items(), key=lambda item: -item[1])
    rows = [
        (headline.CAUSE_WORDS[cause], fmt.seconds(took_s), fmt.percent(took_s / row.step_time_s))
        for cause, took_s in spent
        if took_s > 0.0
    ]
    workers = fmt.count(row.scenario.workers, "worker")
    took = fmt.seconds(row.step_time_s, row.step_time_s_interval)
    numbers = table(f"With {workers}, whose step takes {took}", ("spent on", "time", "share"), rows)
    both = f'<div class="two">{picture}{numbers}</div>'
    return section("breakdown", "Where a step's time goes", both)


def _options(found: ReportAnswer) -> str:
    if len(found.options) < 2:
        return ""
    rows = []
    for option in found.options:
        at, first = option.row, option.curve and option.curve.breakeven_workers
        rows.append(
            (
                option.name,
                "never" if first is None else str(first),
                str(at.scenario.workers),
                fmt.times(at.speedup, at.speedup_interval),
                "1×"
                if option is found.options[0]
                else fmt.times(option.ratio, option.ratio_interval),
            )
        )
    most = found.today.max_workers
    return section(
        "options",
        "Options compared",
        table(
            f"Each with as many workers as are best for it, up to {most}",
            ("option", "break-even", "workers", "speed-up (90 % interval)", "beside the first"),
            rows,
        ),
    )


def _measured(found: ReportAnswer) -> str:
    profile, measured = found.answer.job.profile, found.measured
    lines = [f"Hardware: {profile.hardware}; the link: {profile.link.evidence}."]
    if profile.measured_at:
        lines.append(f"Measured: {profile.measured_at.partition('T')[0]}.")
    few = " Fewer than 5 are provisional." if profile.provisional else ""
    lines.append(f"Rounds of fresh processes: {profile.rounds}.{few}")
    if measured is not None:
        bursts = measured.calibration.bursts
        samples = sum(len(burst.samples_s) for burst in bursts)
        missed = f"; {len(measured.missed)} missed their precision" if measured.missed else ""
        lines.append(
            f"{len(measured.precision)} cells, {samples:,} samples, outliers kept{missed}."
        )
    for other in dict.fromkeys(profile.stand_ins.values()):
        names = [name for name, of in profile.stand_ins.items() if of == other]
        lines.append(f"Not the user's own but that of {other}: {', '.join(names)}.")
    held = [row for row in profile.fit if row.median_error is not None]
    parts = [bullets(lines)]
    if held:
        parts.append(
            table(
                "How well the fitted laws predict sizes that the fit never saw",
                ("operation", "off by, median", "at worst"),
                [
                    (
                        row.operation,
                        fmt.percent(row.median_error or 0.0),
                        "—" if row.worst_error is None else fmt.percent(row.worst_error),
                    )
                    for row in held
                ],
            )
        )
    if measured is not None and measured.calibration.skipped:
        parts.append(
            table(
                "Measurements that failed",
                ("cell", "why"),
                [(of.cell.name, of.reason) for of in measured.calibration.skipped[:_MOST_CELLS]],
                (0, 1),
            )
        )
    return section("measured", "How it was measured", *parts)


def _accuracy(found: ReportAnswer) -> str:
    profile, row = found.answer.job.profile, found.answer.decisive
    known, this = shipped_accuracy(), rests_on(profile, row)
    rows = [
        (
            ("→ " if one == this.accuracy else "") + one.kind,
            one.evidence,
            _HALVES[one.half],
            str(one.cells),
            fmt.percent(one.median),
            fmt.percent(one.worst),
            f"{one.covered} of {one.cells}",
        )
        for one in known.classes
    ]
    return section(
        "accuracy",
        "How right such answers were",
        paragraph(predict_text.evidence(profile, row)),
        table(
            f"Step times predicted by scale {known.version} beside real training; the arrow marks "
            "the class of this answer",
            (
                "class",
                "hardware",
                "jobs",
                "cells",
                "off by, median",
                "at worst",
                "inside 90 % interval",
            ),
            rows,
            (0, 1, 2),
        ),
    )


def _uncertain(found: ReportAnswer, commands: PageCommands) -> str:
    answer, following = found.answer, found.next
    lines = [*answer.notes, *answer.beyond]
    parts = [bullets([*lines, predict_text.chance(answer.result.rows)])]
    if found.weak:
        parts.append(
            table(
                "What the measurement knows little of",
                ("what", "why", "what would help"),
                [
                    (weak.what, weak.why, _helps(weak.remedy, commands.file))
                    for weak in found.weak[:_MOST_ROWS]
                ],
                (0, 1, 2),
            )
        )
    parts += ["<h3>What to measure next</h3>", paragraph(next_text.first(following))]
    if following.suggested:
        workers = fmt.count(following.row.scenario.workers, "worker")
        parts.append(
            table(
                f"What would narrow the speed-up of {workers}, the first to be done first",
                ("measure", "share now", "speed-up after", "minutes", "command"),
                [
                    (
                        next_text.what(following, one),
                        f"{fmt.percent(one.share)} of the {one.of}",
                        "unknown" if one.interval is None else fmt.span(one.interval),
                        str(next_text.minutes(one)),
                        next_text.command(following, one, commands.file, commands.workload),
                    )
                    for one in following.suggested[:_MOST_ROWS]
                ],
                (0, 4),
            )
        )
    parts.append(paragraph(predict_text.ACCURACY_NOTE.replace("\n", " ")))
    return section("uncertain", "What is uncertain", *parts)


def _helps(of: Remedy, file: str) -> str:
    told = remedy(of)
    return told if of.how == "another" else f"scale calibrate {told} -o {file}"


def _environment(found: ReportAnswer) -> str:
    profile, measured = found.answer.job.profile, found.measured
    rows = [("hardware", profile.hardware), ("profile", profile.name)]
    if profile.samples_sha256:
        rows.append(("samples, SHA-256", profile.samples_sha256[:16]))
    if measured is not None:
        facts = measured.calibration.environment.facts
        rows += [(FACTS[name].called, _fact(name, facts[name])) for name in FACTS if name in facts]
    rows.append(("this page", f"scale {__version__}"))
    inside = table(
        "What is known of the machines that were measured", ("fact", "value"), rows, (0, 1)
    )
    return section("environment", "Environment", inside)


def _fact(name: str, value: str) -> str:
    unit = FACTS[name].unit
    return f"{value} {unit}" if unit and not value.endswith(unit) else value


def _scenario(found: ReportAnswer, commands: PageCommands) -> str:
    job = found.answer.job
    (scenario,) = job.scenarios
    document = {
        "scenario": json.loads(record_json(scenario)),
        "max_workers": found.answer.result.max_workers,
        "baseline": job.baseline,
        "seed": job.seed,
        "profile": job.profile.name,
        "samples_sha256": job.profile.samples_sha256,
        "set": [change.path for change in job.changed],
        "command": commands.again,
    }
    shown = json.dumps(document, indent=1, ensure_ascii=False)
    return section(
        "scenario",
        "This page again",
        paragraph("This command makes the same page:"),
        command(commands.again),
        "<details><summary>The scenario as JSON</summary>"
        f'<pre tabindex="0"><code id="scenario-json">{text(shown)}</code></pre></details>',
    )
