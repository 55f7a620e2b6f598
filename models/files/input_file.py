"""Input file: what somebody named to be read, up to a stated size and never without end."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import select
import stat
import sys
import zlib
from pathlib import Path

from nworkers.models.base.errors import InputError
from nworkers.models.files.atomic_write import STANDARD

COMPRESSED = ".gz"
#: No file is read beyond, unpacked where it is compressed: the largest calibration takes a third.
MAX_BYTES = 2**28
#: A pipe from which nothing has come for so long is given up.
SILENT_S = 10.0
_PART = 2**20
_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # each where there is one
#: What came through a pipe, by its name.
_given: dict[str, bytes] = {}


def read_bytes(path: Path, wanted: str, most: int = MAX_BYTES) -> bytes:
    """UTF-8 text of a file that somebody named, unpacked where its name ends in ``.gz``.

    UTF-16 with a byte order mark, which PowerShell writes, becomes UTF-8.

    ``-`` is standard input. A pipe, as it gives its bytes once, is kept for whoever asks again.

    Args:
        wanted: what may be there, for the message.
        most: bytes that may be there.

    Raises:
        InputError: there is no such file, it cannot be read or unpacked, is longer than ``most``,
            has no end, or is empty or no text.
    """
    name = str(path)
    try:
        content = _content(path, most)
        if path.suffix == COMPRESSED:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as unpacked:
                content = unpacked.read(most + 1)
    except FileNotFoundError:
        raise InputError(name, "no such file", wanted) from None
    except _Endless:
        raise InputError(name, "a device", f"{wanted}; - reads standard input") from None
    except IsADirectoryError:
        raise InputError(name, "a folder", wanted) from None
    except TimeoutError:
        raise InputError(name, f"a pipe without a byte in {SILENT_S:g} s", wanted) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(name, f"no gzip that can be unpacked ({error})", wanted) from None
    except (OSError, ValueError) as error:  # the latter of a name with a zero byte
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(name, why, wanted) from None
    if len(content) > most:
        raise InputError(name, "more than is read", f"at most {most:,} bytes, unpacked")
    content = _as_utf8(name, content, wanted)
    _check_text(name, content, wanted)
    if not content or content.isspace():
        raise InputError(name, "an empty file", wanted)
    return content


def read_text(path: Path, wanted: str, most: int = MAX_BYTES) -> str:
    """As `read_bytes`, with every line break as a line feed alone.

    Raises:
        InputError
    """
    text = read_bytes(path, wanted, most).decode()
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def is_input(name: str) -> bool:
    """Whether something of this name can be opened: there is such a file, or it is ``-``."""
    try:
        return name == STANDARD or Path(name).exists()
    except (OSError, ValueError):
        return False


class _Endless(Exception):
    """A device: /dev/zero never ends."""


def _content(path: Path, most: int) -> bytes:
    """Up to one byte more than ``most``."""
    name = str(path)
    if name in _given:
        return _given[name]
    if name == STANDARD:
        return _given.setdefault(name, _of_standard_input(most))
    # Without waiting: a named pipe that nobody writes to would hold a plain open for ever.
    handle = os.open(path, os.O_RDONLY | _AT_ONCE)
    with open(handle, "rb", buffering=0) as stream:
        found = os.fstat(handle)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError
        if stat.S_ISFIFO(found.st_mode):
            return _given.setdefault(name, _of_pipe(handle, most))
        if not stat.S_ISREG(found.st_mode):
            raise _Endless
        return stream.read(min(most, max(found.st_size, _PART)) + 1)


def _of_pipe(handle: int, most: int) -> bytes:
    """Raises: TimeoutError where those who could write do not."""
    found = bytearray()
    while len(found) <= most:
        try:
            part = os.read(handle, _PART)
        except BlockingIOError:
            if not select.select([handle], [], [], SILENT_S)[0]:
                raise TimeoutError from None
            continue
        if not part:
            break
        found += part
    return bytes(found)


def _of_standard_input(most: int) -> bytes:
    if sys.stdin is None or sys.stdin.closed:
        raise FileNotFoundError
    return sys.stdin.buffer.read(most + 1)


def _as_utf8(name: str, content: bytes, wanted: str) -> bytes:
    """Raises: InputError: a text that begins as UTF-16 is none."""
    if not content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.removeprefix(codecs.BOM_UTF8)
    try:
        return content.decode("utf-16").encode()
    except UnicodeError as error:
        raise InputError(name, f"no text ({error})", wanted) from None


def _check_text(name: str, content: bytes, wanted: str) -> None:
    """Raises: InputError naming the first byte that is no UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for begin in range(0, len(content), _PART):
        part = content[begin : begin + _PART]
        before = len(decoder.getstate()[0])
        try:
            decoder.decode(part, final=begin + _PART >= len(content))
        except UnicodeDecodeError as error:
            place = begin - before + error.start
            raise InputError(name, f"no text (byte {place})", wanted) from None
