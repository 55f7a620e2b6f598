"""Console: the answer on stdout, and lines beside it on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TextIO

from nworkers.cli import loudness
from nworkers.cli.shown.sheet import Sheet
from nworkers.cli.shown.streams import IN_JSON
from nworkers.cli.shown.terminal import terminal_of
from nworkers.cli.shown.tone import Tone, painted
from nworkers.cli.shown.visible import one_line, visible
from nworkers.cli.shown.wrapping import wrapped


def show(answer: Sheet, stream: TextIO | None = None) -> None:
    """Print an answer for people; on stdout where no other stream is named."""
    stream = stream or sys.stdout
    stream.write(answer.laid(terminal_of(stream)).rstrip() + "\n")
    stream.flush()


def emit(text: str) -> None:
    """Print an answer that programs read, as it is, wherever it goes."""
    sys.stdout.write(visible(text.rstrip()) + "\n")
    sys.stdout.flush()


def emit_json(text: str) -> None:
    """Print a document: characters that stdout's encoding lacks are escaped, so nothing is lost."""
    encoding = sys.stdout.encoding or "utf-8"
    emit(text.encode(encoding, IN_JSON).decode(encoding))


def note(text: str) -> None:
    """A line beside the answer, which never mixes with it."""
    if not loudness.is_quiet():
        beside("note:", text, Tone.DOUBT)


def notes(texts: Iterable[str]) -> None:
    """Several such lines."""
    for text in texts:
        note(text)


def beside(head: str, text: str, tone: Tone) -> None:
    """A line on stderr, of which the head has a tone; several where a terminal is narrower."""
    terminal = terminal_of(sys.stderr)
    line = f"{head} {one_line(text)}"
    if terminal.width is not None:
        line = "\n".join(wrapped(line, terminal.width, "  "))
    head, rest = line[: len(head)], line[len(head) :]
    print(painted(head, tone, colours=terminal.colours) + rest, file=sys.stderr)
