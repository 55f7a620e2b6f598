"""The command ``scale sweep``."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nworkers.cli import interrupt
from nworkers.cli.asked.options import Force, Json, Output, integer, named_path
from nworkers.models.base.errors import Contradiction, FieldText, HardwareError, InputError

if TYPE_CHECKING:
    from nworkers.cli.shown.sweep_text import Swept
    from nworkers.cli.sweeping.handing_over import SweepPool
    from nworkers.models.files.json_lines import JsonLines
    from nworkers.simulator.sweep.grid import SweepGrid

MOST_JOBS, MOST_SHARDS = 10_000, 1_000_000


def sweep(
    file: Annotated[
        Path,
        typer.Argument(
            parser=named_path,
            metavar="FILE",
            help="A TOML file with workers and any option of predict, such as batch, strategy, "
            "link or what_if, each a value or a list. All combinations are predicted.",
        ),
    ],
    output: Output,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the output file: predict what it lacks. Without such a file, begin.",
        ),
    ] = False,
    jobs: Annotated[
        str | None,
        typer.Option(metavar="N", help="Processes on this machine. By default one for each core."),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Use the workers of this Dask scheduler: tcp://HOST:8786."
        ),
    ] = None,
    dask_scheduler_file: Annotated[
        Path | None,
        typer.Option(parser=named_path, metavar="FILE", help="The same; the file has the address."),
    ] = None,
    shard: Annotated[
        str,
        typer.Option(
            metavar="I/N",
            help="Predict the I-th of N parts, for job arrays, each with an output of its own.",
        ),
    ] = "1/1",
    force: Force = False,
    json: Json = False,
) -> None:
    if resume and force:
        raise InputError("resume", FieldText("<resume> with <force>"), "one of them")
    part = _shard(shard)
    place = _place(jobs, dask, dask_scheduler_file)
    from nworkers.cli.asked.sweep_file import sweep_file
    from nworkers.cli.shown import console, json_view, sweep_text
    from nworkers.models.files.json_lines import open_rows

    grid = sweep_file(file)
    swept = sweep_text.Swept(str(output), scenarios=grid.size)
    interrupt.tidy_first()
    try:
        with place as pool, open_rows(output, resume=resume, force=force) as rows:
            _carry_out(pool, grid, _indices(grid, rows.keys, part), rows, swept)
    except (HardwareError, InputError, KeyboardInterrupt):
        if swept.new:
            console.note(sweep_text.kept(swept))
        raise
    if json:
        json_view.emit(sweep_text.document(swept))
    else:
        console.show(sweep_text.summary(swept))


def _carry_out(
    pool: SweepPool, grid: SweepGrid, indices: Sequence[int], rows: JsonLines, swept: Swept
) -> None:
    """Add the rows of some scenarios to a file, and tell how far it is."""
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.cli.sweeping.handing_over import hand_over

    swept.before = len(rows.keys)
    with ProgressLine("sweeping") as progress:
        for found in hand_over(pool, grid, indices):
            rows.add(found.lines)
            swept.add(len(found.lines), found.impossible)
            failed = f"{swept.impossible} impossible" if swept.impossible else ""
            progress.update(swept.new, len(indices), failed)


def _indices(grid: SweepGrid, done: frozenset[str], part: tuple[int, int]) -> Sequence[int]:
    from nworkers.simulator.sweep.grid import wanted

    if not done and part == (1, 1):
        return range(grid.size)
    return array("L", wanted(grid, done, *part))


def _shard(text: str) -> tuple[int, int]:
    """Raises: InputError unless it is a part and a number of parts."""
    first, _, second = text.partition("/")
    try:
        shards = integer("", second, 1, MOST_SHARDS)
        return integer("", first, 1, shards), shards
    except InputError:
        raise InputError("shard", text, "a part and how many there are, such as 1/8") from None


def _place(
    jobs: str | None, dask: str | None, scheduler_file: Path | None
) -> AbstractContextManager[SweepPool]:
    """Where the work is done.

    Raises:
        InputError: several places are named.
    """
    from nworkers.cli.sweeping import executors

    if dask is not None and scheduler_file is not None:
        raise Contradiction("dask", dask, "dask_scheduler_file")
    if dask is None and scheduler_file is None:
        return executors.on_this_machine(_jobs(jobs))
    if jobs is not None:
        raise Contradiction(
            "jobs", jobs, "dask" if scheduler_file is None else "dask_scheduler_file"
        )
    return executors.on_dask(
        executors.scheduler_in(scheduler_file) if scheduler_file else str(dask)
    )


def _jobs(text: str | None) -> int:
    from nworkers.calibrate.host.processor import usable_cores

    if text is None:
        return max(1, round(usable_cores()))
    return integer("jobs", text, 1, MOST_JOBS)
