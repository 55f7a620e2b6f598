"""The command ``scale`` alone."""

from __future__ import annotations


def start() -> None:
    """Say what to do next, by what is in the folder."""
    from importlib.util import find_spec
    from pathlib import Path

    from nworkers.cli.asked.folder import found_in
    from nworkers.cli.shown import console, start_text

    can_measure = find_spec("tensorflow") is not None
    found = found_in(Path())
    said = start_text.next_steps(found.hardware, found.unfinished, can_measure=can_measure)
    console.show(said)
