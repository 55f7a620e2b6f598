"""Whatever is asked, of whatever files: an answer or one line, soon, and in little memory."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.support.estimates import outside
from tests.support.forked import MEMORY_BYTES, Commands, Ended
from tests.support.questions import COMMANDS, Ask

#: Done, a check did not hold, bad input, the hardware failed, interrupted.
CODES = {0, 1, 2, 3, 130}
#: Examples of all commands together; `make soak` asks 10,000.
IN_CI = 147
QUESTIONS = int(os.environ.get("SCALE_QUESTIONS", IN_CI))
MESSAGE_CHARACTERS = 400


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    with Commands() as running:
        yield running


def check(commands: Commands, ask: Ask) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arguments = ask.arguments(folder)
        ended = commands.run(arguments, folder)
        problem = wrong(ended, arguments, folder)
    shown = " ".join(word if len(word) < 60 else word[:60] + "…" for word in arguments)
    assert not problem, f"scale {shown!a}: {problem}\n{ended.err[-2000:]}"


def wrong(ended: Ended, arguments: list[str], folder: Path) -> str:
    """What is not as the contract has it; "" for nothing."""
    if ended.code not in CODES:
        return f"exit code {ended.code} after {ended.cpu_s:.1f} s"
    if "Traceback" in ended.err or "Warning" in ended.err:
        return "a traceback or a warning"
    if ended.memory_bytes > MEMORY_BYTES:
        return f"{ended.memory_bytes / 2**20:.0f} MiB of memory"
    if list(folder.rglob("*.tmp")):
        return "half a file"
    errors = [line for line in ended.err.splitlines() if line.startswith("scale: error: ")]
    if len(errors) != (ended.code > 1):
        return f"{len(errors)} errors with exit code {ended.code}"
    if errors and (ended.err.splitlines()[-1] != errors[0] or _other_than_error(ended)):
        return "more than an error"
    if errors and len(errors[0]) > MESSAGE_CHARACTERS + len("scale: error: "):
        return f"an error of {len(errors[0])} characters"
    if ended.code < 2 and "--json" in arguments and "--help" not in arguments:
        document = json.loads(ended.out, parse_constant=_unreal)
        if found := outside(document):
            return f"an estimate beyond its interval: {found[0]}"
    return ""


def _other_than_error(ended: Ended) -> bool:
    """Whether stdout has something but the error as a document."""
    try:
        return bool(ended.out) and json.loads(ended.out)["exit_code"] != ended.code
    except (ValueError, KeyError, TypeError):
        return True


def _unreal(text: str) -> Any:
    raise AssertionError(f"{text} in a document")


@pytest.mark.parametrize("command", COMMANDS)
def test_any_question_has_an_answer(commands: Commands, command: str) -> None:
    @settings(
        max_examples=QUESTIONS // len(COMMANDS),
        deadline=None,
        derandomize=QUESTIONS == IN_CI,  # CI asks the same each time, a soak does not
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(COMMANDS[command])
    def ask(question: Ask) -> None:
        check(commands, question)

    ask()
