"""Network namespaces of this module's naming: made, entered, and removed with all that runs there.

A name holds the process id of its owner, so a later start can tell what a killed owner left.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress
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


def remove(namespaces: Iterable[str]) -> None:
    """End what runs in the namespaces, which it would keep alive, and remove them."""
    for namespace in namespaces:
        listed = subprocess.run(
            ["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False
        )
        for pid in {int(word) for word in listed.stdout.split()} - {os.getpid()}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)


def remove_leftovers() -> None:
    """Remove the namespaces whose owner does not live any more, so could not do it."""
    if not NAMED.is_dir():
        return
    for name in sorted(path.name for path in NAMED.iterdir()):
        match = NAME.fullmatch(name)
        # A process that has ended but is not waited for has an id still, and no executable.
        if match and not Path(f"/proc/{match[1]}/exe").exists():
            remove([name])
