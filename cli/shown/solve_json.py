"""Solve JSON: what ``scale solve --json`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nworkers.cli.shown import solve_text
from nworkers.cli.shown.row_json import plain, row
from nworkers.cli.shown.way_out_text import Ask, as_json
from nworkers.models.records.solved import Solved, Threshold

if TYPE_CHECKING:
    from nworkers.cli.documents.decision_document import (
        SolvedDocument,
        SolvedThresholdDocument,
        ThresholdDocument,
    )


def solved(answer: Solved, ask: Ask) -> SolvedDocument | SolvedThresholdDocument:
    document: SolvedDocument = {
        "what": answer.what,
        "workers": answer.workers,
        "goal": answer.goal.measure,
        "target": answer.goal.target,
        "possible": _possible(answer),
        "answer": solve_text.of_solved(answer),
        "ways": as_json(answer.ways, ask),
        "faster": [
            {
                "speed": of.speed,
                "now": of.now,
                "batch": _short(of.batch),
                "bandwidth": _short(of.bandwidth),
                "workers": _short(of.workers),
            }
            for of in answer.faster
        ],
    }
    if (found := answer.threshold) is None:
        return document
    threshold: SolvedThresholdDocument = {
        **document,
        **_short(found),
        "factor": found.value / found.today if found.value and found.today else None,
        "command": ask(answer.workers, found.change) if found.change else None,
        "row": row(found.row),
    }
    return threshold


def _possible(answer: Solved) -> bool | None:
    """Whether a value or a way reaches it; null for a curve, whose rows say so each."""
    if answer.threshold is not None:
        return answer.threshold.value is not None
    if answer.faster:
        return None
    above = answer.goal.measure == "speedup"
    return any((way.reached >= answer.goal.target) == above for way in answer.ways)


def _short(found: Threshold) -> ThresholdDocument:
    return {
        "value": found.value,
        "interval": found.interval,
        "unit": found.unit,
        "today": found.today,
        "at": found.at,
        "reached": found.reached,
        "reached_interval": found.reached_interval,
        "held_by": found.held_by if found.memory is None else "memory",
        "memory": found.memory and plain(found.memory),
    }
