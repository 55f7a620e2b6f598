"""Visible: text from files as a terminal may have it, its control characters shown and not sent."""

from __future__ import annotations

import re

#: What moves, erases or colours (C0, C1), breaks a line where none is, or turns reading around.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
_BREAK = re.compile("[\t\n]")


def visible(text: str) -> str:
    """The text with each control character by its number, as JSON has it; lines stay."""
    return _UNSEEN.sub(_escaped, text)


def one_line(text: str) -> str:
    """As `visible`, of what is to be one line or one cell."""
    return _BREAK.sub(_escaped, visible(text))


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
