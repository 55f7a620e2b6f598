"""What killed processes leave is in the folder of their run, and goes with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nworkers.calibrate.host.scratch import PREFIX, SHORT

#: A run with tasks of its own: each writes a temporary file, as AutoGraph does, and is killed.
RUN = """
import multiprocessing, os, signal, sys, tempfile
from nworkers.calibrate.host.scratch import in_scratch

def task(told, _):
    file = tempfile.NamedTemporaryFile(delete=False)
    told.send(file.name)
    signal.pause()

if __name__ == "__main__":
    made = multiprocessing.get_context(sys.argv[1])
    for _ in range(2):
        ours, theirs = made.Pipe()
        with in_scratch():
            process = made.Process(target=task, args=(theirs, 0), daemon=True)
            process.start()
        print(ours.recv(), flush=True)
        process.kill()
        process.join()
    print(tempfile.gettempdir(), os.environ.get("TMPDIR"), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(RUN)
    return path


def started(script: Path, folder: Path, method: str = "forkserver") -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, script, method],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(folder)},
    )


def told(process: subprocess.Popen[str]) -> list[Path]:
    """The files that its tasks wrote, as soon as it has come so far."""
    assert process.stdout
    files = [Path(process.stdout.readline().strip()) for _ in range(2)]
    process.stdout.readline()
    return files


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_killed_tasks_leave_nothing(near: Path, script: Path, method: str) -> None:
    folder = near / "temporary"
    with started(script, folder, method) as process:
        assert process.stdout
        files = [Path(process.stdout.readline().strip()) for _ in range(2)]
        (mine,) = folder.iterdir()
        assert [path.parent for path in files] == [mine, mine]
        assert all(path.exists() for path in files)
        # The process itself goes on with the folder that it was given.
        assert process.stdout.readline().split() == [str(folder), str(folder)]
        process.communicate("")
    assert process.returncode == 0
    assert list(folder.iterdir()) == []


def test_the_next_run_removes_what_a_killed_one_left(near: Path, script: Path) -> None:
    folder = near / "temporary"
    with started(script, folder) as lives, started(script, folder) as killed:
        kept, left = told(lives), told(killed)
        killed.kill()
        killed.wait()
        assert all(path.exists() for path in left)
        with started(script, folder) as third:
            told(third)
            assert not left[0].parent.exists()
            assert all(path.exists() for path in kept)
            third.communicate("")
        lives.communicate("")
    assert list(folder.iterdir()) == []


def test_nobody_else_s_folder_is_removed(near: Path, script: Path) -> None:
    """One that is no run's, one whose owner has not locked it yet, and a link to a folder."""
    folder, elsewhere = near / "temporary", near / "elsewhere"
    for path in (folder / "scale-logs-abc", folder / "scale_new", elsewhere):
        path.mkdir(parents=True)
        (path / "mine").touch()
    (folder / "scale-logs-abc" / "lock").touch()
    (elsewhere / "lock").touch()
    (folder / "scale_link").symlink_to(elsewhere)
    with started(script, folder) as process:
        told(process)
        process.communicate("")
    assert {path.name for path in folder.iterdir()} == {
        "scale-logs-abc", "scale_new", "scale_link"
    }  # fmt: skip
    assert (elsewhere / "mine").exists()


@pytest.mark.parametrize("letters", [40, 120])
def test_a_long_temporary_folder_s_sockets_are_in_a_short_one(
    near: Path, script: Path, letters: int
) -> None:
    before = set(SHORT.glob(f"{PREFIX}*"))
    folder = near / ("x" * letters)
    with started(script, folder) as process:
        (mine,) = {path.parent for path in told(process)}
        assert mine.parent == folder
        process.communicate("")
    assert process.returncode == 0
    assert list(folder.iterdir()) == []
    assert set(SHORT.glob(f"{PREFIX}*")) <= before
