"""Memory: whether a run fits into what is free."""

from __future__ import annotations

import math
import os
from pathlib import Path

from nworkers.models.base.errors import InputError

#: What an activity of a worker takes, and a span: 1160 and 250 by tracemalloc, 500 to 2000 workers.
_ACTIVITY_BYTES = 1300
_SPAN_BYTES = 300
#: What a run may take of what is free.
_SHARE = 0.8
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


def check_memory(workers: int, activities: int, spans_each: int, free: float | None = None) -> None:
    """Refuse a run that would not fit.

    Args:
        activities: of one worker's step.
        spans_each: spans that are kept of each worker.
        free: bytes; by default what is free now.

    Raises:
        InputError: with the number of workers that would fit.
    """
    each = activities * _ACTIVITY_BYTES + spans_each * _SPAN_BYTES
    available = _SHARE * (free_bytes() if free is None else free)
    if workers * each > available:
        raise InputError(
            "workers",
            f"{workers}, whose simulation takes {workers * each / 1e9:.3g} GB",
            f"at most {int(available // each)}: {available / 1e9:.3g} GB of memory can be had",
        )
