"""The commands ``scale plot breakeven`` and ``scale plot fit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nworkers.cli.asked.options import Force, Json, Options, Output, named_path, picture, shared
from nworkers.cli.commands.breakeven import DEFAULT_MAX_WORKERS, MaxWorkers, show_curve


@shared
def plot_breakeven(
    output: Output,
    options: Options,
    max_workers: MaxWorkers = str(DEFAULT_MAX_WORKERS),
    force: Force = False,
    json: Json = False,
) -> None:
    """Draw speed-up over workers with its interval, and the break-even point."""
    picture("output", output, force=force)
    show_curve(options, max_workers, output, force=force, as_json=json)


def plot_fit(
    file: Annotated[
        Path, typer.Argument(parser=named_path, metavar="FILE", help="A calibration file.")
    ],
    output: Output,
    force: Force = False,
) -> None:
    """Draw each quantity's samples, its fitted line and what the line misses."""
    picture("output", output, force=force)
    from nworkers.cli.shown import plots
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.models.files.store import read_calibration
    from nworkers.models.fitting.fit import fit_profile
    from nworkers.models.fitting.held_out import curves

    calibration = read_calibration(file)
    profile = calibration.profile
    if profile is None:
        with ProgressLine("fitting") as progress:
            profile = fit_profile(calibration, progress=progress.update)
    plots.save(plots.fit(curves(calibration, profile), profile), output, force=force)
