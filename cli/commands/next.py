"""The command ``scale next``."""

from __future__ import annotations

from typing import Annotated

import typer

from nworkers.cli.asked.options import Json, Options, integer, shared


@shared
def next_(
    options: Options,
    workers: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Number of workers whose speed-up is to be surer; by default the fewest that "
            "beat the baseline.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    from nworkers.cli.asked.asked_job import job_request
    from nworkers.cli.shown import console, notes
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.models.records.scenario import MAX_WORKERS
    from nworkers.simulator.decide.next_measurement import next_measurement

    count = None if workers is None else integer("--workers", workers, 1, MAX_WORKERS)
    with ProgressLine("weighing measurements") as progress:
        answer = next_measurement(job_request(options), count, progress=progress.update)
    console.notes(notes.of_job(answer.job))
    own = answer.job.shipped is None and options.calibration is not None
    file = str(options.calibration) if own else "my.json"
    workload = None if options.workload is None else str(options.workload)
    if json:
        from nworkers.cli.shown import json_view, next_json

        json_view.emit(next_json.suggestions(answer, file, workload))
    else:
        from nworkers.cli.shown import next_text

        console.show(next_text.suggestions(answer, file, workload))
