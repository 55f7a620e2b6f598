"""Quantities as people write them: ``25MB``, ``5us``, ``10Gbit/s``."""

from __future__ import annotations

import math
import re

_SIZES = {"B": 1.0} | {
    f"{letter}{suffix}": base**power
    for power, letter in enumerate(("k", "M", "G", "T"), start=1)
    for suffix, base in (("B", 1000.0), ("iB", 1024.0))
}
_SIZES |= {"KB": 1000.0, "KiB": 1024.0}
_TIMES = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_RATES = {f"{unit}/s": scale for unit, scale in _SIZES.items()} | {
    f"{letter}bit/s": 10.0**power / 8
    for power, letter in zip((0, 3, 6, 9), ("", "k", "M", "G"), strict=True)
}

_OPERATIONS = {
    f"{letter}flop/s": 1000.0**power for power, letter in enumerate(("", "k", "M", "G", "T", "P"))
}


def size_bytes(text: str) -> float | None:
    """Bytes, of a number with B, kB, KiB and so on up to TB, TiB; None if it is none."""
    return _scaled(text, _SIZES)


def seconds(text: str) -> float | None:
    """Seconds, of a number with ns, us, ms, s, m or h; None if it is none."""
    return _scaled(text, _TIMES)


def operations_per_s(text: str) -> float | None:
    """Operations per second, of a number with GFLOP/s and its like; None if it is none."""
    return _scaled(text.replace("FLOP", "flop"), _OPERATIONS)


def bytes_per_s(text: str) -> float | None:
    """Bytes per second, of a number with MB/s, Gbit/s and their like; None if it is none."""
    return _scaled(text, _RATES)


def _scaled(text: str, units: dict[str, float]) -> float | None:
    match = re.fullmatch(r"\s*([0-9.eE+-]{1,30})\s*([a-zA-Z/]*)\s*", text)
    if match is None:
        return None
    try:
        number = float(match[1])
    except ValueError:
        return None
    # Nothing is nothing in any unit; any other number without one is a slip.
    scale = 1.0 if number == 0 and not match[2] else units.get(match[2])
    return None if scale is None or not math.isfinite(number * scale) else number * scale
