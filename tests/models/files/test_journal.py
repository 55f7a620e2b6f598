from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nworkers.models.base.errors import InputError
from nworkers.models.files.journal import Journal, journal_path, read_journal
from nworkers.models.records.calibration import Calibration, Cell, Neighbour, Skipped
from tests.support.calibrations import burst, calibration

CELL = Cell("fetch", "ps", 4)


def no_news(why: str) -> None:
    raise AssertionError(why)


def written(path: Path, entries: int) -> Calibration:
    journal = Journal(path, no_news)
    journal.begin(calibration(burst(CELL, 0)))
    for number in range(1, entries + 1):
        journal.add(bursts=(burst(CELL, number), burst(CELL, number, worker=1)))
    journal.add(skipped=(Skipped(CELL, "slow"),), neighbours=(Neighbour(0, "find", 0.5),))
    journal.add()
    journal.close()
    return read_journal(path)


def test_what_was_added_comes_back(tmp_path: Path) -> None:
    found = written(tmp_path / "a.journal", 3)
    assert [(b.round, b.worker) for b in found.bursts] == [
        (0, 0),
        *((number, worker) for number in (1, 2, 3) for worker in (0, 1)),
    ]
    assert found.skipped == (Skipped(CELL, "slow"),)
    assert found.neighbours == (Neighbour(0, "find", 0.5),)
    assert found.planned == calibration().planned


@settings(max_examples=50, deadline=None)
@given(cut=st.integers(1, 10**6))
def test_a_torn_end_loses_the_torn_line_alone(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("torn") / "a.journal"
    written(path, 5)
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    kept = len(lines[0]) + len(lines[1]) + cut % (len(content) - len(lines[0]) - len(lines[1]))
    path.write_bytes(content[:kept])
    whole = content[:kept].count(b"\n") - 2
    assert len(read_journal(path).bursts) == 1 + 2 * min(whole, 5)


def test_a_spoilt_journal_is_refused_by_line(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    written(path, 2)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], "[]", *lines[3:]]) + "\n")
    with pytest.raises(InputError, match=r"line 3: got \[\]; allowed: a journal"):
        read_journal(path)
    path.write_text('{"kind": "profile"}\n')
    with pytest.raises(InputError, match='allowed: "journal"'):
        read_journal(path)
    path.write_text(lines[0].replace('"2.', '"9.', 1) + "\n")
    with pytest.raises(InputError, match="newer"):
        read_journal(path)


def test_the_name_is_the_outputs() -> None:
    assert journal_path(Path("/x/a.json")) == Path("/x/a.json.journal")


def test_an_error_of_the_disk_ends_the_journal_and_keeps_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[str] = []
    journal = Journal(tmp_path / "a.journal", lost.append)
    journal.begin(calibration())
    journal.add(bursts=(burst(CELL, 0),))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    journal.add(bursts=(burst(CELL, 1),))
    journal.add(bursts=(burst(CELL, 2),))
    assert lost == [f"{tmp_path / 'a.journal'} (No space left on device)"]
    assert [b.round for b in read_journal(tmp_path / "a.journal").bursts] == [0]


@pytest.mark.root
def test_a_disk_that_fills_up(small_disk: Path) -> None:
    lost: list[str] = []
    path = small_disk / "a.journal"
    journal = Journal(path, lost.append)
    journal.begin(calibration())
    added = 0
    while not lost:
        journal.add(bursts=(burst(CELL, added),))
        added += 1
        assert added < 10_000
    assert "No space left" in lost[0]
    assert len(read_journal(path).bursts) == added - 1
    with pytest.raises(InputError, match="No space left"):
        Journal(small_disk / "b.journal", no_news).begin(calibration(*read_journal(path).bursts))
    assert [p.name for p in small_disk.iterdir()] == ["a.journal"]
