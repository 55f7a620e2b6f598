"""The command ``scale breakeven``."""

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
    picture,
    shared,
)

DEFAULT_MAX_WORKERS = 64
MaxWorkers = Annotated[str, typer.Option(metavar="N", help="Largest number of workers to look at.")]


@shared
def breakeven(
    options: Options,
    max_workers: MaxWorkers = str(DEFAULT_MAX_WORKERS),
    plot: Plot = None,
    force: Force = False,
    json: Json = False,
) -> None:
    picture("plot", plot, force=force)
    show_curve(options, max_workers, plot, force=force, as_json=json)


def show_curve(
    options: Options, max_workers: str, drawn: Path | None, *, force: bool, as_json: bool
) -> None:
    """Answer, draw where there is a file to draw to, and print.

    Raises:
        InputError
    """
    from nworkers.cli.asked.asked_job import job_request
    from nworkers.cli.shown import console, headline, notes, predict_text
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.models.records.scenario import MAX_WORKERS
    from nworkers.simulator.answers import answer_breakeven
    from nworkers.simulator.study.resolve import resolve

    most = integer("--max-workers", max_workers, 1, MAX_WORKERS)
    job = resolve(job_request(options), [most], curve=True)
    console.notes(notes.of_curve(job, most))
    with ProgressLine("simulating") as progress:
        answer = answer_breakeven(
            job, most, progress.update, lambda row: progress.know(headline.in_short(row))
        )
    if drawn is not None:
        from nworkers.cli.shown import plots

        plots.save(plots.breakeven(answer), drawn, force=force)
    if as_json:
        from nworkers.cli.shown import json_view

        json_view.emit(json_view.breakeven(answer))
    else:
        console.emit(predict_text.curve(answer))
