"""Often: how many examples a test asks for, which `make soak` multiplies."""

from __future__ import annotations

import os

_TIMES = int(os.environ.get("SCALE_OFTEN", "1"))


def often(in_ci: int) -> int:
    return _TIMES * in_ci
