"""Solve JSON: what ``scale solve --json`` prints."""

from __future__ import annotations

from nworkers.cli.shown import solve_text
from nworkers.cli.shown.way_out_text import Ask, as_json
from nworkers.models.records.prediction import row
from nworkers.models.records.solved import Solved, Threshold


def solved(answer: Solved, ask: Ask) -> dict[str, object]:
    threshold = answer.threshold
    return {
        "what": answer.what,
        "workers": answer.workers,
        "goal": answer.goal.measure,
        "target": answer.goal.target,
        "possible": _possible(answer),
        "answer": solve_text.of_solved(answer),
        **({} if threshold is None else _threshold(threshold, answer.workers, ask)),
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


def _possible(answer: Solved) -> bool | None:
    """Whether a value or a way reaches it; null for a curve, whose rows say so each."""
    if answer.threshold is not None:
        return answer.threshold.value is not None
    if answer.faster:
        return None
    above = answer.goal.measure == "speedup"
    return any((way.reached >= answer.goal.target) == above for way in answer.ways)


def _short(found: Threshold) -> dict[str, object]:
    return {
        "value": found.value,
        "interval": list(found.interval),
        "unit": found.unit,
        "today": found.today,
        "at": found.at,
        "reached": found.reached,
        "reached_interval": list(found.reached_interval),
        "held_by": found.held_by,
    }


def _threshold(found: Threshold, workers: int, ask: Ask) -> dict[str, object]:
    command = ask(workers, found.change) if found.change else None
    factor = found.value / found.today if found.value and found.today else None
    return {**_short(found), "factor": factor, "command": command, "row": row(found.row)}
