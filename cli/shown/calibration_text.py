"""Calibration text: what a calibration says before it begins, on its way and at its end."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.cli.shown.fit_text import remedy
from nworkers.cli.shown.sheet import Sheet, Shown
from nworkers.cli.shown.table import TextTable
from nworkers.cli.shown.tone import Tone, Toned
from nworkers.models.base.defaults import DEFAULT_BATCH
from nworkers.models.findings.calibration_answer import SHOWN, CalibrationAnswer
from nworkers.models.findings.rounds_apart import rounds_apart
from nworkers.models.findings.weak_parameters import Remedy
from nworkers.models.fitting.precision import (
    LOCAL_PRECISION,
    PROVISIONAL_ROUNDS,
    REMOTE_PRECISION,
    CellPrecision,
)

if TYPE_CHECKING:
    from nworkers.calibrate.campaigns.plan import MeasurementPlan
    from nworkers.calibrate.campaigns.session import News
    from nworkers.models.findings.original import OriginalRow
    from nworkers.simulator.answers import BreakEvenAnswer

#: Other processes named in one warning.
NAMED = 3


def news(told: News) -> str:
    """One line about what happens on the way."""
    from nworkers.calibrate.campaigns import session

    match told:
        case session.NothingToResume(output):
            return f"nothing to resume at {output}; beginning"
        case session.Begins(plan, logs):
            return begins(plan, logs)
        case session.JournalLost(why):
            return f"the journal could not be written: {why}; measuring goes on, and ends with FILE"
        case session.NothingLeft(output, refined=True):
            return f"every cell asked for in {output} has reached its precision"
        case session.NothingLeft(output):
            return (
                f"{output} is complete; --rounds R adds rounds, --refine adds them to the cells "
                "that need them"
            )


def begins(plan: MeasurementPlan, logs: Path) -> str:
    """What will be measured, and how long it is going to take."""
    rounds = plan.to_measure
    left = sum(len(round_.cells) for round_ in rounds)
    quantities = Counter(cell.quantity for cell in {c: None for r in rounds for c in r.cells})
    if not left:
        return f"repeating a large fetch for {fmt.clock(plan.soak_s)}; logs in {logs}"
    share = left / (len(plan.cells) * plan.rounds)
    once_s = plan.crowds_s + plan.soak_s
    took = f"at most {fmt.clock((plan.estimate_s - once_s) * share + once_s)}"
    if plan.limit_s is not None:
        took += f", ending after {fmt.clock(plan.limit_s)}"
    most = max(len(round_.cells) for round_ in rounds)
    plain = left == most * len(rounds)
    return (
        f"measuring {fmt.count(most, 'cell')} in {fmt.count(len(rounds), 'round')}"
        + ("" if plain else f", {left} in all")
        + f" ({', '.join(f'{name} {count}' for name, count in quantities.most_common())}), "
        f"{took}; logs in {logs}"
    )


def warnings(answer: CalibrationAnswer) -> list[str]:
    """What disturbed the measurement: other processes, and hosts that are slower than the rest."""
    lines: list[str] = []
    busiest = answer.neighbours
    if busiest:
        named = ", ".join(
            f"{n.comm} ({fmt.percent(n.share)} of a core in round {n.round + 1})"
            for n in busiest[:NAMED]
        )
        more = f" and {len(busiest) - NAMED} more" if len(busiest) > NAMED else ""
        lines.append(
            f"other programs were busy meanwhile: {named}{more}; close them for firm times"
        )
    soaked = answer.soak
    if soaked and soaked.dropped_after_s is not None:
        first, last = (
            fmt.quantity(rate, "B/s")
            for rate in (soaked.first_bytes_per_s, soaked.last_bytes_per_s)
        )
        lines.append(
            f"the link dropped from {first} to {last} after {fmt.clock(soaked.dropped_after_s)} of "
            "steady transfer: long training sees the later rate, this calibration the first"
        )
    for row in answer.hosts:
        if row.slower:
            lines.append(
                f"the host of {', '.join(row.tasks)} is slower than the others: {row.cell.name} "
                f"takes {fmt.times(row.ratio, row.ratio_interval)} as long there; "
                "synchronous training waits for it"
            )
    if apart := rounds_apart(answer.levels):
        lines.append(f"{apart}: more rounds tell which are usual")
    return [*lines, *answer.mixed, *answer.implausible]


def report(
    answer: CalibrationAnswer, output: Path | None, curve: BreakEvenAnswer | None = None
) -> Sheet:
    """The end of a calibration, as a person reads it; without an output it is on stdout."""
    first = [] if curve is None else [*first_lines(answer.original, curve), ""]
    parts: list[Shown] = [*first]
    parts += [line for measured in answer.original for line in _original(measured)]
    parts += _gpus(answer)
    parts += _reductions(answer)
    parts += _soak(answer)
    parts += _hosts(answer)
    parts += _precision(answer, output)
    parts += ["", *_done(answer, output)]
    return Sheet(*parts)


def short_report(answer: CalibrationAnswer, output: Path, curve: BreakEvenAnswer) -> Sheet:
    """The end of a first look: the original benchmark's ratio, the break-even, the next command.

    How firm each cell is, two rounds cannot say.
    """
    name = shlex.quote(str(output))
    return Sheet(
        *first_lines(answer.original, curve),
        f"Next: {then(answer, output)}   "
        f"(firmer: scale calibrate --resume --rounds {PROVISIONAL_ROUNDS} -o {name})",
    )


def first_lines(original: Sequence[OriginalRow], curve: BreakEvenAnswer | None) -> list[str]:
    """The original benchmark's ratio, then the break-even; each where it can be had."""
    ratios: list[str] = [*map(_ratio, original[:1])]
    if curve is None:
        return ratios
    return [*ratios, Toned(headline.of_breakeven(curve.result), Tone.HEADLINE)]


def then(answer: CalibrationAnswer, output: Path) -> str:
    """The command that asks for the curve, at the batch that was calibrated."""
    batch = answer.calibration.batch or DEFAULT_BATCH
    more = "" if batch == DEFAULT_BATCH else f" --batch {batch}"
    return f"scale breakeven --calibration {shlex.quote(str(output))}{more}"


def _ratio(measured: OriginalRow) -> str:
    """The report of 2017 in a line: a product whose operand comes from a ps, beside a local one."""
    where = " on the GPU" if measured.device else ""
    local, fetch = fmt.seconds(measured.local[0]), fmt.seconds(measured.fetch[0])
    return (
        f"A matrix product{where} takes {fmt.times(measured.ratio)} as long when its operand is "
        f"fetched from a parameter server: {fetch} instead of {local}."
    )


def _original(measured: OriginalRow) -> list[str]:
    shape = f"{measured.features}/{measured.batch}/{measured.hidden}"
    local, fetch = (
        fmt.seconds(m, (low, high)) for m, low, high in (measured.local, measured.fetch)
    )
    where = ", on the GPU" if measured.device else ""
    ratio = fmt.times(measured.ratio)
    return [
        f"{shape}  local GEMM time:          {local}{where}",
        f"{shape}  network fetch GEMM time:  {fetch}, {ratio} the local one{where}",
    ]


def _gpus(answer: CalibrationAnswer) -> list[str]:
    """In what precision products on the GPU were."""
    calibration = answer.calibration
    if not calibration.gpus:
        return []
    precision = calibration.workload.precision
    tf32 = calibration.environment.facts.get("tf32")
    beside = f" (TF32 {tf32})" if tf32 and precision == "float32" else ""
    return [f"{fmt.count(calibration.gpus, 'GPU')}: products there in {precision}{beside}"]


def _reductions(answer: CalibrationAnswer) -> list[str]:
    return [
        f"all-reduce of {fmt.quantity(r.size_bytes, 'B')}, {r.workers} workers "
        f"({r.path}{', GPUs' if r.device else ''}): "
        f"{fmt.seconds(r.seconds)}, bus bandwidth "
        f"{fmt.quantity(r.bus_bandwidth_bytes_per_s, 'B/s')}"
        for r in answer.largest_reductions
    ]


def _soak(answer: CalibrationAnswer) -> list[str]:
    """Both ends of a soak; a drop is a warning of its own."""
    found = answer.soak
    if found is None:
        return []
    first, last = (
        fmt.quantity(rate, "B/s") for rate in (found.first_bytes_per_s, found.last_bytes_per_s)
    )
    return [f"soak of {fmt.clock(found.lasted_s)}: {first} at first, {last} at the end"]


def _hosts(answer: CalibrationAnswer) -> list[Shown]:
    if not answer.hosts:
        return []
    table = TextTable("host of", "cell", "median", "to the others", "", left=(0, 1, 4))
    for row in answer.hosts:
        table.add_row(
            ", ".join(row.tasks),
            row.cell.name,
            fmt.seconds(row.median_s),
            fmt.times(row.ratio, row.ratio_interval),
            "slower" if row.slower else "",
        )
    return [table]


def _precision(answer: CalibrationAnswer, output: Path | None) -> list[Shown]:
    """The cells that are least firm, why, and what would help."""
    missed = answer.missed
    if answer.firmer is None:
        return []
    table = TextTable(
        "cell", "median", "±", "target", "rounds ended by", "outliers",
        left=(0, 4), spare=("outliers", "target"),
    )  # fmt: skip
    for cell in missed[:SHOWN]:
        table.add_row(
            cell.cell.name,
            fmt.seconds(cell.median_s),
            _half_width(cell),
            fmt.percent(cell.target),
            ", ".join(f"{name} {count}×" for name, count in Counter(cell.stops).most_common()),
            f"{cell.outliers} of {cell.samples}",
        )
    lines: list[Shown] = [
        f"Of {fmt.count(len(answer.precision), 'cell')}, {len(missed)} did not come within "
        f"{fmt.percent(LOCAL_PRECISION)} (in one process) or {fmt.percent(REMOTE_PRECISION)} of "
        "the centre of their rounds, with 95 % confidence.",
    ]
    # Below two rounds there is no spread to show, for any cell.
    if any(cell.half_width is not None for cell in missed):
        if len(missed) > SHOWN:
            table.add_row(f"and {len(missed) - SHOWN} more", *[""] * 5)
        lines.append(table)
    command = _command(output, answer.firmer)
    if answer.provisional:
        lines.append(
            f"Provisional: intervals rest on {fmt.count(answer.rounds, 'round')}, fewer than "
            f"{PROVISIONAL_ROUNDS}; more: {command}"
        )
    else:
        lines.append(f"For firmer ones close other programs, then: {command}")
    return lines


def _half_width(cell: CellPrecision) -> str:
    if cell.half_width is None:
        return "n/a"
    return "over 100 %" if cell.half_width > 1 else f"{100 * cell.half_width:.1f} %"


def _done(answer: CalibrationAnswer, output: Path | None) -> list[str]:
    calibration = answer.calibration
    where = "stdout" if output is None else str(output)
    bursts = fmt.count(len(calibration.bursts), "burst")
    lines: list[str] = []
    if answer.rest is not None:
        why = f" ({calibration.stopped})" if calibration.stopped else ""
        lines.append(f"Incomplete{why}; the rest: {_command(output, answer.rest)}")
    if calibration.profile is None:
        why = answer.not_fitted
        lines.append(f"Wrote {where}: {bursts} of samples, too few for a profile ({why}).")
        return lines
    lines.append(f"Wrote {where}: {bursts} of samples and the profile fitted to them.")
    if output is not None:
        name = shlex.quote(str(output))
        lines.append(f"Next: {then(answer, output)}   or, how well it fits: scale fit {name}")
    return lines


def _command(output: Path | None, found: Remedy) -> str:
    name = "FILE" if output is None else shlex.quote(str(output))
    return f"scale calibrate {remedy(found)} -o {name}"
