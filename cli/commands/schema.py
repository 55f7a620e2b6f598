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
    from nworkers.cli.shown import json_view
    from nworkers.models.base.choices import choice

    if choice("schema", what, WHAT) == "files":
        from nworkers.models.files.file_schema import file_schema

        json_view.emit(file_schema())
    else:
        from nworkers.cli.documents.answer_schema import answer_schema

        json_view.emit(answer_schema())
