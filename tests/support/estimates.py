"""Estimates in a document, each beside its interval."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: What the field ``interval`` of an object is of, the first that is there.
OF = ("percent", "estimate", "speedup", "step_time_s", "value")


def outside(document: Any, where: str = "") -> list[str]:
    """Estimates that are not within their own intervals, by their places."""
    return list(_outside(document, where))


def _outside(document: Any, where: str) -> Iterator[str]:
    if isinstance(document, list):
        for place, each in enumerate(document):
            yield from _outside(each, f"{where}[{place}]")
    if not isinstance(document, dict):
        return
    for name, found in document.items():
        yield from _outside(found, f"{where}.{name}")
        of = name.removesuffix("_interval")
        if name == "interval":
            of = next((one for one in OF if one in document), "")
        if name in (of, "") or of not in document or not isinstance(found, list | tuple):
            continue
        value = document[of]
        if isinstance(value, dict):
            # Of several methods the one that has an interval; shares beside one have no estimate.
            if "scale" not in value:
                continue
            value = value["scale"]
        if not is_within(value, *found):
            yield f"{where}.{of}: {value} is not in {found}"


def is_within(value: float | None, low: float | None, high: float | None) -> bool:
    """Whether a value is between the ends; one that is None is open, or never."""
    if value is None:
        return low is None or high is None
    rounding = 1e-9 * abs(value)
    return (low is None or low <= value + rounding) and (high is None or value - rounding <= high)
