"""Next, for machines: each measurement with its share, the width after it, command and minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nworkers.cli.shown import json_view, next_text

if TYPE_CHECKING:
    from nworkers.cli.documents.decision_document import NextDocument
    from nworkers.simulator.decide.next_measurement import NextMeasurement


def suggestions(answer: NextMeasurement, file: str, workload: str | None) -> NextDocument:
    """``interval_after`` is null where nobody knows how far off what stands in is."""
    row = answer.row
    return {
        "answer": next_text.first(answer),
        "workers": row.scenario.workers,
        "speedup": row.speedup,
        "speedup_interval": row.speedup_interval,
        "baseline": row.baseline,
        "measurements": [
            {
                "what": next_text.what(answer, one),
                "how": one.how,
                "quantities": list(one.quantities),
                "rounds": one.rounds or None,
                "share": one.share,
                "share_of": one.of,
                "interval_after": one.interval,
                "minutes": one.seconds / 60.0,
                "command": next_text.command(answer, one, file, workload),
            }
            for one in answer.suggested
        ],
        "floor": dict(answer.floor),
        "floor_interval": answer.floor_interval,
        **json_view.context(answer.job),
    }
