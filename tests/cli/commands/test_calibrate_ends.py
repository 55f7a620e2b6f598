"""`scale calibrate` as a process with real TensorFlow tasks, ended in every way from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nworkers.models.files.journal import journal_path
from nworkers.models.files.store import read_calibration
from tests.support.kills import COMMAND, SCALE, VICTIMS, attempt, kept, tasks, wait_until

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(k, marks=() if victim == "ps0" else pytest.mark.slow, id=victim)
        for k, victim in enumerate(VICTIMS)
    ],
)
def test_whoever_is_killed_it_ends_soon_and_loses_nothing(seed: int, near: Path) -> None:
    """A few of what `make soak` does over and over."""
    outcome = attempt(seed, near)
    assert not outcome.problem
    assert outcome.ended_after_s < 15


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM]
)
def test_a_signal_ends_every_task_and_keeps_the_samples(
    tmp_path: Path, number: signal.Signals
) -> None:
    output, logs = tmp_path / "out.json", tmp_path / "out.logs"
    with subprocess.Popen(
        [SCALE, *COMMAND, "-o", output],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until(lambda: bool(kept(output)), 120)
        began = time.monotonic()
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
        assert time.monotonic() - began < 15
    assert process.returncode == 130, err
    assert "Traceback" not in err
    wait_until(lambda: not tasks(logs), 10)
    found = read_calibration(output)
    assert not found.complete
    assert found.bursts
    assert not journal_path(output).exists()


@pytest.mark.parametrize("after_s", [0.8, 2.5])
def test_ctrl_c_of_a_terminal_reaches_all_processes_and_one_answers(
    near: Path, tmp_path: Path, after_s: float
) -> None:
    """While the fork server starts and imports, which would show where it was."""
    with subprocess.Popen(
        [SCALE, *COMMAND, "-o", tmp_path / "out.json"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"TMPDIR": str(near)},
    ) as process:
        wait_until(lambda: bool(list(near.iterdir())), 60)
        time.sleep(after_s)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "scale: error: interrupted"
    assert "Traceback" not in err
    assert "KeyboardInterrupt" not in err
    assert list(near.iterdir()) == []
    # Logs that nobody wrote are no folder to be left behind.
    assert all(list(folder.iterdir()) for folder in tmp_path.glob("*.logs"))


def test_a_killed_calibration_goes_on_to_its_end(tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    command = [str(SCALE), "calibrate", "--quick", "--only", "noop,fetch", "-o", str(output)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: len(kept(output)) > 5, 120)
        process.kill()
    wait_until(lambda: not tasks(tmp_path / "out.logs"), 15)
    before = kept(output)
    assert not output.exists()
    done = subprocess.run(
        [*command, "--resume"], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    assert before < kept(output)
    assert read_calibration(output).complete
    assert not journal_path(output).exists()


def test_without_tensorflow_the_command_says_how_to_install_it(tmp_path: Path) -> None:
    """TensorFlow hidden from one process: as on a laptop with `pip install scale` alone."""
    hide = (
        "import sys, importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'tensorflow' else real(name, *a)\n"
        "from nworkers.cli.app import main; sys.argv[0] = 'scale'; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", hide, "calibrate", "-o", tmp_path / "x.json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "pip install 'nworkers[tf]'" in done.stderr
    assert not (tmp_path / "x.json").exists()
