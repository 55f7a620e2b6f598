"""JSON by type: text from outside checked against a record, and values between machines."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from nworkers.models.base.errors import InputError

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


def record_from_json(kind: type[Record], text: str, source: object) -> Record:
    """The record that a JSON text holds; fields that it does not know are ignored.

    ``source`` is what to call the text in a message, such as its file.

    Raises:
        InputError: names the source, the path in the document, what stood there, what is allowed.
    """
    return record_from_document(kind, json.loads(text), text, source)


def record_from_document(kind: type[Record], document: object, text: str, source: object) -> Record:
    """As `record_from_json`, of a text that holds the document and was parsed already."""
    found = _unreal(document)
    if found is not None:
        path, value = found
        raise InputError(f"{source}: {dotted(path)}", shown(value), _ALLOWED["finite_number"])
    adapter: TypeAdapter[Record] = _adapter(kind)  # type: ignore[arg-type]
    try:
        # Strict, since "0.5" or true in place of a number is a mistake of whoever wrote it.
        record = adapter.validate_json(text, strict=True)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise _first(problems, source) from None
    return record


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
    if isinstance(value, dict):
        for key, item in value.items():
            if found := _unreal(item):
                return (key, *found[0]), found[1]
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if found := _unreal(item):
                return (index, *found[0]), found[1]
    return None


def _first(problems: list[ErrorDetails], source: object) -> InputError:
    problem = problems[0]
    allowed = _ALLOWED.get(problem["type"], problem["msg"].removeprefix("Input should be "))
    if len(problems) > 1:
        allowed += f" (and {len(problems) - 1} more such problems)"
    got = "nothing" if problem["type"] == "missing" else shown(problem["input"])
    path = dotted(problem["loc"])
    return InputError(f"{source}: {path}" if path else str(source), got, allowed)
