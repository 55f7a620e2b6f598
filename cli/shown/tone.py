"""Tone: what a text means to its reader, which a terminal tells by a colour."""

from __future__ import annotations

from enum import Enum
from typing import Self


class Tone(Enum):
    """The values are what ECMA-48 has a terminal do (SGR)."""

    PLAIN = ""
    HEADLINE = "1"  # bold
    GOOD = "1;32"  # green
    BAD = "1;31"  # red
    DOUBT = "33"  # yellow
    ASIDE = "2"  # faint


class Toned(str):
    """Text with a tone."""

    __slots__ = ("tone",)
    tone: Tone

    def __new__(cls, text: str, tone: Tone) -> Self:
        self = super().__new__(cls, text)
        self.tone = tone
        return self


#: As sure as the ends of a 90 % interval.
SURE = 0.95


def by_chance(text: str, probability: float) -> Toned:
    """Good where it is as good as certain, bad where it is as good as never."""
    if probability >= SURE:
        return Toned(text, Tone.GOOD)
    return Toned(text, Tone.BAD if probability <= 1.0 - SURE else Tone.DOUBT)


def tone_of(text: str) -> Tone:
    """Plain where a text says nothing of it."""
    return text.tone if isinstance(text, Toned) else Tone.PLAIN


def painted(text: str, tone: Tone, *, colours: bool) -> str:
    """The text as a terminal gets it."""
    if not (colours and tone.value and text):
        return text
    return f"\x1b[{tone.value}m{text}\x1b[0m"
