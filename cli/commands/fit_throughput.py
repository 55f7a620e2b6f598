"""Scaling: `scale fit` of a table of throughputs at several numbers of workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nworkers.cli.shown import console, json_view
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.progress import Progress
from nworkers.cli.shown.table import Table
from nworkers.models.base.defaults import DEFAULT_PROFILE
from nworkers.models.base.errors import InputError
from nworkers.models.files.atomic_write import check_output
from nworkers.models.files.store import find_profile, read_text, write_record
from nworkers.models.files.workload_toml import read_workload
from nworkers.models.records.profile import Parameter, Profile, parameters
from nworkers.models.tables.detect import KNOWN
from nworkers.models.tables.formats.csv_throughput import ScalingRow, of_system, read
from nworkers.models.tables.throughput.assemble import assemble
from nworkers.models.tables.throughput.compare import (
    METHODS,
    Compared,
    Method,
    compare,
    errors,
    split,
)
from nworkers.models.tables.throughput.fit import ScalingFit, check_rows, fit
from nworkers.models.tables.throughput.names import workloads_of

NAMES: dict[Method, str] = {
    "scale": "scale",
    "amdahl": "Amdahl",
    "usl": "USL",
    "paleo": "Paleo",
}


@dataclass(frozen=True)
class Request:
    """What was typed; ``fit_to`` is the most workers of a row that is fitted."""

    file: Path
    output: Path | None
    base: str | None
    workload: str | None
    system: str | None
    fit_to: int | None
    force: bool
    as_json: bool


@dataclass(frozen=True)
class Answer:
    """The profile, how it was fitted, and every row beside every method."""

    profile: Profile
    fit: ScalingFit
    rows: tuple[Compared, ...]


def run(request: Request) -> None:
    """Fit one system's rows, show them beside the usual laws, and write the profile.

    Raises:
        InputError
    """
    if request.output is not None:
        check_output(request.output, force=request.force)
    found = answer(request)
    if request.output is not None:
        write_record(request.output, found.profile, force=request.force)
        console.note(f"wrote {request.output}")
    if request.as_json:
        json_view.emit(json_view.fit(found.profile) | {"scaling": document(found)})
    else:
        console.emit(_text(found, request))


def answer(request: Request) -> Answer:
    """Fit the rows that the request wants fitted, and put all beside every method.

    Raises:
        InputError
    """
    from nworkers.simulator.study.steady import steady_step_s

    source = str(request.file)
    text = read_text(request.file, KNOWN)
    given = None if request.workload is None else read_workload(request.workload)
    base, _ = find_profile("base", request.base or DEFAULT_PROFILE)
    chosen = of_system(read(text, source), request.system, source)
    rows, workloads = workloads_of(chosen, given, source)
    inside, outside = split(rows, request.fit_to)
    if request.fit_to is not None and not outside:
        most = max(row.workers for row in rows)
        raise InputError(
            "--fit-to", request.fit_to, f"fewer than the most workers in the table ({most})"
        )
    check_rows(inside, source)
    with Progress("fitting") as progress:
        fitted = fit(
            inside, workloads, base, steady_step_s, source=source, progress=progress.update
        )
    expected = max(1, len(outside) * (1 + len(fitted.costs)))
    done = 0
    with Progress("predicting") as progress:

        def tell() -> None:
            nonlocal done
            done += 1
            progress.update(min(done, expected), expected)

        compared = compare(fitted, outside, workloads, base, steady_step_s, progress=tell)
    profile = assemble(fitted, workloads, base, text, request.file.name)
    return Answer(profile, fitted, compared)


LEGEND = (
    "samples/s measured, and the error of each method: of scale, Amdahl's law, the Universal "
    "Scalability Law, and Paleo (compute + bytes / bandwidth)."
)


def predicted(answer: Answer) -> list[Compared]:
    """The rows that were not fitted."""
    return [c for c in answer.rows if not c.fitted]


def compared_text(answer: Answer, request: Request, *legend: str) -> list[str]:
    """Every row, and each method's errors."""
    inside, outside = [c for c in answer.rows if c.fitted], predicted(answer)
    system = inside[0].row.system or "no system stated"
    return [
        f"{request.file.name}: {system}, {fmt.count(len(answer.rows), 'row')}, "
        f"{len(inside)} fitted" + (f", {len(outside)} predicted" if outside else ""),
        str(_rows(answer.rows)),
        *legend,
        str(_errors(inside, outside)),
    ]


def _text(answer: Answer, request: Request) -> str:
    lines = [*compared_text(answer, request, LEGEND), str(_parameters(answer))]
    lines += [f"  - {note}" for note in _notes(answer)]
    if answer.profile.provisional:
        lines.append("The intervals are provisional: one table is one round of measurements.")
    if request.output is not None:
        lines.append(f"Next: {_next(answer, request.output)}")
    return "\n".join(lines)


def _rows(rows: Sequence[Compared]) -> Table:
    """Rows in their order, the fitted ones first; an interval where a row was predicted."""
    header = ("model", "strategy", "batch", "workers", "ps", "measured", "", "scale", "interval")
    table = Table(*header, *(NAMES[m] for m in METHODS), left=(0, 1, 6))
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
            *(_error(c.error(method)) for method in METHODS),
        )
    return table


def _errors(inside: Sequence[Compared], outside: Sequence[Compared]) -> Table:
    table = Table("error, median / worst", *(NAMES[m] for m in METHODS), left=(0,))
    for label, rows in (("fitted", inside), ("predicted", outside)):
        if rows:
            table.add_row(
                f"{fmt.count(len(rows), 'row')} {label}",
                *(_median_and_worst(rows, method) for method in METHODS),
            )
    return table


def _median_and_worst(rows: Sequence[Compared], method: Method) -> str:
    found = errors(rows, method)
    if found.median is None or found.worst is None:
        return "—"
    text = f"{100 * found.median:.1f} / {100 * found.worst:.1f} %"
    return text if found.rows == len(rows) else f"{text} of {found.rows}"


def _parameters(answer: Answer) -> Table:
    table = Table("parameter", "estimate", "90 % interval", "unit", "rows", left=(0,))
    for name, parameter in _learnt(answer):
        table.add_row(name, *_columns(parameter), str(parameter.samples))
    return table


def _learnt(answer: Answer) -> list[tuple[str, Parameter]]:
    """What the table was asked for, whether it told or not; other sections are empty or the base's.

    A fetch and a push are taken alike, so they are shown once.
    """
    profile, costs = answer.profile, answer.fit.costs
    shown = [
        (f"step of {found.workload}, {path}", parameter)
        for found in profile.device.workloads
        for path, parameter in parameters(found.step)
    ]
    if "per_byte_s" in costs:
        shown.append(("bandwidth of a node, each way", profile.link.fetch.bandwidth_bytes_per_s))
        shown.append(("time for each tensor, each way", profile.link.fetch.per_tensor_s))
    if "hop_s" in costs:
        shown.append(("bandwidth of the ring", profile.collective.bandwidth_bytes_per_s))
        shown.append(("latency of a step of the ring", profile.collective.latency_s))
    if "spread" in costs:
        shown.append(("spread of compute between workers", answer.fit.parameter("spread")))
    return shown


def _columns(parameter: Parameter) -> tuple[str, str, str]:
    if not parameter.identified:
        return "not identified", "—", parameter.unit
    if not parameter.unit:  # a spread of the logarithm is one in percent, as long as it is small
        return fmt.digits(100 * parameter.estimate), fmt.span(parameter.interval, 0.01), "%"
    estimate, interval, unit = fmt.columns(parameter.estimate, parameter.unit, parameter.interval)
    return estimate, interval, unit


def _notes(answer: Answer) -> list[str]:
    notes = ["a row of one worker is taken as one process without ps"]
    open_ones = [
        name
        for name, parameter in _learnt(answer)
        if not parameter.identified and not name.startswith("step of")
    ]
    if open_ones:
        notes.append(
            f"these rows do not tell: {', '.join(open_ones)}. Predictions take as little of it as "
            "the rows leave possible, so far from them, or with fewer ps, they may be too fast"
        )
    alone = {(c.row.model, c.row.batch_per_worker) for c in answer.rows if c.row.alone}
    for model, batch in answer.fit.groups:
        if (model, batch) not in alone:
            notes.append(f"{model}, batch {batch}: no row of one worker; its rate is inferred")
    return notes


def _next(answer: Answer, output: Path) -> str:
    """A prediction of half as many workers again as the table's largest row has."""
    row = max((c.row for c in answer.rows), key=lambda row: row.workers)
    servers = "" if row.strategy == "allreduce" else f" --ps {row.servers} --ps-placement shared"
    return (
        f"scale predict --calibration {output} --workload {row.model} "
        f"--workers {row.workers + max(1, row.workers // 2)} --strategy {row.strategy} "
        f"--scaling weak --batch {row.batch_per_worker} "
        f"--workers-per-host {row.gpus_per_node}{servers}"
    )


def _error(value: float | None) -> str:
    return "—" if value is None else fmt.signed_percent(value)


def document(answer: Answer) -> dict[str, object]:
    """What ``--json`` says of the table."""
    inside, outside = [c for c in answer.rows if c.fitted], predicted(answer)
    return {
        **asdict(answer.profile.imported[-1]),
        "row_count": len(answer.rows),
        "system": inside[0].row.system,
        # The others are among the profile's parameters; a spread is in its noise.
        "spread": _spread(answer),
        "notes": _notes(answer),
        "errors": {
            label: {method: asdict(errors(rows, method)) for method in METHODS}
            for label, rows in (("fitted", inside), ("predicted", outside))
            if rows
        },
        "rows": [_row_document(c) for c in answer.rows],
    }


def _spread(answer: Answer) -> dict[str, object] | None:
    if "spread" not in answer.fit.costs:
        return None
    spread = answer.fit.parameter("spread")
    seen = spread.identified
    return {
        "estimate": spread.estimate if seen else None,
        "interval": list(spread.interval) if seen else None,
        "identified": seen,
    }


def _row_document(c: Compared) -> dict[str, object]:
    row: ScalingRow = c.row
    return {
        "model": row.model,
        "strategy": row.strategy,
        "batch_per_worker": row.batch_per_worker,
        "workers": row.workers,
        "ps": None if row.strategy == "allreduce" else row.servers,
        "gpus_per_node": row.gpus_per_node,
        "measured_samples_per_s": row.samples_per_s,
        "fitted": c.fitted,
        "predicted_samples_per_s": dict(c.samples_per_s),
        "predicted_samples_per_s_interval": None if c.interval is None else list(c.interval),
        "error": {method: c.error(method) for method in METHODS},
    }
