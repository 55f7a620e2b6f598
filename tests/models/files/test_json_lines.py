"""Rows in a file: whole or not there, each known by its key, and by one writer at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nworkers.models.base.errors import InputError
from nworkers.models.files.json_lines import open_rows, read_rows

ROWS = [json.dumps({"key": f"{k:032x}", "inputs": {"text": 'a "}\n'}, "x": k}) for k in range(6)]


def written(path: Path, rows: list[str]) -> None:
    with open_rows(path, resume=False, force=True) as lines:
        lines.add(rows[:1])
        lines.add(rows[1:])


def numbers(path: Path) -> list[int]:
    return [row["x"] for row in read_rows(path)]


def test_rows_come_back(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    written(path, ROWS)
    assert numbers(path) == [0, 1, 2, 3, 4, 5]
    with open_rows(path, resume=True, force=False) as lines:
        assert lines.keys == {f"{k:032x}" for k in range(6)}
    assert numbers(path) == [0, 1, 2, 3, 4, 5]


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, sum(len(row) + 1 for row in ROWS)))
def test_a_torn_last_line_is_left_out_and_cut_off(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("torn") / "rows.jsonl"
    written(path, ROWS)
    content = path.read_bytes()[:cut]
    path.write_bytes(content)
    whole = content.count(b"\n")
    assert numbers(path) == list(range(whole))
    with open_rows(path, resume=True, force=False) as lines:
        assert len(lines.keys) == whole
    assert path.read_bytes() == content[: content.rfind(b"\n") + 1]
    with open_rows(path, resume=True, force=False) as lines:
        lines.add(ROWS[whole:])
    assert numbers(path) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "content", ["no rows", '{"kind": "profile"}\n', "[1]\n", '{"key": "00", "x"\n', "\x1f\x8b\x00"]
)
def test_what_holds_no_rows_is_refused_and_stays(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(content)
    with pytest.raises(InputError, match="line 1"):
        open_rows(path, resume=True, force=False)
    with pytest.raises(InputError, match="line 1"):
        list(read_rows(path))
    assert path.read_text() == content


def test_an_existing_file_is_replaced_by_force_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    written(path, ROWS)
    with pytest.raises(InputError, match="which exists"):
        open_rows(path, resume=False, force=False)
    assert len(numbers(path)) == 6
    with open_rows(path, resume=False, force=True) as lines:
        assert not lines.keys
    assert numbers(path) == []


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    code = (
        "import sys; from pathlib import Path\n"
        "from nworkers.models.files.json_lines import open_rows\n"
        "with open_rows(Path(sys.argv[1]), resume=True, force=False) as rows:\n"
        "    print('open', flush=True); sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout
    assert other.stdout.readline() == "open\n"
    for resume in (True, False):
        with pytest.raises(InputError, match="another sweep is writing"):
            open_rows(path, resume=resume, force=not resume)
    # However it ends, the next may write.
    other.kill()
    other.communicate()
    with open_rows(path, resume=True, force=False) as lines:
        lines.add(ROWS)
    assert len(numbers(path)) == 6


def test_a_disk_that_fills_up_keeps_whole_rows(small_disk: Path) -> None:
    path = small_disk / "rows.jsonl"
    row = json.dumps({"key": "ab" * 16, "inputs": {}, "much": "x" * 50_000})

    def fill() -> None:
        with open_rows(path, resume=False, force=False) as lines:
            for _ in range(20):
                lines.add([row])

    with pytest.raises(InputError, match="No space left"):
        fill()
    assert 1 <= len(list(read_rows(path))) < 20
    assert path.read_bytes().endswith(b"}\n")


def test_no_file_and_no_plain_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path, Path(os.devnull)):
        with pytest.raises(InputError):
            list(read_rows(path))
