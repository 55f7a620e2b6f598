"""Accuracy: the errors by class that ship with the package, as docs/accuracy.md has them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from nworkers.models.files.store import record_json
from nworkers.models.files.validate_json import record_from_json
from nworkers.models.records.measured_accuracy import MeasuredAccuracy

ACCURACY = Path(__file__).with_name("accuracy.json")


@cache
def shipped_accuracy() -> MeasuredAccuracy:
    """How far predictions were off, by class and evidence."""
    return record_from_json(MeasuredAccuracy, ACCURACY.read_bytes(), ACCURACY.name)


def accuracy_text(accuracy: MeasuredAccuracy) -> str:
    """The file's content."""
    return json.dumps(json.loads(record_json(accuracy)), indent=1) + "\n"
