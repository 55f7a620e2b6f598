"""The command ``scale fit``: of a calibration, or of a table that others measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from nworkers.cli.asked.options import Force, Json, integer, named_path
from nworkers.models.base.errors import InputError
from nworkers.models.records.workload import MAX_BATCH


def fit(
    files: Annotated[
        list[Path],
        typer.Argument(
            parser=named_path,
            metavar="FILE…",
            help="A calibration file; or a table of nccl-tests (text or -J), OSU (osu_latency, "
            "osu_bw, osu_allreduce), IMB-MPI1 or iperf, whatever stands around it; or a CSV with "
            "columns quantity, seconds, size_bytes and so on; or a table of throughputs over "
            "workers, in CSV, TSV or markdown. Told from its content. Several tables of one tool "
            "count as one: nccl-tests of one host and of several.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", parser=named_path, metavar="FILE", help="Write the profile here."
        ),
    ] = None,
    draws: Annotated[
        str, typer.Option(metavar="N", help="Bootstrap draws behind a calibration's intervals.")
    ] = "200",
    base: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="With a table: the profile that gives what the table does not tell. By default a "
            "shipped one.",
        ),
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(metavar="N", help="With osu_allreduce, which does not print it: processes."),
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="With a table of several settings (algorithms, buffers, in place): part of the "
            "name of one. By default the fastest at each size.",
        ),
    ] = None,
    workload: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="With a scaling table: the variables of its model, where they do not ship.",
        ),
    ] = None,
    system: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="With a scaling table of several systems: which."),
    ] = None,
    fit_to: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="With a scaling table: fit the rows of up to N workers, predict the others.",
        ),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="With a scaling table that does not say it: samples of one worker's step.",
        ),
    ] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    wanted = integer("--draws", draws, 20, 100_000)
    group = None if workers is None else integer("--workers", workers, 2, 1_000_000)
    from nworkers.models.tables.detect import kind_of

    file, *others = files
    kind = kind_of(file)
    if others and kind != "times":
        raise InputError(
            "file", f"{others[0]} beside {file}", "one file, or several tables of one tool"
        )
    if kind == "throughput":
        from nworkers.cli.commands import fit_throughput

        if workers is not None:
            raise InputError("workers", f"{workers} with a scaling table", "a table of OSU")
        if series is not None:
            raise InputError("series", f"{series} with a scaling table", "a table of OSU")
        most = None if fit_to is None else integer("--fit-to", fit_to, 1, 1_000_000)
        each = None if batch is None else integer("--batch", batch, 1, MAX_BATCH)
        fit_throughput.fit(
            fit_throughput.request(file, base, workload, system, most, each),
            output,
            force=force,
            as_json=json,
        )
        return
    for field, value in (
        ("workload", workload),
        ("system", system),
        ("fit_to", fit_to),
        ("batch", batch),
    ):
        if value is not None:
            raise InputError(field, f"{value} with {file}", "a scaling table")
    if kind == "times":
        from nworkers.cli.commands import fit_table

        fit_table.fit(files, output, base, group, series, force=force, as_json=json)
        return
    for field, value in (("base", base), ("workers", workers), ("series", series)):
        if value is not None:
            raise InputError(field, f"{value} with a calibration file", "a table of another tool")
    _fit(file, output, wanted, force=force, as_json=json)


def _fit(file: Path, output: Path | None, draws: int, *, force: bool, as_json: bool) -> None:
    from nworkers.cli.commands.calibrate import first_curve
    from nworkers.cli.shown import (
        calibration_text,
        console,
        fit_json,
        fit_text,
        json_view,
    )
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.models.files.atomic_write import check_output
    from nworkers.models.files.store import read_calibration, write_record
    from nworkers.models.findings.fit_answer import fit_answer
    from nworkers.models.fitting.fit import fit_profile

    if output is not None:
        check_output(output, force=force)
    calibration = read_calibration(file)
    with ProgressLine("fitting") as progress:
        profile = fit_profile(calibration, draws=draws, progress=progress.update)
    answer = fit_answer(calibration, profile, str(file))
    curve = first_curve(replace(calibration, profile=profile))
    console.notes(f"warning: {warning}" for warning in answer.warnings)
    if output is not None:
        write_record(output, profile, force=force)
        console.note(f"wrote {output}")
    if as_json:
        json_view.emit(fit_json.calibrated(answer, curve))
    else:
        lines = calibration_text.first_lines(answer.original, curve)
        console.show(fit_text.fit(answer, lines))
