"""The command ``scale report``."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nworkers.cli.asked.aim_options import AimOptions
from nworkers.cli.asked.money_options import MoneyOptions
from nworkers.cli.asked.options import (
    Force,
    Options,
    Output,
    Scenarios,
    Versus,
    integer,
    shared,
    with_options,
)
from nworkers.cli.commands.breakeven import DEFAULT_MAX_WORKERS, MaxWorkers
from nworkers.models.base.errors import InputError

if TYPE_CHECKING:
    from nworkers.cli.report.page_commands import PageCommands
    from nworkers.simulator.report import Part

PAGES = (".html", ".htm")
#: More processes would take longer to start than they save.
MOST_PROCESSES = 8


def _report(
    output: Output,
    options: Options,
    aimed: AimOptions,
    priced: MoneyOptions,
    max_workers: MaxWorkers = str(DEFAULT_MAX_WORKERS),
    vs: Versus = None,
    scenario: Scenarios = None,
    force: Force = False,
) -> None:
    from nworkers.calibrate.host.processor import usable_cores
    from nworkers.cli.asked.aim_options import aim
    from nworkers.cli.asked.asked_job import job_request
    from nworkers.cli.asked.money_options import money
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
    wanted = aim(aimed)
    worth = money(priced) if priced.is_asked else None
    strategy, *strategies = options.strategy.split(",")
    first = replace(options, strategy=strategy)
    request = job_request(first)
    ways = [*(f"--strategy {shlex.quote(name)}" for name in strategies), *(vs or ())]
    others = [
        *(in_words(first, said, priced) for said in ways),
        *(in_file(first, path, priced) for path in scenario or ()),
    ]
    console.notes(notes.of_curve(resolve(request, [most], curve=True), most))
    processes = max(1, min(MOST_PROCESSES, round(usable_cores())))
    with ProgressLine("simulating") as progress, on_this_machine(processes) as pool:
        carry_out = partial(_carried_out, pool.executor, progress.update)
        found = report_answer(request, most, others, carry_out, aim=wanted, worth=worth)
    compared = [("--vs", said) for said in ways]
    compared += [("--scenario", str(path)) for path in scenario or ()]
    asked = _commands(first, aimed, priced, output, most, compared)
    write_bytes(output, page(found, asked).encode(), force=force)
    console.show(Sheet(predict_text.first_line(found.answer.result), f"Written to {output}."))


report = with_options(with_options(shared(_report), "aimed", AimOptions), "priced", MoneyOptions)


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
    options: Options,
    aimed: AimOptions,
    priced: MoneyOptions,
    output: Path,
    most: int,
    compared: Sequence[tuple[str, str]],
) -> PageCommands:
    """The command lines that the page names; of its own file the name alone, without folders.

    Args:
        compared: options of ways to do the job that are compared, and their texts.
    """
    from nworkers.cli.asked.command_line import command
    from nworkers.cli.report.page_commands import PageCommands

    ask_curve = partial(command, "breakeven", options, beside=[aimed], counted="max_workers")
    again = [command("report", options, most, beside=[aimed, priced], counted="max_workers")]
    again += [f"{name} {shlex.quote(said)}" for name, said in (*compared, ("-o", output.name))]
    return PageCommands(
        again=" ".join(again),
        # Of an aim the curve alone tells.
        ask=partial(command, "predict", options) if aimed == AimOptions() else ask_curve,
        ask_curve=ask_curve,
        file=str(options.calibration or "my.json"),
        workload=None if options.workload is None else str(options.workload),
    )
