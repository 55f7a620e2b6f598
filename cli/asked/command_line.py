"""Command line: the words that ask a question again, with some of its options changed."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from nworkers.cli.asked.options import OPTION_OF, Options

Changes = Iterable[tuple[str, str]]


#: May be given several times, each for another thing that stands before its ``=``.
_EACH = ("what_if", "settings")


def command(
    name: str,
    options: Options,
    workers: int,
    changes: Changes = (),
    *,
    beside: Iterable[Any] = (),
    counted: str = "workers",
) -> str:
    """The command for so many workers: what was typed, in whose place changes stand.

    Args:
        changes: names of options without their dashes, and their texts; what-ifs and settings are
            more of them, in place of one that was typed of the same thing.
        beside: records of more options, as they were typed.
        counted: the option that says the number of workers.
    """
    typed = _typed(options)
    for field, text in changes:
        typed[field] = _anew(typed.get(field, []), text) if field in _EACH else [text]
        if field == "strategy":
            # Each has runtimes of its own.
            typed.pop("runtime", None)
    for more in beside:
        typed |= _typed(more)
    typed[counted] = typed.get("workers", [str(workers)])
    words = ["scale", name]
    for field in (counted, *(field for field in typed if field not in (counted, "workers"))):
        for text in typed[field]:
            words += [OPTION_OF.get(field, f"--{field.replace('_', '-')}"), shlex.quote(text)]
    return " ".join(words)


def _typed(options: Any) -> dict[str, list[str]]:
    """The texts of each option that was given."""
    found: dict[str, list[str]] = {}
    for entry in fields(options):
        value = getattr(options, entry.name)
        if value != entry.default and value is not None:
            found[entry.name] = [*value] if isinstance(value, list) else [str(value)]
    return found


def _anew(texts: Iterable[str], text: str) -> list[str]:
    """The texts with one more, which is the last word of what it is about."""
    about = text.partition("=")[0].strip()
    return [*(one for one in texts if one.partition("=")[0].strip() != about), text]
