"""A task ends with the command, also where that was killed before the task could ask for it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

SCRIPT = """
import multiprocessing, sys, time
from pathlib import Path
from nworkers.calibrate.host.parent import die_with_parent

def task(folder):
    (folder / "started").touch()
    while not (folder / "killed").exists():
        time.sleep(0.01)
    die_with_parent()
    (folder / "lives").touch()
    time.sleep(60)

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    context = multiprocessing.get_context("spawn")
    context.Process(target=task, args=(folder,), daemon=True).start()
    time.sleep(60)
"""


def appears(file: Path, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return file.exists()


def test_a_task_whose_command_was_killed_first_does_not_go_on(tmp_path: Path) -> None:
    script = tmp_path / "command.py"
    script.write_text(SCRIPT)
    with subprocess.Popen([sys.executable, script, tmp_path]) as command:
        assert appears(tmp_path / "started", 20)
        command.kill()
    (tmp_path / "killed").touch()
    assert not appears(tmp_path / "lives", 1)
