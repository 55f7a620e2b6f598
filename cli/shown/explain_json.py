"""Explain JSON: what `scale explain --json` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nworkers.cli.shown import headline, json_view, measured_text
from nworkers.cli.shown.row_json import plain

if TYPE_CHECKING:
    from nworkers.cli.documents.decision_document import ExplainedDocument
    from nworkers.simulator.answers import ExplainAnswer


def explanation(answer: ExplainAnswer) -> ExplainedDocument:
    """What `predict` says of the row, and what would change it."""
    found, beside = answer.found, answer.beside
    return {
        "answer": headline.of_explained(found) if beside is None else measured_text.verdict(beside),
        "without": [plain(freed) for freed in found.freed],
        "elasticities": [plain(elasticity) for elasticity in found.elasticities],
        **json_view.described(answer.job, found.row),
        "measured": None if beside is None else plain(beside),
        "notes": list(answer.notes),
    }
