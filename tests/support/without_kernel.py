"""Without kernel: what commands say first where none was compiled."""

from __future__ import annotations

import re

_NOTE = re.compile(r"^note: simpy simulates.*\n", re.MULTILINE)


def other_than_simpy(stderr: str) -> str:
    """All but the note that simpy simulates."""
    return _NOTE.sub("", stderr)
