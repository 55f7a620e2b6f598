"""TOML document: a file that somebody wrote by hand, read within bounds, and its keys checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from nworkers.models.base.errors import InputError
from nworkers.models.files.input_file import read_text

#: Bounds of a file: a workload of ten thousand variables has less.
MAX_BYTES, MOST_MARKS, DEEPEST = 2**21, 80_000, 16
#: Texts and remarks, in which nothing nests, and the marks that nest. A text may lack its end.
_TOKEN = (
    r'"""(?:[^"\\]|\\.|"(?!""))*(?:""")?|"(?:[^"\\\n]|\\.)*"?'
    r"|'''(?:[^']|'(?!''))*(?:''')?|'[^'\n]*'?|#[^\n]*|[\[\]{}.=,\n]"
)


def read_toml(path: Path, wanted: str) -> dict[str, Any]:
    """The tables of a TOML file.

    Args:
        wanted: what may be there, for the message.

    Raises:
        InputError: it cannot be read, is too large or too deep, or is no TOML.
    """
    import tomllib  # noqa: PLC0415 (most questions name no such file)

    text = read_text(path, wanted, MAX_BYTES)
    _check_bounds(text, path)
    try:
        return tomllib.loads(text)
    except ValueError as error:  # also of digits without end
        raise InputError(str(path), f"no TOML: {error}", wanted) from None


def check_keys(keys: Iterable[str], allowed: Sequence[str], prefix: str) -> None:
    """Refuse unknown keys: in a file written by hand they are slips, and would be left out unseen.

    Args:
        prefix: what stands before a key in the message, such as its file.

    Raises:
        InputError
    """
    for key in keys:
        if key not in allowed:
            near = get_close_matches(key, allowed, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise InputError(prefix + key, "an unknown key", ", ".join(allowed) + hint)


def _check_bounds(text: str, path: Path) -> None:
    """Refuse what would take the parser minutes, or its stack.

    Raises:
        InputError: too many keys, or keys and brackets too deep in each other.
    """
    marks = depth = dots = 0
    for token in re.finditer(_TOKEN, text, re.DOTALL):
        mark = token[0]
        marks += mark in "[{=,"
        depth = max(0, depth + (mark in "[{") - (mark in "]}"))
        dots = dots + 1 if mark == "." else dots if len(mark) > 1 else 0
        for found, most, got, allowed in (
            (depth, DEEPEST, "brackets nested too deeply", "levels"),
            (dots, DEEPEST, "a key of too many parts", "levels"),
            (marks, MOST_MARKS, "too many keys, tables and elements", "of them"),
        ):
            if found > most:
                line = text.count("\n", 0, token.start()) + 1
                raise InputError(f"{path}: line {line}", got, f"at most {most:,} {allowed}")
