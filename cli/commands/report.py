"""The command ``scale report``."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nworkers.cli.asked.options import (
    Force,
    Options,
    Output,
    Scenarios,
    Versus,
    integer,
    shared,
)
from nworkers.cli.commands.breakeven import DEFAULT_MAX_WORKERS, MaxWorkers
from nworkers.models.base.errors import InputError

if TYPE_CHECKING:
    from nworkers.cli.report.page import PageCommands
    from nworkers.simulator.report import Part

PAGES = (".html", ".htm")
#: More processes would take longer to start than they save.
MOST_PROCESSES = 8


@shared
def report(
    output: Output,
    options: Options,
    max_workers: MaxWorkers = str(DEFAULT_MAX_WORKERS),
    vs: Versus = None,
    scenario: Scenarios = None,
    force: Force = False,
) -> None:
    from nworkers.calibrate.host.processor import usable_cores
    from nworkers.cli.asked.asked_job import job_request
    from nworkers.cli.asked.option_text import in_file, in_words
    from nworkers.cli.report.page import page
    from nworkers.cli.shown import console, notes, predict_text
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.cli.shown.sheet import Sheet
    from nworkers.cli.sweeping.executors import on_this_machine
    from nworkers.models.files.atomic_write import check_output, write_bytes
    from nworkers.models.records.scenario import MAX_WORKERS
    from nworkers.simulator.report import report_answer
    from nworkers.simulator.study.resolve import resolve

    if output.suffix.lower() not in PAGES:
        raise InputError("output", output, "a file name ending in .html")
    check_output(output, force=force)
    most = integer("--max-workers", max_workers, 1, MAX_WORKERS)
    request = job_request(options)
    others = [
        *(in_words(options, said) for said in vs or ()),
        *(in_file(options, path) for path in scenario or ()),
    ]
    console.notes(notes.of_curve(resolve(request, [most], curve=True), most))
    processes = max(1, min(MOST_PROCESSES, round(usable_cores())))
    with ProgressLine("simulating") as progress, on_this_machine(processes) as pool:
        carry_out = partial(_carried_out, pool.executor, progress.update)
        found = report_answer(request, most, others, carry_out)
    compared = [("--vs", said) for said in vs or ()]
    compared += [("--scenario", str(path)) for path in scenario or ()]
    asked = _commands(options, output, most, compared)
    write_bytes(output, page(found, asked).encode(), force=force)
    first = predict_text.first_line(found.answer.result)
    console.show(Sheet(first, f"Written to {output}."))


def _carried_out(
    executor: Executor, progress: Callable[[int, int], None], parts: Sequence[Part]
) -> list[Any]:
    """What the parts found, in their order."""
    futures = [executor.submit(function, *given) for function, given in parts]
    found: list[Any] = []
    for future in futures:
        progress(len(found), len(parts))
        found.append(future.result())
    return found


def _commands(
    options: Options, output: Path, most: int, compared: Sequence[tuple[str, str]]
) -> PageCommands:
    """The command lines that the page names; of its own file the name alone, without folders.

    Args:
        compared: options of ways to do the job that are compared, and their texts.
    """
    from nworkers.cli.asked.command_line import command
    from nworkers.cli.report.page import PageCommands

    again = [command("report", options, most, counted="max_workers")]
    again += [f"{name} {shlex.quote(said)}" for name, said in (*compared, ("-o", output.name))]
    return PageCommands(
        again=" ".join(again),
        ask=partial(command, "predict", options),
        ask_curve=partial(command, "breakeven", options, counted="max_workers"),
        file=str(options.calibration or "my.json"),
        workload=None if options.workload is None else str(options.workload),
    )
