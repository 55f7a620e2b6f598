"""The commands ``scale plot``, one for each kind of picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nworkers.cli.asked.aim_options import AimOptions
from nworkers.cli.asked.money_options import MoneyOptions
from nworkers.cli.asked.options import (
    Force,
    Json,
    Options,
    Output,
    PictureSize,
    Scenarios,
    Versus,
    integer,
    named_path,
    number,
    picture,
    picture_size,
    shared,
    worker_counts,
)
from nworkers.cli.commands.breakeven import (
    DEFAULT_MAX_WORKERS,
    MaxWorkers,
    show_curve,
    show_options,
)
from nworkers.models.base.errors import InputError

Workers = Annotated[
    str, typer.Option(metavar="N[,N…]", help="Number of workers, or several: 1,2,4 or 1-8.")
]
OneCount = Annotated[str, typer.Option("--workers", metavar="N", help="Number of workers.")]


@shared
def plot_breakeven(
    output: Output,
    options: Options,
    max_workers: MaxWorkers = str(DEFAULT_MAX_WORKERS),
    size: PictureSize = "large",
    force: Force = False,
    json: Json = False,
) -> None:
    picture("output", output, force=force)
    drawn = picture_size(size)
    show_curve(options, max_workers, output, force=force, as_json=json, size=drawn)


@shared
def plot_options(
    output: Output,
    options: Options,
    vs: Versus = None,
    scenario: Scenarios = None,
    max_workers: MaxWorkers = str(DEFAULT_MAX_WORKERS),
    size: PictureSize = "large",
    force: Force = False,
    json: Json = False,
) -> None:
    picture("output", output, force=force)
    drawn = picture_size(size)
    if not (vs or scenario):
        raise InputError("vs", "nothing", "another way to do the job, such as '--link 10gbit'")
    show_options(
        options,
        AimOptions(),
        MoneyOptions(),
        "what is asked",
        vs or (),
        scenario or (),
        max_workers,
        output,
        force=force,
        as_json=json,
        size=drawn,
    )


@shared
def plot_breakdown(
    output: Output,
    options: Options,
    workers: Workers,
    size: PictureSize = "large",
    force: Force = False,
) -> None:
    picture("output", output, force=force)
    drawn, counts = picture_size(size), worker_counts(workers)
    from nworkers.cli.asked.asked_job import job_request
    from nworkers.cli.plots import step_breakdown, style
    from nworkers.cli.shown import console, notes
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.simulator.answers import answer_predict
    from nworkers.simulator.study.resolve import resolve

    job = resolve(job_request(options), counts)
    console.notes(notes.of_job(job))
    with ProgressLine("predicting") as progress:
        answer = answer_predict(job, progress.update)
    figure = step_breakdown.step_breakdown(job, answer.rows, style.SIZES[drawn])
    style.save(figure, output, force=force)


@shared
def plot_sensitivities(
    output: Output,
    options: Options,
    workers: OneCount,
    size: PictureSize = "large",
    force: Force = False,
) -> None:
    picture("output", output, force=force)
    from nworkers.models.records.scenario import MAX_WORKERS

    drawn, count = picture_size(size), integer("--workers", workers, 1, MAX_WORKERS)
    from nworkers.cli.asked.asked_job import job_request
    from nworkers.cli.commands.explain import RUNS
    from nworkers.cli.plots import sensitivities, style
    from nworkers.cli.shown import console, notes
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.simulator.answers import answer_explain
    from nworkers.simulator.study.resolve import resolve

    job = resolve(job_request(options), [count])
    console.notes(notes.of_job(job, RUNS))
    with ProgressLine("explaining") as progress:
        answer = answer_explain(job, progress.update)
    style.save(sensitivities.sensitivities(answer, style.SIZES[drawn]), output, force=force)


@shared
def plot_timeline(
    output: Output,
    options: Options,
    workers: OneCount,
    size: PictureSize = "large",
    force: Force = False,
) -> None:
    picture("output", output, force=force)
    from nworkers.models.records.scenario import MAX_WORKERS

    drawn, count = picture_size(size), integer("--workers", workers, 1, MAX_WORKERS)
    from nworkers.cli.asked.asked_job import job_request
    from nworkers.cli.plots import step_timeline, style
    from nworkers.cli.shown import console, notes
    from nworkers.simulator.study.resolve import resolve
    from nworkers.simulator.trace.observe import observe

    job = resolve(job_request(options), [count])
    console.notes(notes.of_job(job))
    seen = observe(job.profile, job.scenarios[-1], job.seed)
    style.save(step_timeline.step_timeline(job, seen, style.SIZES[drawn]), output, force=force)


@shared
def plot_validation(
    file: Annotated[
        Path,
        typer.Argument(parser=named_path, metavar="MEASURED", help="What scale validate -o wrote."),
    ],
    output: Output,
    options: Options,
    workers: Workers,
    tolerance: Annotated[
        str, typer.Option(metavar="X", help="Relative error of step time that is accepted.")
    ] = "0.10",
    size: PictureSize = "large",
    force: Force = False,
) -> None:
    picture("output", output, force=force)
    drawn, counts = picture_size(size), worker_counts(workers)
    accepted = number("--tolerance", tolerance, 0.0, 100.0)
    from nworkers.cli.asked.asked_job import job_request
    from nworkers.cli.commands import validate_trained
    from nworkers.cli.plots import measured_beside, style

    answer = validate_trained.validate(
        validate_trained.ValidateRequest(
            job=job_request(options), counts=counts, tolerance=accepted, measured=file
        )
    )
    style.save(measured_beside.measured_beside(answer, style.SIZES[drawn]), output, force=force)


def plot_fit(
    file: Annotated[
        Path, typer.Argument(parser=named_path, metavar="FILE", help="A calibration file.")
    ],
    output: Output,
    size: PictureSize = "large",
    force: Force = False,
) -> None:
    picture("output", output, force=force)
    drawn = picture_size(size)
    from nworkers.cli.plots import fitted_laws, style
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.models.files.store import read_calibration
    from nworkers.models.fitting.fit import fit_profile
    from nworkers.models.fitting.held_out import curves

    calibration = read_calibration(file)
    profile = calibration.profile
    if profile is None:
        with ProgressLine("fitting") as progress:
            profile = fit_profile(calibration, progress=progress.update)
    figure = fitted_laws.fitted_laws(curves(calibration, profile), profile, style.SIZES[drawn])
    style.save(figure, output, force=force)


def plot_sweep(
    files: Annotated[
        list[Path],
        typer.Argument(
            parser=named_path, metavar="ROWS…", help="What scale sweep wrote; several, of shards."
        ),
    ],
    output: Output,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=VALUE",
            help="Draw these rows alone, such as strategy=ps-async; may be given several times.",
        ),
    ] = None,
    size: PictureSize = "large",
    force: Force = False,
) -> None:
    picture("output", output, force=force)
    drawn = picture_size(size)
    chosen = [_chosen(text) for text in where or ()]
    from nworkers.cli.plots import style, sweep_plot
    from nworkers.models.files.json_lines import read_rows
    from nworkers.models.findings.sweep_map import sweep_maps

    rows = (row for file in files for row in read_rows(file))
    figure = sweep_plot.sweep(sweep_maps(rows, chosen), style.SIZES[drawn])
    style.save(figure, output, force=force)


def _chosen(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError("where", text, "FIELD=VALUE, such as strategy=ps-async")
    return name.strip(), value.strip()
