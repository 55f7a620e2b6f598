"""Explain JSON: what `scale explain --json` prints."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from nworkers.cli.shown import headline, json_view, measured_text

if TYPE_CHECKING:
    from nworkers.simulator.answers import ExplainAnswer


def explanation(answer: ExplainAnswer) -> dict[str, object]:
    """What `predict` says of the row, and what would change it."""
    found, beside = answer.found, answer.beside
    return {
        "answer": headline.of_explained(found) if beside is None else measured_text.verdict(beside),
        "without": [asdict(freed) for freed in found.freed],
        "elasticities": [asdict(elasticity) for elasticity in found.elasticities],
        **json_view.described(answer.job, found.row),
        "measured": None if answer.beside is None else asdict(answer.beside),
        "notes": list(answer.notes),
    }
