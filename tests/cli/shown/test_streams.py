"""Text goes out in any encoding, and nothing that becomes of it stops a command."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nworkers.cli.shown import console
from nworkers.cli.shown.streams import PLAIN, Stream

SAID = "speed-up 1.9×, 3 µs (2–4), −1 · … ─ é 中 \udcff"
FOLDERS = ("cli", "models", "simulator", "calibrate")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def pipe() -> Iterator[tuple[io.FileIO, int]]:
    reading, writing = os.pipe()
    with io.FileIO(reading) as reader:
        yield reader, writing
        # A test may have closed it.


def written(encoding: str, *texts: str) -> str:
    below = io.BytesIO()
    stream = Stream(io.TextIOWrapper(below, encoding=encoding))
    for text in texts:
        stream.write(text)
    stream.flush()
    return below.getvalue().decode(encoding, "surrogateescape")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("ascii", r"speed-up 1.9x, 3 us (2-4), -1 . ... - e \u4e2d \udcff"),
        ("latin-1", r"speed-up 1.9×, 3 µs (2-4), -1 · ... - é \u4e2d \udcff"),
        ("utf-8", r"speed-up 1.9×, 3 µs (2–4), −1 · … ─ é 中 \udcff"),
    ],
)
def test_an_encoding_gets_characters_that_it_has(encoding: str, text: str) -> None:
    assert written(encoding, SAID) == text


def test_a_character_that_we_say_has_a_plain_one() -> None:
    """All that stand in texts of the sources, so in every table, error and note."""
    said = {
        character
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        for character in path.read_text()
        if ord(character) > 127
    }
    lacking = {c for c in said - set(PLAIN) if written("ascii", c).startswith("\\")}
    assert not lacking
    assert all(plain.isascii() for plain in PLAIN.values())


def test_a_document_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    below = io.BytesIO()
    monkeypatch.setattr("sys.stdout", Stream(io.TextIOWrapper(below, encoding="ascii")))
    console.emit_json('{"name": "×中𝄞"}')
    assert below.getvalue() == rb'{"name": "\u00d7\u4e2d\ud834\udd1e"}' + b"\n"


def test_what_goes_wrong_is_kept_and_not_raised(pipe: tuple[io.FileIO, int]) -> None:
    reader, writing = pipe
    with open(writing, "w") as own:
        stream = Stream(own)
        print("one", file=stream, flush=True)
        assert reader.read(10) == b"one\n"
        reader.close()
        print("two", file=stream, flush=True)
        assert isinstance(stream.problem, BrokenPipeError)
        print("three", file=stream, flush=True)


def test_a_pipe_that_does_not_wait_is_waited_for(pipe: tuple[io.FileIO, int]) -> None:
    reader, writing = pipe
    os.set_blocking(writing, False)
    taken: list[bytes | None] = []
    thread = threading.Thread(target=lambda: taken.extend(iter(lambda: reader.read(65_536), b"")))
    thread.start()
    with open(writing, "w") as own:
        stream = Stream(own)
        stream.write("x" * 1_000_000)
        stream.flush()
        assert stream.problem is None
    thread.join(10)
    assert sum(len(part or b"") for part in taken) == 1_000_000


def test_lines_are_written_whole(pipe: tuple[io.FileIO, int]) -> None:
    """What is not yet a line waits, so that lines of two processes do not mix."""
    reader, writing = pipe
    with open(writing, "w") as own:
        stream = Stream(own, lines=True)
        stream.write("half a ")
        stream.write("line\n")
        assert reader.read(100) == b"half a line\n"


def test_a_stream_that_is_closed_matters_to_who_writes() -> None:
    stream = Stream(None)
    stream.flush()
    assert stream.problem is None
    print("to nobody", file=stream, flush=True)
    assert str(stream.problem) == "[Errno 9] Bad file descriptor"
