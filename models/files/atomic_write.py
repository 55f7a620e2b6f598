"""Atomic write: a file that appears whole or not at all, and never over another unasked."""

from __future__ import annotations

import os
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nworkers.models.base.errors import InputError

#: In place of a file's name: standard input, or standard output.
STANDARD = "-"


def check_output(path: Path, *, force: bool, field: str = "output") -> None:
    """Refuse, before any long work, a target that could not be written at its end.

    ``field`` is what named the target, for the message.

    Raises:
        InputError: it exists already, it is no file, or its folder takes none.
    """
    if str(path) == STANDARD:
        raise InputError(field, path, "the name of a file; this is not written to stdout")
    try:
        _check_place(path, field, force=force)
        # Permission bits say little (root, read-only mounts, /proc): only trying tells.
        temporary = _beside(path.resolve())
        with _undisturbed():
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            temporary.unlink()
    except OSError as error:  # of a name that is too long, too
        raise _unwritable(field, path, error) from None


def _check_place(path: Path, field: str, *, force: bool) -> None:
    """Raises: InputError where no file may be put."""
    target, folder = path.resolve(), path.resolve().parent
    if not folder.is_dir():
        raise InputError(field, path, f"a file in a folder that exists ({folder} does not)")
    if target.exists():
        # A device or a pipe would be replaced by the rename, so only a plain file may be there.
        if not stat.S_ISREG(target.stat().st_mode):
            what = "a folder" if target.is_dir() else "no plain file"
            raise InputError(field, f"{path}, which is {what}", "the name of a file")
        if not force:
            raise InputError(
                field,
                f"{path}, which exists",
                "a new file, or add <force> to replace it",
            )


def write_bytes(path: Path, content: bytes, *, force: bool, field: str = "output") -> None:
    """Write a temporary file beside the target, flush it to the disk, then rename it.

    Raises:
        InputError: as `check_output`, or the disk is full.
    """
    check_output(path, force=force, field=field)
    target = path.resolve()
    temporary = _beside(target)
    with _undisturbed():
        try:
            with open(temporary, "xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, target)
        except OSError as error:
            raise _unwritable(field, path, error) from None
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals that end a program wait until the file is there whole, or nothing of it is."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted, and only it may say how
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in before:
            signal.signal(number, lambda came_in, _: came.append(came_in))
        yield
    finally:
        for number, handler in before.items():
            # None was set by other than Python, and is nothing that it could set again.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for came_in in came:
            signal.raise_signal(came_in)


def made_folder(path: Path, field: str) -> Path:
    """The folder, made with those above it where it is not there yet.

    Raises:
        InputError: it cannot be made, or a file has its name.
    """
    if str(path) == STANDARD:
        raise InputError(field, path, "the name of a folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(field, f"{path} ({error.strerror})", f"a folder for {field}") from None
    return path


def _beside(target: Path) -> Path:
    """Same folder, hence same file system: a rename across two would be a copy."""
    return target.with_name(f".{target.name}.{os.getpid()}.tmp")


def _unwritable(field: str, path: Path, error: OSError) -> InputError:
    return InputError(field, f"{path} ({error.strerror})", "a file that can be written")
