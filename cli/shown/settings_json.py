"""Settings in JSON: every quantity that may be set, and those that are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nworkers.models.records.setting import Changed, Settable

if TYPE_CHECKING:
    from nworkers.cli.documents.curve_document import SettingsDocument
    from nworkers.cli.documents.row_document import ChangedEntry


def settings(found: Iterable[Settable], changed: Iterable[Changed]) -> SettingsDocument:
    """A row for each quantity; ``value`` is null where it is not known, or not identified."""
    was = {change.path: change for change in changed}
    return {
        "settings": [
            {
                "path": settable.path,
                "value": settable.value,
                "interval": settable.interval,
                "unit": settable.unit,
                "samples": settable.samples,
                "set": settable.path in was,
            }
            for settable in found
        ]
    }


def made(changed: Iterable[Changed]) -> list[ChangedEntry]:
    """What was set, beside what it was."""
    return [
        {
            "path": change.path,
            "value": change.value,
            "measured": change.was,
            "factor": change.factor,
            "unit": change.unit,
        }
        for change in changed
    ]
