"""The commands ``scale plot breakeven``, ``scale plot fit`` and ``scale plot sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nworkers.cli.asked.options import Force, Json, Options, Output, named_path, picture, shared
from nworkers.cli.commands.breakeven import DEFAULT_MAX_WORKERS, MaxWorkers, show_curve
from nworkers.models.base.errors import InputError


@shared
def plot_breakeven(
    output: Output,
    options: Options,
    max_workers: MaxWorkers = str(DEFAULT_MAX_WORKERS),
    force: Force = False,
    json: Json = False,
) -> None:
    picture("output", output, force=force)
    show_curve(options, max_workers, output, force=force, as_json=json)


def plot_fit(
    file: Annotated[
        Path, typer.Argument(parser=named_path, metavar="FILE", help="A calibration file.")
    ],
    output: Output,
    force: Force = False,
) -> None:
    picture("output", output, force=force)
    from nworkers.cli.plots import older, style
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.models.files.store import read_calibration
    from nworkers.models.fitting.fit import fit_profile
    from nworkers.models.fitting.held_out import curves

    calibration = read_calibration(file)
    profile = calibration.profile
    if profile is None:
        with ProgressLine("fitting") as progress:
            profile = fit_profile(calibration, progress=progress.update)
    style.save(older.fit(curves(calibration, profile), profile), output, force=force)


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
    force: Force = False,
) -> None:
    picture("output", output, force=force)
    chosen = [_chosen(text) for text in where or ()]
    from nworkers.cli.plots import style, sweep_plot
    from nworkers.models.files.json_lines import read_rows
    from nworkers.models.findings.sweep_map import sweep_maps

    rows = (row for file in files for row in read_rows(file))
    style.save(sweep_plot.sweep(sweep_maps(rows, chosen)), output, force=force)


def _chosen(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError("where", text, "FIELD=VALUE, such as strategy=ps-async")
    return name.strip(), value.strip()
