"""Evidence sections: how it was measured, how right such answers were, and what is uncertain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nworkers import __version__
from nworkers.cli.report.job_words import WORDS
from nworkers.cli.report.markup import bullets, heading, paragraph, section, table
from nworkers.cli.report.page_commands import PageCommands
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import next_text, predict_text
from nworkers.cli.shown.fit_text import remedy
from nworkers.cli.shown.quantity_words import with_words
from nworkers.models.files.accuracy import shipped_accuracy
from nworkers.models.findings.rests_on import rests_on
from nworkers.models.records.environment_facts import FACTS

if TYPE_CHECKING:
    from nworkers.models.findings.weak_parameters import Remedy
    from nworkers.simulator.report import ReportAnswer

#: So many of a table's rows are shown.
_MOST_ROWS, _MOST_CELLS = 8, 12
_HALVES = {"blind": "before training", "development": "after training"}
_OPERATIONS = {
    "noop": "an empty step",
    "gemm": "a product of matrices",
    "fetch": "variables to a worker",
    "push": "gradients to a parameter server",
    "fetch_push": "a fetch, then a push",
    "step": "a training step in one process",
    "gradient": "a worker's gradients",
    "allreduce": "gradients among workers",
}


def measured_section(found: ReportAnswer) -> str:
    """Hardware, rounds and samples, and how well the fit predicts what it never saw."""
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
        lines.append(f"Of another machine, {other}: {', '.join(names)}.")
    held = [row for row in profile.fit if row.median_error is not None]
    parts = [bullets(lines)]
    if held:
        parts.append(
            table(
                "How well the fit predicts sizes that it never saw",
                ("operation", "off by, median", "at worst"),
                [
                    (
                        _operation(row.operation),
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


def accuracy_section(found: ReportAnswer) -> str:
    """Errors of predictions beside real training, by class."""
    profile, row = found.answer.job.profile, found.answer.decisive
    known, this = shipped_accuracy(), rests_on(profile, row)
    arrow = "; the arrow marks the class of this answer" if this.accuracy is not None else ""
    return section(
        "accuracy",
        "How right such answers were",
        paragraph(predict_text.evidence(profile, row)),
        table(
            f"Step times predicted by scale {known.version} beside real training{arrow}. Waits: "
            "computing takes a stated time, and wires have room. Full wires: transfers are most of "
            "a step. Two busy cores: all tasks compute on one host.",
            ("class, hardware", "predicted", "off by, median", "at worst", "inside 90 % interval"),
            [
                (
                    f"{'→ ' if one == this.accuracy else ''}{one.kind}, {one.evidence}",
                    _HALVES[one.half],
                    fmt.percent(one.median),
                    fmt.percent(one.worst),
                    f"{one.covered} of {one.cells}",
                )
                for one in known.classes
            ],
            (0, 1),
        ),
    )


def uncertain_section(found: ReportAnswer, commands: PageCommands) -> str:
    """What lies beyond the measurement, what is known badly, and what to measure next."""
    answer, following = found.answer, found.next
    parts = []
    if answer.notes:
        parts += [heading("Notes"), bullets(answer.notes)]
    if answer.beyond:
        parts += [heading("Beyond what was measured"), bullets(answer.beyond)]
    parts += [heading("Chance"), paragraph(predict_text.chance(answer.result.rows))]
    if found.weak:
        parts += [
            heading("Known badly"),
            table(
                "What the measurement knows little of, and the command that would tell more",
                ("what", "why", "what would help"),
                [
                    (_operation(weak.what), weak.why, _helps(weak.remedy, commands.file))
                    for weak in found.weak[:_MOST_ROWS]
                ],
                (0, 1, 2),
            ),
        ]
    parts += [heading("What to measure next"), paragraph(next_text.first(following))]
    if following.suggested:
        workers = fmt.count(following.row.scenario.workers, "worker")
        parts.append(
            table(
                f"What would narrow the speed-up of {workers}, the first to be done first",
                ("measure", "share now", "speed-up after", "minutes"),
                [
                    (
                        f"{next_text.what(following, one)}\n"
                        f"{next_text.command(following, one, commands.file, commands.workload)}",
                        f"{fmt.percent(one.share)} of the {one.of}",
                        "unknown" if one.interval is None else fmt.span(one.interval),
                        str(next_text.minutes(one)),
                    )
                    for one in following.suggested[:_MOST_ROWS]
                ],
                (0, 1),
            )
        )
    return section("uncertain", "What is uncertain", *parts)


def _operation(name: str) -> str:
    """What an operation or a quantity is, and in a second line what it is called."""
    words = _OPERATIONS.get(name)
    return f"{words}\n{name}" if words else with_words(name)


def _helps(of: Remedy, file: str) -> str:
    told = remedy(of)
    return told if of.how == "another" else f"scale calibrate {told} -o {file}"


def environment_section(found: ReportAnswer) -> str:
    """Facts of the machines that were measured."""
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


def word_section() -> str:
    """What the page's words mean."""
    return section("words", "Words", bullets(f"{word}: {meant}." for word, meant in WORDS))


def _fact(name: str, value: str) -> str:
    unit = FACTS[name].unit
    return f"{value} {unit}" if unit and not value.endswith(unit) else value
