"""Page commands: the command lines that a page names."""

from __future__ import annotations

from dataclasses import dataclass

from nworkers.cli.shown.way_out_text import Ask


@dataclass(frozen=True)
class PageCommands:
    """``again`` makes the page anew; ``ask`` asks of so many workers with fields changed.

    ``ask_curve`` asks for a curve up to so many. ``file`` is where the user's calibration is, or
    would be.
    """

    again: str
    ask: Ask
    ask_curve: Ask
    file: str
    workload: str | None
