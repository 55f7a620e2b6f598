"""The two ways in which a command can fail that its user can mend."""

from __future__ import annotations

import re
from collections.abc import Callable

#: A field that the text of an error names, such as ``<workers>``.
_FIELD = re.compile(r"<([a-z_]+)>")


#: No error is longer, whatever stood in a file.
MOST_CHARACTERS = 400
#: Room is left for what a command says before it.
_MOST = MOST_CHARACTERS - 20


class FieldText(str):
    """Text that names fields, as ``<workers>``, where else a user's own text may stand."""


class InputError(ValueError):
    """Bad usage or bad input: exit code 2.

    Says which field, what stood there and what is allowed, in one line. ``allowed``, and a ``got``
    that is a `FieldText`, may name other fields, as ``<workers>``.
    """

    def __init__(self, field: str, got: object, allowed: str) -> None:
        self.field = field
        self.got = got
        self.allowed = allowed
        super().__init__(self.worded(lambda name: name))

    def __reduce__(self) -> tuple[object, ...]:
        """So that it comes out of another process as it was raised there."""
        return type(self), (self.field, self.got, self.allowed)

    def parts(self, named: Callable[[str], str]) -> tuple[str, str, str]:
        """Field, what it got and what is allowed, with each field by the name its reader knows."""
        own = isinstance(self.got, FieldText)
        got = with_fields(str(self.got), named) if own else self.got
        return named(self.field), str(got), with_fields(self.allowed, named)

    def worded(self, named: Callable[[str], str]) -> str:
        """The same as one line."""
        return _line(*self.parts(named))


class Contradiction(InputError):
    """Two fields are given, and one rules out the other."""

    def __init__(self, field: str, got: object, other: str) -> None:
        self.other = other
        super().__init__(field, got, "one of the two options")

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.field, self.got, self.other)

    def parts(self, named: Callable[[str], str]) -> tuple[str, str, str]:
        """The same three, with both fields in the second."""
        return named(self.field), f"{self.got} beside {named(self.other)}", self.allowed


def cut(text: str, most: int = MOST_CHARACTERS) -> str:
    """The text, or its two ends where it is longer: what it is about, and what is wrong."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[: most - half - 1]}…{text[-half:]}"


def _line(field: str, got: str, allowed: str) -> str:
    """One line; of a long one a part of each is left, of a path its end."""
    if len(field) + len(got) + len(allowed) > _MOST - 20:
        field = field if len(field) <= 120 else f"…{field[-119:]}"
        got = cut(got, max(60, _MOST - 20 - len(field) - len(allowed)))
    # What may have been meant stands at the end of what is allowed.
    return cut(f"{field}: got {got}; allowed: {allowed}", _MOST)


def with_fields(text: str, named: Callable[[str], str]) -> str:
    """The text with ``<workers>`` and other fields by the names that its reader knows them by."""
    return _FIELD.sub(lambda found: named(found[1]), text)


class HardwareError(RuntimeError):
    """The hardware, the cluster or the installed software failed: exit code 3."""
