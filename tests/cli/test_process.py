"""What only a process of its own shows: signals, pipes, and nothing left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCALE = Path(sys.executable).with_name("scale")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_interrupted(network: Path, tmp_path: Path, number: signal.Signals) -> None:
    picture = tmp_path / "curve.png"
    long: list[str | Path] = ["breakeven", "--scaling", "weak", "--max-workers", "10000"]
    process = subprocess.Popen(
        [SCALE, *long, "--plot", picture, "--calibration", network],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr
    # Not after so many seconds: on a busy machine it would still import, where an interrupt may be
    # lost.
    while b"simulating" not in (line := process.stderr.readline()):
        assert line
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert out == b""
    assert err.splitlines()[-1] == b"scale: error: interrupted"
    assert b"Traceback" not in err
    assert not picture.exists()


def test_a_reader_that_stops_reading(network: Path) -> None:
    process = subprocess.Popen(
        [SCALE, "predict", "--workers", "2", "--calibration", network],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=10) == 0


def test_stdout_is_one_document(network: Path) -> None:
    done = subprocess.run(
        [SCALE, "breakeven", "--max-workers", "3", "--json", "--calibration", network],
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout)["max_workers"] == 3
