"""Own JSON: a file that the package brings along, made into its record.

It is as the package wrote it, so nothing is checked: a test compares what others' files go through.
Checking takes longer than a prediction, most of it for what checks to be imported and made.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import repeat
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


def own_record(kind: type[Record], text: bytes, number: Any) -> Record:
    """The record that a JSON text holds.

    Args:
        number: what the numbers of generic records are.
    """
    return cast(Record, _made(kind, json.loads(text), number))


def _made(kind: Any, value: Any, number: Any) -> Any:
    if type(value) not in (dict, list):
        return value
    kind = number if isinstance(kind, TypeVar) else kind
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, UnionType):
        return _made(_chosen(inner, value), value, number)
    if origin is tuple:
        if value and isinstance(value[0], float):
            return tuple(value)  # of draws there are thousands
        each = repeat(inner[0]) if inner[1:] == (...,) else inner
        return tuple(_made(of, item, number) for of, item in zip(each, value, strict=False))
    if origin is dict:
        return {name: _made(inner[1], item, number) for name, item in value.items()}
    types = _types(origin)
    return origin(**{n: _made(types[n], item, number) for n, item in value.items() if n in types})


def _chosen(kinds: tuple[Any, ...], value: Any) -> Any:
    """The type that a value is of: the only one, or the record that has all of its fields."""
    some = [kind for kind in kinds if kind is not NoneType]
    return some[0] if len(some) == 1 else next(k for k in some if value.keys() <= _types(k).keys())


@cache
def _types(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)
