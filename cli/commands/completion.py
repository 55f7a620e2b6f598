"""The command ``scale completion``."""

from __future__ import annotations

from typing import Annotated

import typer

#: What the scripts ask for: the words of a command line, the last one unfinished.
WORDS = "words"


def completion(
    context: typer.Context,
    shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish", help="The shell.")],
    words: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
) -> None:
    from nworkers.cli.shown import console
    from nworkers.cli.shown.completion_scripts import SCRIPTS
    from nworkers.models.base.choices import choice
    from nworkers.models.base.errors import InputError

    if shell == WORDS:
        from nworkers.cli.asked.completing import completions

        found = completions(context.find_root().command, words or [""])
        if found:
            console.emit("\n".join(found))
        return
    if words:
        raise InputError("shell", f"{shell} and {len(words)} more", "one shell")
    console.emit(SCRIPTS[choice("shell", shell, tuple(SCRIPTS))])
