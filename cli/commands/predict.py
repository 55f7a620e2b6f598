"""The command ``scale predict``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nworkers.cli.asked.command_line import command
from nworkers.cli.asked.options import (
    Force,
    Json,
    Lines,
    Options,
    Plot,
    named_path,
    picture,
    shared,
    worker_counts,
)
from nworkers.models.base.errors import Contradiction, InputError

if TYPE_CHECKING:
    from nworkers.models.records.prediction import Prediction
    from nworkers.simulator.trace.observe import Observation


@shared
def predict(
    options: Options,
    workers: Annotated[
        str | None,
        typer.Option(
            metavar="N[,N…]", help="Number of workers, or several: 1,2,4 or 1-8 or 1..64."
        ),
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(
            parser=named_path,
            metavar="FILE",
            help="Write what happens in a few steps of the last count, for ui.perfetto.dev: a row "
            "for each worker, ps and link.",
        ),
    ] = None,
    list_settings: Annotated[
        bool,
        typer.Option("--settings", help="List every quantity that --set can change, and end."),
    ] = False,
    plot: Plot = None,
    force: Force = False,
    json: Json = False,
    jsonl: Lines = False,
) -> None:
    if json and jsonl:
        raise Contradiction("json", "--json", "jsonl")
    if list_settings:
        _list_settings(options, as_json=json)
        return
    if workers is None:
        raise InputError("workers", "nothing", "a number of workers, or several: 1,2,4")
    counts = worker_counts(workers)
    picture("plot", plot, force=force)
    from nworkers.cli.asked.asked_job import job_request
    from nworkers.cli.shown import console, headline, notes, predict_text
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.models.files.atomic_write import check_output
    from nworkers.simulator.answers import answer_predict, predict_with_ways_out
    from nworkers.simulator.study.resolve import resolve

    if trace is not None:
        check_output(trace, force=force, field="trace")
    request = job_request(options)
    job = resolve(request, counts)
    console.notes(notes.of_job(job))
    with ProgressLine("predicting") as progress:

        def known(row: Prediction) -> None:
            progress.know(headline.in_short(row))
            if jsonl:
                from nworkers.cli.shown import json_view

                json_view.emit_line(json_view.described(job, row))

        answer = answer_predict(job, progress.update, known)
        if not jsonl:
            answer = predict_with_ways_out(answer, request, progress.update)
    if trace is not None:
        from nworkers.simulator.trace.observe import observe

        _write(observe(job.profile, job.scenarios[-1], job.seed), trace, force=force)
    if plot is not None:
        from nworkers.cli.plots import step_breakdown, style

        style.save(step_breakdown.step_breakdown(job, answer.rows), plot, force=force)
    ask = partial(command, "predict", options)
    if json:
        from nworkers.cli.shown import json_view

        json_view.emit(json_view.predictions(answer, ask))
    elif not jsonl:
        console.show(predict_text.predictions(answer, ask))


def _list_settings(options: Options, *, as_json: bool) -> None:
    """The quantities of the hardware that the options describe, with what they set of it."""
    from nworkers.cli.asked.asked_job import job_request
    from nworkers.cli.shown import console
    from nworkers.simulator.study.hardware import hardware_of
    from nworkers.simulator.study.settings import settables

    hardware = hardware_of(job_request(options))
    found = settables(hardware.profile)
    if as_json:
        from nworkers.cli.shown import json_view, settings_json

        json_view.emit(settings_json.settings(found, hardware.changed))
    else:
        from nworkers.cli.shown import settings_text

        console.show(settings_text.settings(found))


def _write(seen: Observation, path: Path, *, force: bool) -> None:
    import json

    from nworkers.cli.shown import console
    from nworkers.models.files.atomic_write import write_bytes
    from nworkers.simulator.trace.chrome import trace

    write_bytes(path, json.dumps(trace(seen)).encode(), force=force, field="trace")
    console.note(f"wrote {path}; drop it on https://ui.perfetto.dev")
