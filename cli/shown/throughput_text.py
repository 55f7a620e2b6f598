"""Throughput text: every row beside every method, and what the rows tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.parameter_table import parameter_table
from nworkers.cli.shown.sheet import Order, Sheet, Shown
from nworkers.cli.shown.table import TextTable
from nworkers.models.tables.throughput.compare import METHODS, ComparedRow, Errors, Method
from nworkers.models.tables.throughput.laws_answer import LawsAnswer
from nworkers.models.tables.throughput.throughput_answer import PublishedAnswer, ThroughputAnswer

NAMES: dict[Method, str] = {
    "scale": "scale",
    "amdahl": "Amdahl",
    "usl": "USL",
    "paleo": "Paleo",
}
LEGEND = (
    "samples/s measured, and the error of each method: of scale, Amdahl's law, the Universal "
    "Scalability Law, and Paleo (compute + bytes / bandwidth)."
)


def fitted(answer: ThroughputAnswer, output: Path | None) -> Sheet:
    """The comparison, what was learnt, and a prediction to go on with.

    Args:
        output: the file of the profile, if there is one.
    """
    lines = [*compared(answer, LEGEND), parameter_table(answer.learnt, "rows")]
    lines += [f"  - {note}" for note in answer.notes]
    if answer.fit.profile.provisional:
        lines.append("The intervals are provisional: one table is one round of measurements.")
    if output is not None:
        lines.append(Order("Next:", _next(answer, output)))
    return Sheet(*lines)


def compared(answer: ThroughputAnswer, *legend: str) -> list[Shown]:
    """Every row, and each method's errors."""
    inside, outside = answer.inside, answer.outside
    system = inside[0].row.system or "no system stated"
    return [
        f"{answer.request.file.name}: {system}, {fmt.count(len(answer.rows), 'row')}, "
        f"{len(inside)} fitted" + (f", {len(outside)} predicted" if outside else ""),
        _rows(answer.rows),
        *legend,
        errors_table(answer, METHODS),
    ]


def published(answer: PublishedAnswer) -> Sheet:
    """Every split's rows and errors, then a verdict on each."""
    lines = [part for one in answer.held for part in (*compared(one.answer), "")]
    lines.append(LEGEND)
    for one in answer.held:
        worst = one.error.worst or 0.0
        verdict = "within" if worst <= answer.tolerance else "BEYOND"
        lines.append(
            f"{one.split.system}, fitted up to {one.split.fit_to}: median error "
            f"{fmt.percent(one.error.median or 0.0)}, worst {fmt.percent(worst)}, "
            f"{verdict} {fmt.percent(answer.tolerance)}"
        )
    return Sheet(*lines)


def errors_table(answer: ThroughputAnswer | LawsAnswer, methods: Sequence[Method]) -> TextTable:
    """Each method's median and worst error."""
    table = TextTable("error, median / worst", *(NAMES[m] for m in methods), left=(0,))
    for label, found in answer.errors.items():
        rows = len(answer.inside if label == "fitted" else answer.outside)
        table.add_row(
            f"{fmt.count(rows, 'row')} {label}",
            *(_median_and_worst(found[method], rows) for method in methods),
        )
    return table


def _rows(rows: Sequence[ComparedRow]) -> TextTable:
    """Rows in their order, the fitted ones first; an interval where a row was predicted."""
    header = ("model", "strategy", "batch", "workers", "ps", "measured", "", "scale", "interval")
    spare = ("ps", "batch", "strategy", "interval", "model", "Paleo", "USL")
    table = TextTable(*header, *(NAMES[m] for m in METHODS), left=(0, 1, 6), spare=spare)
    for c in rows:
        row, ours = c.row, c.samples_per_s["scale"]
        table.add_row(
            row.model,
            row.strategy,
            str(row.batch_per_worker),
            str(row.workers),
            "—" if row.strategy == "allreduce" or row.alone else str(row.servers),
            fmt.digits(row.samples_per_s),
            "fitted" if c.fitted else "predicted",
            "—" if ours is None else fmt.digits(ours),
            "" if c.interval is None else fmt.span(c.interval),
            *(error_text(c.error(method)) for method in METHODS),
        )
    return table


def _median_and_worst(found: Errors, rows: int) -> str:
    if found.median is None or found.worst is None:
        return "—"
    text = f"{100 * found.median:.1f} / {100 * found.worst:.1f} %"
    return text if found.rows == rows else f"{text} of {found.rows}"


def _next(answer: ThroughputAnswer, output: Path) -> str:
    """A prediction of half as many workers again as the table's largest row has."""
    row = max((c.row for c in answer.rows), key=lambda row: row.workers)
    servers = "" if row.strategy == "allreduce" else f" --ps {row.servers} --ps-placement shared"
    return (
        f"scale predict --calibration {output} --workload {row.model} "
        f"--workers {row.workers + max(1, row.workers // 2)} --strategy {row.strategy} "
        f"--scaling weak --batch {row.batch_per_worker} "
        f"--workers-per-host {row.gpus_per_node}{servers}"
    )


def error_text(value: float | None) -> str:
    """An error in percent, with its sign."""
    return "—" if value is None else fmt.signed_percent(value)
