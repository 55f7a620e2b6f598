"""Input files: read up to a stated size, whatever they are, and never without end."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.files import input_file
from nworkers.models.files.input_file import MAX_BYTES, read_bytes, read_text


def refused(path: Path, most: int = MAX_BYTES) -> str:
    began = time.monotonic()
    with pytest.raises(InputError) as caught:
        read_bytes(path, "a table", most)
    assert time.monotonic() - began < 5.0
    return str(caught.value)


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/full", "/dev/null", "/dev/urandom"])
def test_a_device_need_not_end(name: str) -> None:
    assert refused(Path(name)) == (
        f"{name}: got a device; allowed: a table; - reads standard input"
    )


def test_a_pipe_that_nobody_writes_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert refused(path) == f"{path}: got an empty file; allowed: a table"
    monkeypatch.setattr(input_file, "SILENT_S", 0.2)
    silent = tmp_path / "silent"
    os.mkfifo(silent)
    reader = os.open(silent, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(silent, os.O_WRONLY)
    assert "a pipe without a byte in 0.2 s" in refused(silent)
    os.close(writer)
    os.close(reader)


def test_a_pipe_gives_the_same_to_whoever_asks_again() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"once")
    os.close(writer)
    path = Path(f"/dev/fd/{reader}")
    try:
        assert read_bytes(path, "a table") == b"once"
        assert read_bytes(path, "a table") == b"once"
    finally:
        os.close(reader)
        input_file._given.clear()


def test_standard_input_is_a_file_and_has_an_end() -> None:
    code = (
        "from pathlib import Path; from nworkers.models.files.input_file import read_bytes\n"
        "try: print(len(read_bytes(Path('-'), 'a table', 5000)))\n"
        "except ValueError as error: print(error)"
    )

    def told(**stdin: object) -> str:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, **stdin)  # type: ignore[call-overload]
        return str(done.stdout, "utf-8").strip()

    assert told(input=b"4096 bytes") == "10"
    with open("/dev/zero", "rb") as zero:
        assert (
            told(stdin=zero) == "-: got more than is read; allowed: at most 5,000 bytes, unpacked"
        )


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"{}", "no gzip"),
        (gzip.compress(b"{}" * 999, mtime=0)[:20], "no gzip"),
        (gzip.compress(b" " * 5000, mtime=0), "more than is read; allowed: at most 4,096 bytes"),
    ],
)
def test_what_does_not_unpack_is_refused(tmp_path: Path, content: bytes, got: str) -> None:
    path = tmp_path / "bad.json.gz"
    path.write_bytes(content)
    assert got in refused(path, 4096)


def test_what_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert "no such file" in refused(path)
    assert "a folder" in refused(tmp_path)
    assert "null" in refused(Path("a\0b"))
    assert "name too long" in refused(Path("a" * 5000)).lower()
    path.write_bytes(b"a" * (2**20 - 1) + "é".encode() + b"\xff")
    assert f"no text (byte {2**20 + 1})" in refused(path)
    path.write_bytes(b" \n" * 5000)
    assert "an empty file" in refused(path)
    path.write_bytes(b"a" * 5001)
    assert "more than is read" in refused(path, 5000)
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\rc\n")
    assert read_text(path, "a table") == "a\nb\nc\n"
