"""Typed JSON: values as text by the types that a function states, for calls between machines."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def encode(kind: Any, value: Any) -> str:
    """A value of a type (records, lists, numbers) as JSON; floats survive to the last digit."""
    return _adapter(kind).dump_json(value).decode()


def decode(kind: Any, text: str) -> Any:
    """The inverse of `encode`.

    Raises:
        ValueError: the text holds no value of the type.
    """
    return _adapter(kind).validate_json(text)
