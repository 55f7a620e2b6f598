from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_configure() -> None:
    # A script's background jobs ignore SIGINT, and so would all that these tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    if os.geteuid():
        pytest.skip("needs root, to mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], check=False
    ).returncode:
        pytest.skip("cannot mount here")
    yield folder
    subprocess.run(["umount", folder], check=True)
