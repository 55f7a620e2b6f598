from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from nworkers.cli import app
from nworkers.models.files.store import write_record
from tests.support.answer_schemas import check_printed
from tests.support.factories import profile
from tests.support.without_kernel import other_than_simpy


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of a command that failed, alone on stderr; on stdout nothing, or it."""
        assert self.out == "" or json.loads(self.out)["exit_code"] == self.code
        assert self.err.startswith("scale: error: ")
        assert self.err.count("\n") == 1
        return self.err.removeprefix("scale: error: ").rstrip("\n")


Run = Callable[..., Done]


@contextmanager
def unchanged() -> Iterator[None]:
    """What a command changes of its process, for good, is as before afterwards."""
    threshold = gc.get_threshold()
    try:
        yield
    finally:
        gc.set_threshold(*threshold)


@pytest.fixture
def run(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Run]:
    """A command in this process, in an empty folder; subprocesses are for start-up tests.

    What it prints for machines is held to its schema.
    """
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object) -> Done:
        code = app.run([*map(str, arguments)])
        captured = capfd.readouterr()
        check_printed([*map(str, arguments)], captured.out)
        return Done(code, captured.out, other_than_simpy(captured.err))

    with unchanged():
        yield command


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A profile measured between hosts."""
    path = tmp_path / "network.json"
    write_record(path, profile(link__kind="network", link__evidence="emulated hosts"), force=True)
    return path


@pytest.fixture
def loopback(tmp_path: Path) -> Path:
    path = tmp_path / "loopback.json"
    write_record(path, profile(link__kind="loopback", link__evidence="one host"), force=True)
    return path
