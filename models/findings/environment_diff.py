"""Environment difference: how two machines differ whose samples must not be fitted as one."""

from __future__ import annotations

from collections.abc import Mapping

#: Facts that make samples of two runs samples of one thing; by what they are called to the user.
_SAME = {
    "cpu_model": "processor",
    "cores_usable": "cores",
    "machine": "machine",
    "tensorflow": "tensorflow",
    "tensorflow-cpu": "tensorflow-cpu",
}
#: A kernel update changes what it keeps for itself.
MEMORY_TOLERANCE = 0.02


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """How this machine differs from the one that a calibration's facts tell of.

    Each as ``processor was …, is …``: samples of two machines must not be fitted as one.
    """
    found = [
        f"{name} was {before.get(fact, 'not installed')}, is {now.get(fact, 'not installed')}"
        for fact, name in _SAME.items()
        if before.get(fact) != now.get(fact)
    ]
    was, is_ = (_minor(facts.get("python", "")) for facts in (before, now))
    if was != is_:
        found.append(f"python was {was}, is {is_}")
    totals = [facts.get("memory_total", "") for facts in (before, now)]
    sizes = [float(t.split()[0]) if t.split()[:1] and t.split()[0].isdigit() else 0 for t in totals]
    if abs(sizes[0] - sizes[1]) > MEMORY_TOLERANCE * max(sizes):
        found.append(f"memory was {totals[0]}, is {totals[1]}")
    return tuple(found)


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
