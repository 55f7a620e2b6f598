"""Command line: the words that ask a question again, with some of its options changed."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import fields

from nworkers.cli.asked.options import OPTION_OF, Options

Changes = Iterable[tuple[str, str]]


def command(name: str, options: Options, workers: int, changes: Changes = ()) -> str:
    """The command for so many workers: what was typed, in whose place changes stand.

    Args:
        changes: names of options without their dashes, and their texts; a what-if is one more.
    """
    typed: dict[str, list[str]] = {}
    for entry in fields(options):
        value = getattr(options, entry.name)
        if value != entry.default and value is not None:
            typed[entry.name] = [*value] if isinstance(value, list) else [str(value)]
    for field, text in changes:
        typed[field] = [*typed.get("what_if", []), text] if field == "what_if" else [text]
        if field == "strategy":
            # Each has runtimes of its own.
            typed.pop("runtime", None)
    typed["workers"] = typed.get("workers", [str(workers)])
    words = ["scale", name]
    for field in ("workers", *(field for field in typed if field != "workers")):
        for text in typed[field]:
            words += [OPTION_OF.get(field, f"--{field.replace('_', '-')}"), shlex.quote(text)]
    return " ".join(words)
