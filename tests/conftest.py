from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nworkers.simulator.engine.base import Engine
from nworkers.simulator.engine.engines import ENGINES
from tests.support import runs
from tests.support.runs import Traced, Trained
from tests.testbed.namespaces import leave


def pytest_configure() -> None:
    # A script's background jobs ignore SIGINT, and so would all that these tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Tasks choose ports that are free, and bind them a moment later. Tests that run at the same
    # time would take them from each other now and then.
    if "PYTEST_XDIST_WORKER" in os.environ:
        leave()


#: Of what starts tasks, the files whose tests are longest.
LONGEST = ("test_docs.py", "test_clusters.py", "test_calibrate_ends.py", "test_validate.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # What starts tasks takes longest and waits most. It comes first: one of pytest's processes has
    # it then, and the others compute meanwhile. What they take over at the end is short.
    def computes(item: pytest.Item) -> bool:
        return not any(item.get_closest_marker(name) for name in ("tensorflow", "root"))

    def place(item: pytest.Item) -> int:
        name = item.path.name
        return LONGEST.index(name) if name in LONGEST else len(LONGEST)

    items.sort(key=lambda item: (computes(item), place(item)))


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
def near() -> Iterator[Path]:
    """A temporary folder of a short name: paths of sockets may have no more than 107 characters.

    Those of pytest are longer where it runs in several processes.
    """
    with tempfile.TemporaryDirectory(prefix="t") as name:
        yield Path(name)


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
