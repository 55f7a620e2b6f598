"""Answer schemas: whether what a command prints keeps to the schema that ships, or to more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import jsonschema

from nworkers.cli.documents.answer_schema import DOCUMENTS, answer_schema


def closed(schema: Any) -> Any:
    """The same, of which no object has a name that is not stated; where names are data, any."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: closed(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made


@cache
def _validators(command: str) -> list[Any]:
    """Of each document that the command may print."""
    definitions = closed(answer_schema()["$defs"])
    return [
        jsonschema.Draft202012Validator({**one, "$defs": definitions})
        for one in definitions[command]["anyOf"]
    ]


def unstated(command: str, document: Any) -> str:
    """What the records of a command in cli/documents do not state so; "" where there is nothing.

    Told of the record that comes nearest.
    """
    asked = "error" if isinstance(document, dict) and "exit_code" in document else command
    each = [[*validator.iter_errors(document)] for validator in _validators(asked)]
    errors = min(each, key=len)
    return "; ".join(f"{command} {error.json_path}: {error.message[-200:]}" for error in errors)


def check_printed(arguments: Sequence[str], out: str) -> None:
    """Whatever a command prints for machines, alone on stdout, is as its records state."""
    if not (out and arguments) or "--help" in arguments or arguments[0] not in DOCUMENTS:
        return
    if "--json" in arguments:
        assert not (found := unstated(arguments[0], json.loads(out))), found
    elif "--jsonl" in arguments:
        for line in out.splitlines():
            assert not (found := unstated(arguments[0], json.loads(line))), found
