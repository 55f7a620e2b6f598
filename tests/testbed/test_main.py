"""`python -m tests.testbed`, and what becomes of one that is interrupted or killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.testbed.__main__ import main
from tests.testbed.hosts import hosts, unavailable
from tests.testbed.namespaces import NAMED

ROOT = Path(__file__).parent.parent.parent
PROGRAM = [sys.executable, "-m", "tests.testbed"]

needs_root = pytest.mark.root
needs_hosts = pytest.mark.skipif(bool(unavailable()), reason=f"NOT TESTED: {unavailable()}")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def staying(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The program, waiting for Ctrl-C with its hosts up."""
    with subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert "Up until Ctrl-C.\n" in iter(process.stdout.readline, "")
            assert namespaces(process.pid)
            yield process
        finally:
            process.kill()


def namespaces(owner: int) -> set[str]:
    return {path.name for path in NAMED.glob(f"scale{owner}[sh]*")}


def running_in(namespace: str) -> list[int]:
    done = subprocess.run(
        ["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False
    )
    return [int(word) for word in done.stdout.split()]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--hosts", "0"], "from 1 to 200 hosts, not 0"),
        (["--hosts", "two"], "argument --hosts: invalid int value: 'two'"),
        (["--rate-mbit", "fast"], "argument --rate-mbit: invalid rates value: 'fast'"),
        (["--rate-mbit", "1,2,3"], "3 rates for 2 hosts"),
        (["--delay-ms", "-2"], "a delay is 0 ms or more, not -2"),
        (["--", "no-such-command"], "no such command: no-such-command"),
        (["--speed", "3"], "unrecognized arguments: --speed"),
    ],
)
def test_bad_input_takes_one_line_to_tell(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert complaint in line


@pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: elsewhere Linux is missed first")
def test_without_root_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main([]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("network namespaces need root")


@needs_root
@needs_hosts
def test_a_command_gets_the_hosts_and_gives_the_exit_status() -> None:
    script = (
        "echo $TESTBED_HOSTS: $TESTBED_ADDRESSES;"
        " ip netns exec $TESTBED_NAMESPACE2 ip -brief addr show eth0; exit 7"
    )
    done = run("--hosts", "3", "--delay-ms", "1", "--", "sh", "-c", script)
    assert done.returncode == 7, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "3: 10.77.0.1 10.77.0.2 10.77.0.3"
    assert "10.77.0.3/24" in second
    assert run("--", "sh", "-c", "kill -9 $$").returncode == 128 + signal.SIGKILL


@needs_root
@needs_hosts
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_it_stays_until_told_and_leaves_nothing(number: signal.Signals, status: int) -> None:
    with staying("--hosts", "2", "--delay-ms", "1") as process:
        process.send_signal(number)
        assert process.wait(20) == status
        assert namespaces(process.pid) == set()


@needs_root
@needs_hosts
def test_it_ends_when_the_forwarder_dies() -> None:
    with staying("--delay-ms", "1") as process:
        forwarder = running_in(f"scale{process.pid}sw")
        if not forwarder:
            pytest.skip("NOT TESTED: this kernel has netem, which takes no forwarder")
        os.kill(forwarder[0], signal.SIGKILL)
        assert process.wait(20) == 3
        assert process.stderr is not None
        (line,) = process.stderr.read().splitlines()
        assert "the forwarder that joins the hosts ended with status -9" in line
        assert namespaces(process.pid) == set()


@needs_root
@needs_hosts
def test_what_a_killed_owner_left_goes_at_the_next_start() -> None:
    with staying("--delay-ms", "1") as process:
        forwarder = running_in(f"scale{process.pid}sw")
        process.kill()
        process.wait(20)
        began = time.monotonic()
        while any(Path(f"/proc/{pid}/exe").exists() for pid in forwarder):
            assert time.monotonic() - began < 5.0, "the forwarder outlives its owner"
            time.sleep(0.01)
        with hosts(1, rate_mbit=10):
            assert namespaces(process.pid) == set()
