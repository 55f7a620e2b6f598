"""Settings in JSON: every quantity that may be set, and those that are."""

from __future__ import annotations

from collections.abc import Iterable

from nworkers.models.records.setting import Changed, Quantity


def settings(found: Iterable[Quantity], changed: Iterable[Changed]) -> dict[str, object]:
    """A row for each quantity; ``value`` is null where it is not known, or not identified."""
    was = {change.path: change for change in changed}
    return {
        "settings": [
            {
                "path": quantity.path,
                "value": quantity.value,
                "interval": None if quantity.interval is None else list(quantity.interval),
                "unit": quantity.unit,
                "samples": quantity.samples,
                "set": quantity.path in was,
            }
            for quantity in found
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
