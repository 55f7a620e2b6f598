"""JSON lines: rows that a file is given one after the other, each known by its key.

A writer that is killed leaves at most its last line torn. A reader leaves that out, and who goes on
cuts it off.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nworkers.models.base.errors import InputError
from nworkers.models.files.atomic_write import check_output
from nworkers.models.files.input_file import MAX_BYTES
from nworkers.models.files.json_document import parsed
from nworkers.models.files.validate_json import shown

#: A row begins with its key, so that rows are told from each other without reading them.
_HEAD = b'{"key": "'
_ROW = re.compile(rb'\{"key": "([0-9a-f]+)", .*\}\n', re.DOTALL)
_WANTED = "rows as `scale sweep` writes them"


class JsonLines:
    """A file that rows are added to, by one writer at a time.

    ``keys`` are those of the rows that it has from before.
    """

    def __init__(self, path: Path, stream: FileIO, keys: frozenset[str]) -> None:
        self.keys = keys
        self._path = path
        self._stream = stream
        self._length = stream.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()
        if kind is not None and self._length == 0:
            self._path.unlink(missing_ok=True)  # the next try may begin as this one did

    def add(self, rows: Sequence[str]) -> None:
        """Hand rows to the system, which keeps them though this process be killed.

        Raises:
            InputError: the disk is full; rows that were added before are whole.
        """
        content = "".join(f"{row}\n" for row in rows).encode()
        left = memoryview(content)
        try:
            while left:
                left = left[self._stream.write(left) :]
        except OSError as error:
            with suppress(OSError):
                self._stream.truncate(self._length)
            raise _unwritable(self._path, error) from None
        self._length += len(content)


def open_rows(path: Path, *, resume: bool, force: bool) -> JsonLines:
    """A file for rows: a new one, or with ``resume`` one that may have some.

    Raises:
        InputError: it exists, with neither ``resume`` nor ``force``; it cannot be written, holds
            anything but rows, or somebody else is writing it.
    """
    check_output(path, force=True)
    new = 0 if resume or force else os.O_EXCL
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | new | getattr(os, "O_BINARY", 0), 0o666)
    except FileExistsError:
        raise InputError(
            "output",
            f"{path}, which exists",
            "a new file, or add <resume> to go on with it, or <force> to replace it",
        ) from None
    except OSError as error:
        raise _unwritable(path, error) from None
    stream = FileIO(handle, "r+")
    try:
        _hold(path, handle)
        keys, length = _kept(path, stream) if resume else (frozenset[str](), 0)
        stream.truncate(length)
        stream.seek(length)
    except BaseException:
        stream.close()
        raise
    return JsonLines(path, stream, keys)


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file, one after the other.

    Raises:
        InputError: there is no such file, or a line of it is no row.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(str(path), "no plain file", _WANTED)
        with open(path, "rb") as stream:
            for number, line in _whole_lines(path, stream.readline):
                row = parsed(line, f"{path}: line {number}", _WANTED)
                assert isinstance(row, dict)  # it has a key
                yield row
    except FileNotFoundError:
        raise InputError(str(path), "no such file", _WANTED) from None
    except OSError as error:
        raise InputError(str(path), error.strerror, _WANTED) from None


def _kept(path: Path, stream: FileIO) -> tuple[frozenset[str], int]:
    """Keys of the whole rows of a file, and where the last of them ends."""
    keys, length = set[str](), 0
    with open(os.dup(stream.fileno()), "rb") as buffered:
        for _, line in _whole_lines(path, buffered.readline):
            keys.add(_key(line))
            length += len(line)
    return frozenset(keys), length


def _whole_lines(path: Path, readline: Callable[[int], bytes]) -> Iterator[tuple[int, bytes]]:
    """Each row with its number, but for a last one that was being written when the end came.

    Raises:
        InputError: a line is no row.
    """
    number = 0
    while line := readline(MAX_BYTES):
        number += 1
        torn = not line.endswith(b"\n") and len(line) < MAX_BYTES
        if torn and (line.startswith(_HEAD) or _HEAD.startswith(line)):
            return
        if _ROW.fullmatch(line) is None:
            got = shown(line[:40].decode(errors="replace"))
            raise InputError(f"{path}: line {number}", got, _WANTED)
        yield number, line


def _key(line: bytes) -> str:
    return line[len(_HEAD) : line.index(b'"', len(_HEAD))].decode()


def _hold(path: Path, handle: int) -> None:
    """Lock the file until it is closed, however this process ends.

    Raises:
        InputError: another process has it.
    """
    try:
        import fcntl  # noqa: PLC0415 (Windows has none: there nobody keeps writers apart)
    except ImportError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(
            "output", f"{path}, which another sweep is writing", "a file of its own"
        ) from None
    except OSError:
        pass  # a file system without locks


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError("output", f"{path} ({error.strerror})", "a file that can be written")
