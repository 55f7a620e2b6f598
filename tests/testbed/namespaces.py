"""Network namespaces of this module's naming: made, entered, and removed with all that runs there.

A name holds the process id of its owner, so a later start can tell what a killed owner left.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

CLONE_NEWNET = 0x40000000
NAMED = Path("/run/netns")
NAME = re.compile(r"scale(\d+)(?:sw|h\d+)")


class HostsFailed(RuntimeError):
    """Emulated hosts cannot be had here, or broke while they were in use."""


def command(*words: str) -> None:
    """Run a command that prints nothing of interest; a failure is raised with its own words."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise HostsFailed(f"{' '.join(words)}: {done.stderr.strip()}")


def enter(namespace: str) -> None:
    """Move this process into a network namespace; done by a task before its server starts."""
    handle = os.open(NAMED / namespace, os.O_RDONLY)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(handle, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"cannot enter namespace {namespace}: {os.strerror(number)}")
    finally:
        os.close(handle)


def leave() -> bool:
    """Move this process, and what it will start, into a network of its own; whether it could.

    Only Linux has such networks, and only for root. There is a loopback and nothing else.
    """
    if sys.platform != "linux" or os.geteuid() or shutil.which("ip") is None:
        return False
    if ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        return False
    command("ip", "link", "set", "lo", "up")
    return True


def remove(namespaces: Iterable[str]) -> None:
    """Remove the namespaces, and end what runs there, which would keep them alive."""
    with ExitStack() as held:
        identities: set[tuple[int, int]] = set()
        for namespace in namespaces:
            with suppress(FileNotFoundError):
                # While it is open, no new namespace gets its identity.
                handle = os.open(NAMED / namespace, os.O_RDONLY)
                held.callback(os.close, handle)
                identities.add(_identity(os.fstat(handle)))
            # First of all, so that nobody enters while we look who is there.
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)
        for process in Path("/proc").glob("[1-9]*"):
            # Processes come and go meanwhile.
            with suppress(OSError):
                inside = _identity((process / "ns" / "net").stat()) in identities
                if inside and process.name != str(os.getpid()):
                    os.kill(int(process.name), signal.SIGKILL)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def remove_leftovers() -> None:
    """Remove the namespaces whose owner does not live any more, so could not do it."""
    if not NAMED.is_dir():
        return
    for name in sorted(path.name for path in NAMED.iterdir()):
        match = NAME.fullmatch(name)
        # A process that has ended but is not waited for has an id still, and no executable.
        if match and not Path(f"/proc/{match[1]}/exe").exists():
            remove([name])
