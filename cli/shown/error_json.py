"""Error JSON: what stands on stdout where an answer was asked for as JSON and there is none."""

from __future__ import annotations

import json

from nworkers.models.base.errors import cut


def document(
    message: str, code: int, field: str | None, got: str | None, allowed: str | None
) -> str:
    """One line, so that it may stand among rows too; what does not apply is null."""
    said = {"field": field, "got": got, "allowed": allowed, "message": message}
    error = {name: text and cut(text) for name, text in said.items()}
    return json.dumps({"error": error, "exit_code": code}, ensure_ascii=False)
