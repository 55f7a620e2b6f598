"""Console: the answer on stdout, and lines beside it on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable


def emit(text: str) -> None:
    """Print an answer; whoever reads it may stop reading at any time."""
    try:
        sys.stdout.write(text.rstrip() + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Otherwise Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(text: str) -> None:
    """A line beside the answer, which never mixes with it."""
    print(f"note: {text}", file=sys.stderr)


def notes(texts: Iterable[str]) -> None:
    """Several such lines."""
    for text in texts:
        note(text)
