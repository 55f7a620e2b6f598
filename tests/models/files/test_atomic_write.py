"""A file is there whole or not at all, whenever a signal comes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nworkers.models.files.atomic_write import check_output, write_bytes


@pytest.mark.parametrize("moment", ["open", "fsync", "replace"])
def test_a_signal_waits_for_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    if moment == "open":
        monkeypatch.setattr(Path, "with_name", _interrupted(Path.with_name))
    else:
        monkeypatch.setattr(os, moment, _interrupted(getattr(os, moment)))
    path = tmp_path / "whole"
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(KeyboardInterrupt):
        write_bytes(path, b"all of it", force=False)
    left = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert left == ({} if moment == "open" else {"whole": b"all of it"})
    assert handlers == [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]


def test_a_try_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "unlink", _interrupted(Path.unlink))
    with pytest.raises(KeyboardInterrupt):
        check_output(tmp_path / "new", force=False)
    assert list(tmp_path.iterdir()) == []


def _interrupted(real: Callable[..., Any]) -> Callable[..., Any]:
    """The same, with Ctrl-C just before."""

    def function(*arguments: Any, **named: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return real(*arguments, **named)

    return function
