"""Validate JSON: text from outside checked against a record, and values between machines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from nworkers.models.base.errors import InputError

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

Record = TypeVar("Record")
Step = str | int

#: No time, size or rate of any machine is larger, in SI units: beyond lies a slip, or overflow.
LARGEST = 1e21

#: What pydantic's wording leaves open, by its error type.
_ALLOWED = {
    "missing": "this field, which is required",
    "finite_number": f"a finite number, at most {LARGEST:g}",
    "too_short": "a list with at least one element",
    "float_type": "a number",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "an object",
    "dataclass_type": "an object",
}


def record_from_json(kind: type[Record], text: str | bytes, source: object) -> Record:
    """The record that a JSON text holds; fields that it does not know are ignored.

    ``source`` is what to call the text in a message, such as its file.

    Raises:
        InputError: names the source, the path in the document, what stood there, what is allowed.
    """
    return cast(Record, value_of(kind, text, source))


def value_of(
    kind: Any, text: str | bytes, source: object, path: tuple[Step, ...] = (), first: int = 0
) -> Any:
    """As `record_from_json`, of any type, where the text is a part of a document.

    Args:
        path: where in the document the text stands.
        first: the index of its first element, where it is a part of a list.
    """
    from pydantic import ValidationError  # noqa: PLC0415 (see `_adapter`)

    try:
        # Strict, since "0.5" or true in place of a number is a mistake of whoever wrote it.
        value = _adapter(kind).validate_json(text, strict=True)
    except ValidationError as error:
        raise _first(error.errors(include_url=False), source, path, first) from None
    found = _unreal(value)
    if found is not None:
        raise refusal(source, _whole(path, found[0], first), "finite_number", found[1])
    return value


def refusal(source: object, path: tuple[Step, ...], problem: str, got: object) -> InputError:
    """A value that is not allowed; ``problem`` is an error type of pydantic's."""
    text = "nothing" if problem == "missing" else shown(got)
    return InputError(f"{source}: {dotted(path)}", text, _ALLOWED[problem])


def encode(kind: Any, value: Any) -> str:
    """A value of a type (records, lists, numbers) as JSON; floats survive to the last digit."""
    return _adapter(kind).dump_json(value).decode()


def decode(kind: Any, text: str) -> Any:
    """The inverse of `encode`.

    Raises:
        ValueError: the text holds no value of the type.
    """
    return _adapter(kind).validate_json(text)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    # What reads no file of others needs no pydantic, whose import takes longer than a prediction.
    from pydantic import TypeAdapter  # noqa: PLC0415

    return TypeAdapter(kind)


def dotted(path: tuple[Step, ...]) -> str:
    """``bursts[3].samples_s[0]`` for ("bursts", 3, "samples_s", 0).

    Which of several records a place may hold is in angle brackets, and left out.
    """
    parts = (
        f"[{step}]" if isinstance(step, int) else f".{step}"
        for step in path
        if not str(step).startswith("<")
    )
    return "".join(parts).removeprefix(".")


def shown(value: object) -> str:
    """A value as it stood in the document, cut to what fits in a line."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _unreal(value: object) -> tuple[tuple[Step, ...], object] | None:
    """The first number that is NaN, infinite or absurdly large, with its path."""
    if isinstance(value, float | int):
        return None if abs(value) <= LARGEST else ((), value)  # a comparison with NaN is False
    items: Iterable[tuple[Step, object]] = ()
    if isinstance(value, tuple):
        # Of numbers there are a hundred thousand.
        if all(isinstance(v, float) and -LARGEST <= v <= LARGEST for v in value):
            return None
        items = enumerate(value)
    elif isinstance(value, dict):
        items = value.items()
    elif is_dataclass(value):
        items = ((entry.name, getattr(value, entry.name)) for entry in fields(value))
    for step, item in items:
        if found := _unreal(item):
            return (step, *found[0]), found[1]
    return None


def _whole(path: tuple[Step, ...], rest: tuple[Step, ...], first: int) -> tuple[Step, ...]:
    """A path in the document, of one in a part of it."""
    if first and rest and isinstance(rest[0], int):
        rest = (first + rest[0], *rest[1:])
    return path + rest


def _first(
    problems: list[ErrorDetails], source: object, path: tuple[Step, ...], first: int
) -> InputError:
    problem = problems[0]
    allowed = _ALLOWED.get(problem["type"], problem["msg"].removeprefix("Input should be "))
    if len(problems) > 1:
        allowed += f" (and {len(problems) - 1} more such problems)"
    got = "nothing" if problem["type"] == "missing" else shown(problem["input"])
    where = dotted(_whole(path, problem["loc"], first))
    return InputError(f"{source}: {where}" if where else str(source), got, allowed)
