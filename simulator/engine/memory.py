"""Memory: whether a run fits into what is free."""

from __future__ import annotations

import math
import os
from pathlib import Path

from nworkers.models.base.errors import InputError

#: What a run may take of what is free.
_SHARE = 0.8
#: Bytes that can always be had: to ask takes longer than a small run.
_LITTLE = 64e6
_CGROUP = Path("/sys/fs/cgroup")


def free_bytes() -> float:
    """Bytes that this process may still take: of the machine, or of its control group.

    Infinite where the system does not tell: macOS and Windows know neither name.
    """
    try:
        free = float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError):
        free = math.inf
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = float((_CGROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return free
    return free if limit == "max" else min(free, float(limit) - used)


def check_memory(workers: int, each_bytes: float, free: float | None = None) -> None:
    """Refuse a run that would not fit.

    Args:
        each_bytes: what a worker takes.
        free: bytes; by default what is free now.

    Raises:
        InputError: with the number of workers that would fit.
    """
    if free is None and workers * each_bytes < _LITTLE:
        return
    available = _SHARE * (free_bytes() if free is None else free)
    if workers * each_bytes > available:
        raise InputError(
            "workers",
            f"{workers}, whose simulation takes {workers * each_bytes / 1e9:.3g} GB",
            f"at most {int(available // each_bytes)}: {available / 1e9:.3g} GB of memory "
            "can be had",
        )
