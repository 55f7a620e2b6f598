"""Completion, asked for by each shell that is here as it asks when somebody presses Tab."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Run

BIN = Path(sys.executable).parent
#: Words after ``scale``, the last one unfinished, and what it becomes.
ASKED = [
    ("pred", "predict"),
    ("plot breake", "breakeven"),
    ("predict --strat", "--strategy"),
    ("predict --strategy allr", "allreduce"),
    ("plot breakeven --plac", "--placement"),
    ("breakeven --workload resnet-5", "resnet-50"),
    ("breakeven --calibration mi", "mine.json"),
]


@pytest.mark.parametrize(("line", "word"), ASKED)
def test_the_word_that_is_meant(run: Run, network: Path, line: str, word: str) -> None:
    network.rename("mine.json")
    assert run("completion", "words", "--", *line.split(" ")).out.splitlines() == [word]


def test_all_commands_and_what_is_none(run: Run) -> None:
    assert {"predict", "plot", "calibrate"} <= set(run("completion", "words").out.split())
    assert run("completion", "words", "--", "fit", "").out == ""
    assert run("completion", "words", "--", "predict", "--seed", "").out == ""
    assert run("completion", "words", "--", "nonsense", "x").out == ""


def test_a_shell_that_is_none(run: Run) -> None:
    assert "allowed: bash, zsh, fish" in run("completion", "basch").error
    assert "one shell" in run("completion", "bash", "zsh").error


def asked(shell: str, script: str, cwd: Path) -> list[str]:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"NOT TESTED: {shell} is not here")
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    words = [
        found,
        *(["--norc"] if shell == "bash" else ["-f"] if shell == "zsh" else ["--no-config"]),
    ]
    done = subprocess.run(
        [*words, "-c", script], cwd=cwd, env=environment,
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split()


#: What makes each complete, in a session that reads no file of the user's.
SESSIONS = {
    "bash": (["--norc", "-i"], 'eval "$(scale completion bash)"'),
    "zsh": (["-f", "-i"], 'autoload -Uz compinit; compinit -u -D; eval "$(scale completion zsh)"'),
    "fish": (["--no-config", "-i"], "scale completion fish | source"),
}


@pytest.mark.parametrize("shell", SESSIONS)
def test_tab_completes(shell: str, tmp_path: Path) -> None:
    """A command, and a file where no word is known."""
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"NOT TESTED: {shell} is not here")
    (tmp_path / "mine.json").touch()
    options, setup = SESSIONS[shell]
    process, ours = pty.fork()
    if process == 0:
        os.chdir(tmp_path)
        environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "TERM": "xterm"}
        os.execve(found, [found, *options], environment)

    def typed(text: str, mark: str) -> None:
        os.write(ours, text.encode())
        said, end = b"", time.monotonic() + 30
        while mark.encode() not in said:
            assert time.monotonic() < end, said
            if select.select([ours], [], [], 0.1)[0]:
                said += os.read(ours, 4096)

    try:
        typed(f"{setup}; echo re''ady\n", "ready\r\n")
        typed("scale pred\t", "ict")
        typed("\x15scale plot fit mi\t", "ne.json")
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(ours)


@pytest.mark.parametrize(
    ("line", "word"), [("pred", "predict"), ("predict --strategy allr", "allreduce")]
)
def test_bash_completes(tmp_path: Path, line: str, word: str) -> None:
    words = ["scale", *line.split()]
    script = (
        f'eval "$(scale completion bash)"; COMP_WORDS=({" ".join(words)}); '
        f"COMP_CWORD={len(words) - 1}; complete -p scale >/dev/null; _scale; "
        'echo "${COMPREPLY[@]}"'
    )
    assert asked("bash", script, tmp_path) == [word]


@pytest.mark.parametrize(
    ("line", "word"),
    [("pred", "predict"), ("predict --strategy allr", "allreduce"), ("plot fit min", "mine.json")],
)
def test_fish_completes(tmp_path: Path, line: str, word: str) -> None:
    for name in ("predicted.txt", "allreduced.txt", "mine.json"):
        (tmp_path / name).touch()
    script = f'scale completion fish | source; complete -C "scale {line}"'
    assert asked("fish", script, tmp_path) == [word]


@pytest.mark.parametrize(
    ("line", "word"), [("pred", "predict"), ("predict --strategy allr", "allreduce")]
)
def test_zsh_completes(tmp_path: Path, line: str, word: str) -> None:
    words = ["scale", *line.split()]
    script = (
        'compdef() { :; }; compadd() { shift; print -- "$@" }; eval "$(scale completion zsh)"; '
        f"words=({' '.join(words)}); CURRENT={len(words)}; _scale"
    )
    assert asked("zsh", script, tmp_path) == [word]
