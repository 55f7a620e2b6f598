"""`scale calibrate` as a process with real TensorFlow tasks, ended in every way from outside."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scale.models.files import read_calibration

pytestmark = pytest.mark.tensorflow
SCALE = Path(sys.executable).with_name("scale")


def tasks(logs: Path) -> dict[str, int]:
    """Pids of the tasks of a calibration, by name: whoever writes to a task's log."""
    found: dict[str, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                log = Path(os.readlink(entry / "fd" / "1"))
            except OSError:
                continue
            if log.parent == logs:
                found[log.stem] = int(entry.name)
    return found


def wait_until(condition: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)


def end_midway(
    tmp_path: Path, end: Callable[[subprocess.Popen[str], Path], None]
) -> tuple[int, str, float]:
    """Calibrate until bursts are being taken, end it somehow; (exit code, stderr, seconds)."""
    output, logs = tmp_path / "out.json", tmp_path / "out.logs"
    with subprocess.Popen(
        [SCALE, "calibrate", "--quick", "--rounds", "3", "-o", output],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until(lambda: len(tasks(logs)) == 4, 90)
        # Building every cell takes a few seconds; a burst a tenth of one.
        time.sleep(10)
        began = time.monotonic()
        end(process, logs)
        _, err = process.communicate(timeout=30)
        taken_s = time.monotonic() - began
        code = process.returncode
    assert "Traceback" not in err
    wait_until(lambda: not tasks(logs), 10)
    return code, err, taken_s


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_task_and_keeps_the_samples(
    tmp_path: Path, number: signal.Signals
) -> None:
    code, err, taken_s = end_midway(tmp_path, lambda process, _: process.send_signal(number))
    assert code == 130, err
    assert taken_s < 15
    kept = read_calibration(tmp_path / "out.json")
    assert not kept.complete
    assert kept.bursts


@pytest.mark.parametrize("task", ["ps0", "worker1", "single0"])
def test_a_task_that_dies_is_named_and_the_samples_kept(tmp_path: Path, task: str) -> None:
    code, err, taken_s = end_midway(
        tmp_path, lambda _, logs: os.kill(tasks(logs)[task], signal.SIGKILL)
    )
    assert code == 3, err
    assert taken_s < 15
    (line,) = [line for line in err.splitlines() if line.startswith("scale: error:")]
    assert re.search(
        rf"task {task} was ended by signal 9 \(SIGKILL\); its log: .*{task}\.log", line
    )
    assert not read_calibration(tmp_path / "out.json").complete


def test_without_tensorflow_the_command_says_how_to_install_it(tmp_path: Path) -> None:
    """TensorFlow hidden from one process: as on a laptop with `pip install scale` alone."""
    hide = (
        "import sys, importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'tensorflow' else real(name, *a)\n"
        "from scale.cli.app import main; sys.argv[0] = 'scale'; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", hide, "calibrate", "-o", tmp_path / "x.json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "pip install 'scale[tf]'" in done.stderr
    assert not (tmp_path / "x.json").exists()
