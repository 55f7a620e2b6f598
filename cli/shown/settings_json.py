"""Settings in JSON: every quantity that may be set, and those that are."""

from __future__ import annotations

from collections.abc import Iterable

from nworkers.models.records.setting import Changed, Settable


def settings(found: Iterable[Settable], changed: Iterable[Changed]) -> dict[str, object]:
    """A row for each quantity; ``value`` is null where it is not known, or not identified."""
    was = {change.path: change for change in changed}
    return {
        "settings": [
            {
                "path": settable.path,
                "value": settable.value,
                "interval": None if settable.interval is None else list(settable.interval),
                "unit": settable.unit,
                "samples": settable.samples,
                "set": settable.path in was,
            }
            for settable in found
        ]
    }


def made(changed: Iterable[Changed]) -> list[dict[str, object]]:
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
