from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nworkers.simulator.engine.base import Engine
from nworkers.simulator.engine.engines import ENGINES
from tests.support import runs
from tests.support.runs import Traced, Trained


def pytest_configure() -> None:
    # A script's background jobs ignore SIGINT, and so would all that these tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=list(ENGINES.values()), ids=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Any:
    """Every engine there is, one after the other."""
    return request.param


@pytest.fixture
def trained(engine: Engine) -> Trained:
    return partial(runs.trained, engine=engine)


@pytest.fixture
def traced(engine: Engine) -> Traced:
    return partial(runs.traced, engine)


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
