"""Sheet: an answer for people: paragraphs, commands and tables, in the order of reading."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Self, TypeAlias

from nworkers.cli.shown.table import TextTable
from nworkers.cli.shown.terminal import NO_TERMINAL, Terminal
from nworkers.cli.shown.tone import Tone, Toned, painted, tone_of
from nworkers.cli.shown.visible import visible
from nworkers.cli.shown.wrapping import display_width, wrapped, wrapped_command

#: A text is a paragraph, whose breaks go where they do not suit, or a point of a list.
Shown: TypeAlias = "str | TextTable | Sheet"
#: Blanks before what follows a line that is broken, where there is no room for more.
INDENT = 4


class Order(str):
    """A command for a shell, after some words; it can be copied from any terminal."""

    __slots__ = ("command", "said")
    said: str
    command: str

    def __new__(cls, said: str, command: str) -> Self:
        self = super().__new__(cls, f"{said} {command}")
        self.said, self.command = said, command
        return self


class Entry(Toned):
    """A name with what is said of it; all but its first line stand below what is said."""

    __slots__ = ("under",)
    under: int

    def __new__(cls, name: str, said: str, tone: Tone = Tone.PLAIN) -> Self:
        self = super().__new__(cls, name + said, tone)
        self.under = len(name)
        return self


class Sheet:
    """Parts below each other."""

    def __init__(self, *parts: Shown) -> None:
        self._parts = parts

    def __str__(self) -> str:
        return self.laid(NO_TERMINAL)

    def laid(self, terminal: Terminal) -> str:
        """As a terminal shows it; whole where it is none."""
        return "\n".join(_laid(part, terminal) for part in self._flat())

    def _flat(self) -> Iterator[str | TextTable]:
        for part in self._parts:
            if isinstance(part, Sheet):
                yield from part._flat()
            else:
                yield part


def _laid(part: str | TextTable, terminal: Terminal) -> str:
    if isinstance(part, TextTable):
        return part.laid(terminal)
    lines = visible(part).split("\n")
    width = terminal.width
    if width is not None and any(display_width(line) > width for line in lines):
        lines = [*_narrow(part, " ".join(lines), width)]
    return "\n".join(painted(line, tone_of(part), colours=terminal.colours) for line in lines)


def _narrow(part: str, text: str, width: int) -> list[str]:
    if isinstance(part, Order):
        blanks = " " * INDENT
        command = wrapped_command(blanks + visible(part.command), width, blanks)
        said = wrapped(visible(part.said), width) if part.said.strip() else []
        return [*said, *command]
    # What follows a point of a list stands below its words.
    under = part.under if isinstance(part, Entry) else len(re.findall(r"^ *(?:- )?", text)[0])
    return wrapped(text, width, " " * (INDENT if 2 * under > width else under))
