"""Scratch: a temporary folder of this process's own, for all that it starts; it goes at the end.

Tasks are killed, and so leave what frameworks write for the time of a process. What is left by a
process that was killed itself, the next one removes. A lock on a file in the folder tells that its
owner is gone: the system lets go of it, however the owner ended.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing import util
from pathlib import Path
from typing import Any

PREFIX = "scale_"
#: Paths of sockets may have no more than 107 bytes, of which so many are left for a name.
MOST_SOCKET, SOCKET_NAME = 107, 30
#: Where sockets go if the temporary folder's path is too long for them.
SHORT = Path("/tmp")
LOCK = "lock"
#: Lower than that of multiprocessing's processes, which are ended before.
EXIT_PRIORITY = -200


@contextmanager
def in_scratch() -> Iterator[Path]:
    """Processes that are started within take the folder for the temporary one."""
    folder = _made(os.getpid())
    before, default = os.environ.get("TMPDIR"), tempfile.tempdir
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = default
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before


@cache
def _made(_pid: int) -> Path:
    """The folder of a process; a fork of it makes its own."""
    remove_abandoned(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    _hold(folder)
    util.Finalize(None, shutil.rmtree, (folder, True), exitpriority=EXIT_PRIORITY)
    # The socket of the fork server lies there too, unless it has been made before.
    config: dict[str, Any] = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    if "tempdir" not in config:
        config["tempdir"] = str(_for_sockets(folder))
    return folder


def _for_sockets(folder: Path) -> Path:
    """The folder, or a short one where paths below it are too long for a socket."""
    if len(os.fsencode(folder)) + SOCKET_NAME <= MOST_SOCKET or not os.access(SHORT, os.W_OK):
        return folder
    remove_abandoned(SHORT)
    short = Path(tempfile.mkdtemp(prefix=PREFIX, dir=SHORT))
    _hold(short)
    util.Finalize(None, shutil.rmtree, (short, True), exitpriority=EXIT_PRIORITY)
    return short


def _hold(folder: Path) -> None:
    """Lock a file of the folder until this process ends; nobody sees the file before."""
    import fcntl

    held = os.open(folder / "made", os.O_CREAT | os.O_EXCL | os.O_RDWR)
    with suppress(OSError):  # a file system without locks: nobody will tell that we are gone
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.rename(folder / "made", folder / LOCK)


def remove_abandoned(parent: Path) -> None:
    """Remove the folders of this user whose owners are gone."""
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):  # somebody lives in it, or was quicker
            if folder.lstat().st_uid == os.geteuid() and not folder.is_symlink():
                _remove(folder)


def _remove(folder: Path) -> None:
    """Raises: OSError where its owner holds the lock."""
    import fcntl

    lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
