"""Schemas: that of all answers, from the answers that are kept.

python -m benchmarks.schemas
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nworkers.models.files.file_schema import DIALECT
from tests.kept.answers import recorded
from tests.kept.commands import COMMANDS

SHIPPED = Path(__file__).parents[1] / "models" / "files" / "schemas" / "answers.json"
#: Objects whose names are data, such as facts about a machine.
MAPS = {"facts", "where"}
ERROR = {
    "type": "object",
    "required": ["error", "exit_code"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["field", "got", "allowed", "message"],
            "properties": {
                "field": {"type": ["string", "null"]},
                "got": {"type": ["string", "null"]},
                "allowed": {"type": ["string", "null"]},
                "message": {"type": "string"},
            },
        },
        "exit_code": {"type": "integer"},
    },
}


def kind_of(value: object) -> str:
    """The type of a value, as JSON Schema calls it."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def common(values: Sequence[Any], name: str = "") -> dict[str, Any]:
    """The narrowest schema of types and names that holds for all values.

    What was null in all of them may be anything. A name that all have is required.
    """
    kinds = {kind_of(value) for value in values}
    if kinds <= {"null"}:
        return {}
    if "number" in kinds:
        kinds.discard("integer")
    found: dict[str, Any] = {"type": min(kinds) if len(kinds) == 1 else sorted(kinds)}
    objects = [value for value in values if isinstance(value, dict)]
    if objects and name not in MAPS:
        found["required"] = sorted(set.intersection(*(set(one) for one in objects)))
        found["properties"] = {
            key: common([one[key] for one in objects if key in one], key)
            for key in dict.fromkeys(key for one in objects for key in one)
        }
    items = [item for value in values if isinstance(value, list) for item in value]
    if items:
        found["items"] = common(items)
    return found


def answer_schema() -> dict[str, Any]:
    """Of each command's answer; one of them holds for every document, or that of an error."""
    answers = defaultdict(list)
    for name in COMMANDS:
        if (answer := recorded(name)["answer"]) is not None:
            answers[name.split()[0]].append(answer)
    each = {command: common(kept) for command, kept in sorted(answers.items())}
    return {
        "$schema": DIALECT,
        "title": "Answers of scale under --json",
        "description": "Names are added over time, never changed; $defs has each command's.",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in (*each, "error")],
        "$defs": {**each, "error": ERROR},
    }


def main() -> None:
    SHIPPED.write_text(json.dumps(answer_schema(), indent=1) + "\n")


if __name__ == "__main__":
    main()
