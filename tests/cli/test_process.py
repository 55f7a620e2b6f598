"""What only a process of its own shows: signals, pipes, and nothing left behind."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from nworkers.simulator.engine.engines import IS_COMPILED
from tests.support.without_kernel import other_than_simpy

SCALE = Path(sys.executable).with_name("scale")
PREDICT = "predict --workers 2 --calibration $PROFILE"
ANSWERS = ["--help", "--version", PREDICT, f"{PREDICT} --json"]


def shell(
    words: str, streams: str, profile: Path | None = None, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`scale` with its streams as a shell makes them; the exit code is that of `scale`."""
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; '{SCALE}' {words} {streams}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"PROFILE": str(profile)} | dict(more or {}),
    )
    done.stderr = other_than_simpy(done.stderr)
    return done


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
    *_, known, last = err.splitlines()
    assert known.startswith(b"so far: ")
    assert known.endswith(b" times one process")
    assert last == b"scale: error: interrupted"
    assert b"Traceback" not in err
    assert not picture.exists()


def test_an_interrupted_search_tells_between_what_the_answer_is(tmp_path: Path) -> None:
    workers = "500" if IS_COMPILED else "64"
    job = ["--workload", "resnet-50", "--scaling", "weak", "--link", "10gbit"]
    process = subprocess.Popen(
        [SCALE, "solve", "batch", "--workers", workers, *job],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    while "solving: " not in (line := process.stderr.readline()):
        assert line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (130, "")
    known, last = err.splitlines()[-2:]
    one = r"a batch of \d+ is (not )?enough"
    assert re.fullmatch(f"so far: {one}(, {one})?", known)
    assert last == "scale: error: interrupted"


def watched(pid: int) -> bool:
    """Whether a process has a handler for SIGTERM, which Python alone never has."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["predict", "--workers", "2", "--json"],
        ["breakeven", "--max-workers", "2", "--plot", "curve.png"],
    ],
    ids=lambda command: command[0],
)
def test_interrupted_at_any_moment(tmp_path: Path, command: list[str]) -> None:
    """While it imports, simulates, draws, writes, and ends: no moment is without an answer."""
    began = time.monotonic()
    whole = subprocess.run(
        [SCALE, *command], cwd=tmp_path, capture_output=True, timeout=60, check=True
    ).stdout
    taken_s, codes, made = time.monotonic() - began, set(), tmp_path / "curve.png"
    moments = 7
    for k in range(moments):
        made.unlink(missing_ok=True)
        number = (signal.SIGINT, signal.SIGTERM)[k % 2]
        process = subprocess.Popen(
            [SCALE, *command], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        while not watched(process.pid):
            time.sleep(0.001)
        time.sleep(1.2 * taken_s * k / moments)
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
        shown = (b"note: ", b"simulating: ", b"predicting: ", b"so far: ")
        lines = [line for line in err.splitlines() if not line.startswith(shown)]
        codes.add(process.returncode)
        assert process.returncode in (0, 130), err
        assert lines == ([] if process.returncode == 0 else [b"scale: error: interrupted"])
        assert out in (b"", whole)
        assert {path.name for path in tmp_path.iterdir()} <= {"curve.png"}
        assert not made.exists() or made.read_bytes().endswith(b"IEND\xaeB`\x82")
    assert 130 in codes


def test_a_terminal_gets_its_cursor_back(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [SCALE, "breakeven", "--scaling", "weak", "--max-workers", "10000"],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(theirs)
    said = b""
    while b"simulating" not in said:
        said += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    try:
        while part := os.read(ours, 4096):
            said += part
    except OSError:
        pass  # so ends a terminal
    os.close(ours)
    assert process.wait(timeout=10) == 130
    assert b"\x1b[?25hso far: " in said
    assert said.endswith(b" times one process\r\nscale: error: interrupted\r\n")


@pytest.mark.parametrize("words", ANSWERS)
@pytest.mark.parametrize("reader", ["true", "head -c 1 >/dev/null"])
def test_a_reader_that_stops_reading(network: Path, words: str, reader: str) -> None:
    done = shell(words, f"| {reader}", network)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", ANSWERS)
@pytest.mark.parametrize(
    ("streams", "why"), [(">/dev/full", "No space left on device"), (">&-", "it is closed")]
)
def test_an_answer_that_cannot_be_written(
    network: Path, words: str, streams: str, why: str
) -> None:
    done = shell(words, streams, network)
    assert done.returncode == 2
    assert done.stderr == (
        f"scale: error: stdout: cannot be written ({why}); "
        "allowed: a file with room, a pipe or a terminal\n"
    )


@pytest.mark.parametrize("streams", ["2>&-", "2>/dev/full", "<&- 2>&-"])
def test_a_command_does_without_stderr(network: Path, streams: str) -> None:
    words = "predict --workers 2 --json"  # with a note, that the profile is a shipped one
    done = shell(words, streams)
    assert done.returncode == 0
    assert json.loads(done.stdout)["rows"]
    assert shell("predict --workers 0", streams).returncode == 2


def test_files_are_written_though_nobody_reads(network: Path, tmp_path: Path) -> None:
    """With the first three descriptors closed, no file is taken for a stream."""
    trace = tmp_path / "trace.json"
    done = shell(f"{PREDICT} --trace {trace}", "<&- >&- 2>&-", network)
    assert done.returncode == 2
    assert json.loads(trace.read_text())


def test_an_encoding_that_lacks_a_character(network: Path) -> None:
    """Empty for the encoding of a plain C locale."""
    text, document = (shell(asked, "", network).stdout for asked in (PREDICT, f"{PREDICT} --json"))
    for encoding in ("ascii", "latin-1", ""):
        said = {"PYTHONIOENCODING": encoding, "LC_ALL": "C", "PYTHONUTF8": "0"}
        said["PYTHONCOERCECLOCALE"] = "0"
        found = shell(PREDICT, "| iconv -f latin1 -t utf8", network, said)
        assert (found.returncode, found.stderr) == (0, "")
        shown, lacks = text, "–─█" if encoding == "latin-1" else "–─█×µ"
        for lacking, plain in zip(lacks, "--#xu", strict=False):
            shown = shown.replace(lacking, plain)
        assert found.stdout == shown
        assert shell(f"{PREDICT} --json", "", network, said).stdout == document
        assert shell("breakeven --help", "2>&1", None, said).stdout.isascii()


def test_stdout_is_one_document(network: Path) -> None:
    done = subprocess.run(
        [SCALE, "breakeven", "--max-workers", "3", "--json", "--calibration", network],
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout)["max_workers"] == 3
