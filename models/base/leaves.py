"""Leaves: the values at the ends of a tree of records and tuples, found and exchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

Leaf = TypeVar("Leaf")


def leaves(record: object, kind: type[Leaf]) -> Iterator[Leaf]:
    """Every value of a kind below a record, in the order of its fields."""
    if isinstance(record, kind):
        yield record
    elif isinstance(record, tuple):
        for item in record:
            yield from leaves(item, kind)
    elif is_dataclass(record):
        for name in _names(record.__class__):
            yield from leaves(getattr(record, name), kind)


def mapped(record: Any, kind: type | tuple[type, ...], change: Callable[[Any], object]) -> Any:
    """The same tree with every leaf of a kind exchanged.

    Records are generic in what their leaves are, which no type of a function can say.
    """
    if isinstance(record, kind):
        return change(record)
    if isinstance(record, tuple):
        return tuple(mapped(item, kind, change) for item in record)
    if isinstance(record, dict):
        return {name: mapped(item, kind, change) for name, item in record.items()}
    if is_dataclass(record):
        kind_of: Any = record.__class__
        names = _names(kind_of)
        return kind_of(**{n: mapped(getattr(record, n), kind, change) for n in names})
    return record


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(entry.name for entry in fields(kind) if entry.init)
