"""Allowed: what a place of a file may hold, as annotations of a record's fields.

Who checks a file turns them into those of pydantic. Until then nothing of pydantic is imported,
which takes longer than a prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args


class _Limit:
    """What annotated_types calls grouped metadata: it gives the limit when it is asked for."""

    __is_annotated_types_grouped_metadata__: Literal[True] = True

    def __init__(self, bound: float) -> None:
        self.bound = bound

    def __iter__(self) -> Iterator[object]:
        import annotated_types  # noqa: PLC0415 (as above)

        yield getattr(annotated_types, type(self).__name__)(self.bound)


class Ge(_Limit):
    """A number that is at least the bound."""


class Gt(_Limit):
    """A number above the bound."""


class Le(_Limit):
    """A number that is at most the bound."""


class Lt(_Limit):
    """A number below the bound."""


class MinLen(_Limit):
    """A list with at least so many elements."""


class OneOf:
    """One of several records; ``name_of`` gives a value's class by its name."""

    def __init__(self, name_of: Callable[[Any], str]) -> None:
        self._name_of = name_of

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """The schema of a union, in which a choice's name is in angle brackets."""
        from pydantic_core import core_schema  # noqa: PLC0415 (as above)

        choices = {f"<{kind.__name__}>": handler.generate_schema(kind) for kind in get_args(source)}
        return core_schema.tagged_union_schema(choices, lambda value: f"<{self._name_of(value)}>")
