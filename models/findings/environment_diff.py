"""Environment difference: how two machines differ whose samples must not be fitted as one."""

from __future__ import annotations

from collections.abc import Mapping

from nworkers.models.records.environment_facts import FACTS, Fact, fact_value

#: Of numbers that need be only nearly the same: a kernel update changes what it keeps for itself.
TOLERANCE = 0.02


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """How this machine differs from the one that a calibration's facts tell of.

    Each as ``processor was …, is …``: samples of two machines must not be fitted as one.
    """
    found = (_difference(name, fact, before, now) for name, fact in FACTS.items())
    return tuple(line for line in found if line)


def _difference(name: str, fact: Fact, before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """How one fact differs; empty where it does not, or may."""
    was, is_ = before.get(name), now.get(name)
    match fact.check:
        case "same":
            differs = was != is_
            was, is_ = was or "not installed", is_ or "not installed"
        case "minor version":
            was, is_ = _minor(was or ""), _minor(is_ or "")
            differs = was != is_
        case "nearly":
            sizes = [fact_value(facts, name) or 0.0 for facts in (before, now)]
            differs = abs(sizes[0] - sizes[1]) > TOLERANCE * max(sizes)
            was, is_ = was or "", is_ or ""
        case _:
            return ""
    return f"{fact.called} was {was}, is {is_}" if differs else ""


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
