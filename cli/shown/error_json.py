"""Error JSON: what stands on stdout where an answer was asked for as JSON and there is none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nworkers.models.base.errors import cut

if TYPE_CHECKING:
    from nworkers.cli.documents.here_document import ErrorEntry


def document(
    message: str, code: int, field: str | None, got: str | None, allowed: str | None
) -> str:
    """One line, so that it may stand among rows too; what does not apply is null."""
    error: ErrorEntry = {
        "field": field and cut(field),
        "got": got and cut(got),
        "allowed": allowed and cut(allowed),
        "message": cut(message),
    }
    return json.dumps({"error": error, "exit_code": code}, ensure_ascii=False)
