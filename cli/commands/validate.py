"""The command ``scale validate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nworkers.cli.asked.options import (
    ConnectTimeout,
    Force,
    Json,
    Local,
    Options,
    Plot,
    duration,
    integer,
    named_path,
    number,
    picture,
    shared,
    worker_counts,
)
from nworkers.models.base.errors import Contradiction, InputError

if TYPE_CHECKING:
    from nworkers.simulator.answers import ValidateAnswer


@shared
def validate(
    options: Options,
    workers: Annotated[
        str | None, typer.Option(metavar="N[,N…]", help="Worker counts to train with: 1,2,4.")
    ] = None,
    starts: Annotated[
        str, typer.Option(metavar="K", help="Fresh starts of each worker count.")
    ] = "3",
    seconds: Annotated[
        str, typer.Option(metavar="T", help="Seconds of training in each start.")
    ] = "10",
    tolerance: Annotated[
        str, typer.Option(metavar="X", help="Largest relative error of step time to accept.")
    ] = "0.10",
    measured: Annotated[
        Path | None,
        typer.Option(
            parser=named_path,
            metavar="FILE",
            help="Compare an earlier -o FILE instead of training; repeat its --ps, placement and "
            "workload.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="Train a Keras 3 model of yours: the function returns (model, loss, optimizer) or "
            "(model, loss, optimizer, dataset). --workload describes it for the prediction.",
        ),
    ] = None,
    write_workload: Annotated[
        Path | None,
        typer.Option(
            parser=named_path,
            metavar="FILE",
            help="With --model: time its step in one process, and write the workload file, which "
            "then is predicted.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            parser=named_path,
            metavar="FILE",
            help="Keep every measured step here.",
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            parser=named_path,
            metavar="FILE",
            help="Write what others may see: step times and predictions, no names or addresses.",
        ),
    ] = None,
    worker: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT,…",
            help="Train on a cluster: where `scale serve` runs for each worker, and for each ps "
            "with --ps HOST:PORT,…",
        ),
    ] = None,
    local: Local = False,
    connect_timeout: ConnectTimeout = "60",
    published: Annotated[
        bool,
        typer.Option(
            "--published",
            help="Train nothing: predict the large rows of the tables that others published from "
            "their small ones.",
        ),
    ] = False,
    plot: Plot = None,
    force: Force = False,
    json: Json = False,
) -> None:
    accepted = number("--tolerance", tolerance, 0.0, 100.0)
    if published:
        for field, value in {
            "workers": workers,
            "measured": measured,
            "model": model,
            "write_workload": write_workload,
            "output": output,
            "export": export,
            "plot": plot,
            "calibration": options.calibration,
            "workload": options.workload,
            "worker": worker,
        }.items():
            if value is not None:
                raise Contradiction(field, value, "published")
        from nworkers.cli.commands import validate_published

        if not validate_published.validate(accepted, as_json=json):
            raise typer.Exit(1)
        return
    if workers is None:
        raise InputError("workers", "nothing", "worker counts, such as 1,2,4")
    counts = worker_counts(workers)
    picture("plot", plot, force=force)
    from nworkers.cli.asked import clusters
    from nworkers.cli.asked.asked_job import job_request
    from nworkers.cli.commands import validate_trained
    from nworkers.cli.commands.serve import join

    connect_s = duration("--connect-timeout", connect_timeout)
    cluster = None
    if measured is None:
        cluster = clusters.in_training(options, worker, counts, local=local)
    elif worker is not None:
        raise Contradiction("worker", worker, "measured")
    if cluster is not None and not cluster.coordinates:
        join(cluster, validate_trained.log_files(output), connect_s)
        return
    how_often = integer("--starts", starts, 1, 1000)
    how_long_s = number("--seconds", seconds, 0.1, 86_400)
    _check_trainable(options)
    answer = validate_trained.validate(
        validate_trained.ValidateRequest(
            job=job_request(options, ps=None if cluster is None else max(1, len(cluster.ps))),
            counts=counts,
            machines=None if cluster is None else clusters.machines(cluster, connect_s),
            starts=how_often,
            seconds=how_long_s,
            tolerance=accepted,
            model=model,
            write_workload=write_workload,
            measured=measured,
            output=output,
            export=export,
            force=force,
        )
    )
    _show(answer, plot, force=force, as_json=json)
    if not answer.comparison.holds:
        raise typer.Exit(1)


def _check_trainable(options: Options) -> None:
    """Only what is really trained may be claimed to be checked."""
    if options.calibration is None:
        raise InputError(
            "calibration",
            "nothing",
            "a calibration of this machine; `scale calibrate -o my.json` measures one",
        )
    if options.what_if:
        raise InputError(
            "what_if", options.what_if[0], "nothing here: validate trains the job as it is"
        )
    if options.baseline != "device":
        raise InputError("baseline", options.baseline, "device, which is what is trained here")


def _show(answer: ValidateAnswer, plot: Path | None, *, force: bool, as_json: bool) -> None:
    from nworkers.cli.shown import console, json_view, validate_text

    if plot is not None:
        from nworkers.cli.plots import measured_beside, style

        style.save(measured_beside.measured_beside(answer), plot, force=force)
    if as_json:
        json_view.emit(json_view.comparison(answer.comparison))
    else:
        console.show(validate_text.comparison(answer.comparison))
