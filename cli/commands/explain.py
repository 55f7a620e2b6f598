"""The command ``scale explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nworkers.cli.asked.options import (
    Force,
    Json,
    Options,
    Plot,
    integer,
    named_path,
    picture,
    shared,
)


@shared
def explain(
    options: Options,
    workers: Annotated[str, typer.Option(metavar="N", help="Number of workers.")],
    measured: Annotated[
        Path | None,
        typer.Option(
            parser=named_path,
            metavar="RUN.csv",
            help="A run of yours, to be set beside the prediction: step times, one a line, or the "
            "file of a recorder (nworkers.keras_recorder, nworkers.session_recorder).",
        ),
    ] = None,
    plot: Plot = None,
    force: Force = False,
    json: Json = False,
) -> None:
    picture("plot", plot, force=force)
    from nworkers.cli.asked.asked_job import job_request
    from nworkers.cli.shown import console, headline, notes
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.models.files.step_csv import read_steps
    from nworkers.models.records.scenario import MAX_WORKERS
    from nworkers.simulator.answers import answer_explain
    from nworkers.simulator.study.resolve import resolve

    job = resolve(job_request(options), [integer("--workers", workers, 1, MAX_WORKERS)])
    run = None if measured is None else read_steps(measured)
    console.notes(notes.of_job(job, RUNS))
    with ProgressLine("explaining") as progress:
        answer = answer_explain(
            job, progress.update, lambda row: progress.know(headline.in_short(row)), run
        )
    if plot is not None:
        from nworkers.cli.plots import sensitivities, style

        style.save(sensitivities.sensitivities(answer), plot, force=force)
    if json:
        from nworkers.cli.shown import explain_json, json_view

        json_view.emit(explain_json.explanation(answer))
    else:
        from nworkers.cli.shown import explain_text

        console.show(explain_text.explanation(answer))


#: An explanation takes as long as so many predictions.
RUNS = 20.0
