"""The command ``scale schema``."""

from __future__ import annotations

from typing import Annotated

import typer

WHAT = ("files", "answers")


def schema(
    what: Annotated[
        str,
        typer.Argument(
            metavar="files|answers", help="What scale writes to files, or prints under --json."
        ),
    ],
) -> None:
    from importlib.resources import files

    from nworkers.cli.shown import console, json_view
    from nworkers.models.base.choices import choice

    if choice("what", what, WHAT) == "files":
        from nworkers.models.files.file_schema import file_schema

        json_view.emit(file_schema())
    else:
        shipped = files("nworkers.models.files") / "schemas" / "answers.json"
        console.emit_json(shipped.read_text())
