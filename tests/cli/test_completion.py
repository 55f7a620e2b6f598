"""Completion, asked for by each shell that is here as it asks when somebody presses Tab."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run

BIN = Path(sys.executable).parent
#: Words after ``scale``, the last one unfinished, and what it becomes.
ASKED = [
    ("pred", "predict"),
    ("plot b", "breakeven"),
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
    ("line", "word"), [("pred", "predict"), ("predict --strategy allr", "allreduce")]
)
def test_fish_completes(tmp_path: Path, line: str, word: str) -> None:
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
