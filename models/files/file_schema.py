"""File schema: what files of scale's own hold, as JSON Schema, made from the records."""

from __future__ import annotations

from typing import Any

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def file_schema() -> dict[str, Any]:
    """Of every kind of file; what a file's ``kind`` says decides which holds for it.

    Made when it is asked for, so that it never falls behind the records.
    """
    from pydantic import TypeAdapter  # noqa: PLC0415

    from nworkers.models.files.store import KINDS, SCHEMA_VERSION  # noqa: PLC0415

    asked = [(name, "validation", TypeAdapter(kind)) for name, kind in KINDS.items()]
    by_kind, definitions = TypeAdapter.json_schemas(asked)  # type: ignore[arg-type]
    return {
        "$schema": DIALECT,
        "title": "Files of scale",
        "description": f"Calibrations, profiles and others, of schema version {SCHEMA_VERSION}.",
        "type": "object",
        "required": ["schema_version", "kind"],
        "properties": {
            "schema_version": {"type": "string", "pattern": r"^2\.\d+$"},
            "kind": {"enum": list(KINDS)},
        },
        "allOf": [
            {"if": {"properties": {"kind": {"const": name}}}, "then": by_kind[(name, "validation")]}
            for name in KINDS
        ],
        "$defs": definitions["$defs"],
    }
