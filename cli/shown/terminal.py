"""Terminal: how wide what text goes to is, and whether it takes colours."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TextIO

#: Narrower ones get lines for so many columns, which they break themselves.
NARROWEST = 40
#: What a terminal that does not know its width is taken for.
USUAL = 80


@dataclass(frozen=True)
class Terminal:
    """``width`` is None for a file or a pipe, which take lines of any length."""

    width: int | None = None
    colours: bool = False


#: A file or a pipe.
NO_TERMINAL = Terminal()


def terminal_of(stream: TextIO) -> Terminal:
    """What a stream goes to. FORCE_COLOR colours files and pipes too; NO_COLOR nothing at all."""
    here = stream.isatty()
    wanted = bool(os.environ.get("FORCE_COLOR")) or (here and os.environ.get("TERM") != "dumb")
    colours = wanted and not os.environ.get("NO_COLOR")
    return Terminal(max(_columns(stream), NARROWEST) if here else None, colours)


def _columns(stream: TextIO) -> int:
    """COLUMNS first, as everywhere."""
    stated = os.environ.get("COLUMNS", "")
    if stated.isdecimal() and int(stated[:6]):
        return int(stated[:6])
    try:
        return os.get_terminal_size(stream.fileno()).columns or USUAL
    except OSError:
        return USUAL
