"""The commands ``scale plot``, one for each kind of picture."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    with_options,
    worker_counts,
)
from nworkers.cli.commands.breakeven import (
    DEFAULT_MAX_WORKERS,
    MaxWorkers,
    show_curve,
    show_mix,
    show_options,
)
from nworkers.models.base.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nworkers.cli.plots.style import Size
    from nworkers.simulator.study.resolve import ResolvedJob

Workers = Annotated[
    str, typer.Option(metavar="N[,N…]", help="Number of workers, or several: 1,2,4 or 1-8.")
]
OneCount = Annotated[str, typer.Option("--workers", metavar="N", help="Number of workers.")]


@dataclass(frozen=True)
class PictureOptions:
    """A picture's file and size, as they were typed."""

    output: Output
    size: PictureSize = "large"
    force: Force = False

    def check(self) -> None:
        """Raises: InputError, before anything is computed for a picture that cannot be drawn."""
        picture("output", self.output, force=self.force)
        picture_size(self.size)

    @property
    def inches(self) -> Size:
        from nworkers.cli.plots import style

        return style.SIZES[picture_size(self.size)]

    def save(self, figure: Figure) -> None:
        from nworkers.cli.plots import style

        style.save(figure, self.output, force=self.force)

    def beside(self) -> dict[str, Any]:
        """For a command that draws beside its answer."""
        return {"drawn": self.output, "size": picture_size(self.size), "force": self.force}


def _pictured(command: Callable[..., None]) -> Callable[..., None]:
    """A command with the options of its picture, checked first."""

    @functools.wraps(command)
    def checked(into: PictureOptions, **values: Any) -> None:
        into.check()
        command(into=into, **values)

    return with_options(checked, "into", PictureOptions, first=True)


def _asked(options: Options, counts: Sequence[int], runs: float = 1.0) -> ResolvedJob:
    """The job for these numbers of workers, its notes told."""
    from nworkers.cli.asked.asked_job import job_request
    from nworkers.cli.shown import console, notes
    from nworkers.simulator.study.resolve import resolve

    job = resolve(job_request(options), counts)
    console.notes(notes.of_job(job, runs))
    return job


@_pictured
@shared
def plot_breakeven(
    into: PictureOptions,
    options: Options,
    max_workers: MaxWorkers = str(DEFAULT_MAX_WORKERS),
    json: Json = False,
) -> None:
    show_curve(options, max_workers, as_json=json, **into.beside())


@_pictured
@shared
def plot_options(
    into: PictureOptions,
    options: Options,
    vs: Versus = None,
    scenario: Scenarios = None,
    max_workers: MaxWorkers = str(DEFAULT_MAX_WORKERS),
    json: Json = False,
) -> None:
    if not (vs or scenario):
        raise InputError("vs", "nothing", "another way to do the job, such as '--link 10gbit'")
    show_options(
        options, AimOptions(), MoneyOptions(), "what is asked", vs or (), scenario or (),
        max_workers, as_json=json, **into.beside(),
    )  # fmt: skip


def _plot_cost(
    into: PictureOptions,
    options: Options,
    priced: MoneyOptions,
    vs: Versus = None,
    scenario: Scenarios = None,
    max_workers: MaxWorkers = str(DEFAULT_MAX_WORKERS),
    json: Json = False,
) -> None:
    if not priced.is_asked:
        raise InputError("price_per_host_hour", "none", "a price, or <samples> to train")
    if vs or scenario:
        show_options(
            options, AimOptions(), priced, "what is asked", vs or (), scenario or (),
            max_workers, as_json=json, **into.beside(),
        )  # fmt: skip
    else:
        show_curve(options, max_workers, priced=priced, as_json=json, **into.beside())


plot_cost = _pictured(with_options(shared(_plot_cost), "priced", MoneyOptions))


@_pictured
@shared
def plot_mix(
    file: Annotated[
        Path, typer.Argument(parser=named_path, metavar="JOBS", help="The jobs, as --mix has them.")
    ],
    into: PictureOptions,
    options: Options,
    max_workers: MaxWorkers = str(DEFAULT_MAX_WORKERS),
    json: Json = False,
) -> None:
    show_mix(options, AimOptions(), file, max_workers, as_json=json, **into.beside())


@_pictured
@shared
def plot_breakdown(into: PictureOptions, options: Options, workers: Workers) -> None:
    from nworkers.cli.plots.step_breakdown import step_breakdown
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.simulator.answers import answer_predict

    job = _asked(options, worker_counts(workers))
    with ProgressLine("predicting") as progress:
        answer = answer_predict(job, progress.update)
    into.save(step_breakdown(job, answer.rows, into.inches))


@_pictured
@shared
def plot_sensitivities(into: PictureOptions, options: Options, workers: OneCount) -> None:
    from nworkers.cli.commands.explain import RUNS
    from nworkers.cli.plots.sensitivities import sensitivities
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.simulator.answers import answer_explain

    job = _asked(options, [_one_count(workers)], RUNS)
    with ProgressLine("explaining") as progress:
        answer = answer_explain(job, progress.update)
    into.save(sensitivities(answer, into.inches))


@_pictured
@shared
def plot_timeline(into: PictureOptions, options: Options, workers: OneCount) -> None:
    from nworkers.cli.plots.step_timeline import step_timeline
    from nworkers.simulator.trace.observe import observe

    job = _asked(options, [_one_count(workers)])
    seen = observe(job.profile, job.scenarios[-1], job.seed)
    into.save(step_timeline(job, seen, into.inches))


def _one_count(workers: str) -> int:
    from nworkers.models.records.scenario import MAX_WORKERS

    return integer("--workers", workers, 1, MAX_WORKERS)


@_pictured
@shared
def plot_validation(
    file: Annotated[
        Path,
        typer.Argument(parser=named_path, metavar="MEASURED", help="What scale validate -o wrote."),
    ],
    into: PictureOptions,
    options: Options,
    workers: Workers,
    tolerance: Annotated[
        str, typer.Option(metavar="X", help="Relative error of step time that is accepted.")
    ] = "0.10",
) -> None:
    counts, accepted = worker_counts(workers), number("--tolerance", tolerance, 0.0, 100.0)
    from nworkers.cli.asked.asked_job import job_request
    from nworkers.cli.commands import validate_trained
    from nworkers.cli.plots.measured_beside import measured_beside

    answer = validate_trained.validate(
        validate_trained.ValidateRequest(
            job=job_request(options), counts=counts, tolerance=accepted, measured=file
        )
    )
    into.save(measured_beside(answer, into.inches))


@_pictured
def plot_fit(
    file: Annotated[
        Path, typer.Argument(parser=named_path, metavar="FILE", help="A calibration file.")
    ],
    into: PictureOptions,
) -> None:
    from nworkers.cli.plots.fitted_laws import fitted_laws
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.models.files.store import read_calibration
    from nworkers.models.fitting.fit import fit_profile
    from nworkers.models.fitting.held_out import curves

    calibration = read_calibration(file)
    profile = calibration.profile
    if profile is None:
        with ProgressLine("fitting") as progress:
            profile = fit_profile(calibration, progress=progress.update)
    into.save(fitted_laws(curves(calibration, profile), profile, into.inches))


@_pictured
def plot_sweep(
    files: Annotated[
        list[Path],
        typer.Argument(
            parser=named_path, metavar="ROWS…", help="What scale sweep wrote; several, of shards."
        ),
    ],
    into: PictureOptions,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=VALUE",
            help="Draw these rows alone, such as strategy=ps-async; may be given several times.",
        ),
    ] = None,
) -> None:
    chosen = [_chosen(text) for text in where or ()]
    from nworkers.cli.plots.sweep_plot import sweep
    from nworkers.models.files.json_lines import read_rows
    from nworkers.models.findings.sweep_map import sweep_maps

    rows = (row for file in files for row in read_rows(file))
    into.save(sweep(sweep_maps(rows, chosen), into.inches))


def _chosen(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError("where", text, "FIELD=VALUE, such as strategy=ps-async")
    return name.strip(), value.strip()
