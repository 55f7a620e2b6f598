"""Choices: one of several words, with a hint at what may have been meant."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TypeVar

from nworkers.models.base.errors import InputError

Choice = TypeVar("Choice", bound=str)


def choice(field: str, text: str, allowed: Sequence[Choice]) -> Choice:
    """Raises: InputError, naming the field, what is allowed and what may have been meant."""
    for value in allowed:
        if text == value:
            return value
    raise InputError(field, text, ", ".join(allowed) + hint(text, allowed))


def hint(text: str, allowed: Sequence[str]) -> str:
    """Which of the words may have been meant, in whatever case; empty where none is near."""
    near = get_close_matches(text, allowed, n=1) or get_close_matches(text.lower(), allowed, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
