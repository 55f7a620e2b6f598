"""Wrapping: lines that are no wider than they may be, as terminals count columns."""

from __future__ import annotations

import re

#: Latin letters, signs and lines, each of one column; most text has no others.
_NARROW = re.compile("[ -~\u00a0-\u02ff\u2010-\u2027\u2030-\u205e\u2190-\u22ff\u2500-\u25a0]*")
#: What ends each line of a command but its last, for a shell to read on.
GOES_ON = " \\"
#: Words and the blanks before them; a percent sign stays at its number.
_BREAKABLE = re.compile(r"\s*\S+(?: %\S*)?")
#: Words of a command with the blanks before them: what is quoted stays together.
_WORD = re.compile(r"""\s*(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+|\s+""", re.DOTALL)


def display_width(text: str) -> int:
    """The columns that a text takes: two for wide characters, none for those set upon others."""
    if _NARROW.fullmatch(text):
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    import unicodedata

    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def words_of(text: str) -> list[str]:
    """What no line breaks within, with the blanks before."""
    return _BREAKABLE.findall(text)


def wrapped(text: str, width: int, under: str = "") -> list[str]:
    """Lines of at most so many columns, broken at blanks; within a word only where it is wider.

    Args:
        under: what each line but the first begins with.
    """
    return _filled(words_of(text), width, under, "") or [""]


def wrapped_command(text: str, width: int, under: str = "    ") -> list[str]:
    """The same of a command, which a shell reads as it was; a word wider than a line stays."""
    words = [found.group() for found in _WORD.finditer(text)]
    return _filled([word for word in words if word.strip()], width, under, GOES_ON)


def _filled(words: list[str], width: int, under: str, goes_on: str) -> list[str]:
    lines: list[str] = []
    line = ""
    for k, word in enumerate(words):
        room = width - (len(goes_on) if k < len(words) - 1 else 0)
        if not line or display_width(line + word) <= room:
            line += word
        else:
            lines.append(line + goes_on)
            line = under + word.lstrip()
        while not goes_on and display_width(line) > width:
            head = _fitting(line, width)
            lines.append(head)
            line = under + line[len(head) :]
    return [*lines, line] if line else lines


def _fitting(text: str, width: int) -> str:
    """As much of the beginning as fits; one character at least."""
    taken = 0
    for k, character in enumerate(text):
        taken += _columns(character)
        if taken > width and k:
            return text[:k]
    return text
