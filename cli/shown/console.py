"""Console: the answer on stdout, and lines beside it on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from nworkers.cli import loudness
from nworkers.cli.shown.streams import IN_JSON
from nworkers.cli.shown.visible import one_line, visible


def emit(text: str) -> None:
    """Print an answer."""
    sys.stdout.write(visible(text.rstrip()) + "\n")
    sys.stdout.flush()


def emit_json(text: str) -> None:
    """Print a document: characters that stdout's encoding lacks are escaped, so nothing is lost."""
    encoding = sys.stdout.encoding or "utf-8"
    emit(text.encode(encoding, IN_JSON).decode(encoding))


def note(text: str) -> None:
    """A line beside the answer, which never mixes with it."""
    if not loudness.is_quiet():
        print(f"note: {one_line(text)}", file=sys.stderr)


def notes(texts: Iterable[str]) -> None:
    """Several such lines."""
    for text in texts:
        note(text)
