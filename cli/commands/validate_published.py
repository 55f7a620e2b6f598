"""``scale validate --published``: others' tables, their large rows predicted from the small."""

from __future__ import annotations

from nworkers.cli.commands import fit_throughput
from nworkers.cli.shown import console, json_view, table_json, throughput_text
from nworkers.models.tables.throughput.published import SPLITS
from nworkers.models.tables.throughput.throughput_answer import PublishedAnswer, PublishedSplit


def validate(tolerance: float, *, as_json: bool) -> bool:
    """Fit, predict and show every row of every split; whether all are within the tolerance."""
    held = []
    for number, split in enumerate(SPLITS, start=1):
        console.note(f"{number} of {len(SPLITS)}: {split.system}, fitted up to {split.fit_to}")
        asked = fit_throughput.request(split.path, system=split.system, fit_to=split.fit_to)
        held.append(PublishedSplit(split, fit_throughput.answer(asked)))
    answer = PublishedAnswer(tolerance, tuple(held))
    if as_json:
        json_view.emit(table_json.published(answer))
    else:
        console.show(throughput_text.published(answer))
    return answer.holds
