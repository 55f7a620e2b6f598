"""Accuracy: the errors by class that ship with the package, as docs/accuracy.md has them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from nworkers.models.files.own_json import own_record
from nworkers.models.records.measured_accuracy import MeasuredAccuracy

ACCURACY = Path(__file__).with_name("accuracy.json")


@cache
def shipped_accuracy() -> MeasuredAccuracy:
    """How far predictions were off, by class and evidence."""
    return own_record(MeasuredAccuracy, ACCURACY.read_bytes(), float)


def accuracy_text(accuracy: MeasuredAccuracy) -> str:
    """The file's content."""
    from nworkers.models.files.store import record_json  # noqa: PLC0415 (for benchmarks alone)

    return json.dumps(json.loads(record_json(accuracy)), indent=1) + "\n"
