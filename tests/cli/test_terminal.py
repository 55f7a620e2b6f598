"""A real terminal: its width and its colours; and what goes plain."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import textwrap
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from nworkers.cli import app, help_lines
from nworkers.cli.shown import terminal
from tests.support.without_kernel import other_than_simpy

ROOT = Path(__file__).parents[2]
SCALE = Path(sys.executable).with_name("scale")
PREDICT = ("predict", "--workers", "1,2")
#: What would have a say in it.
ASKED = ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TERM")


def seen(*arguments: str, columns: int = 40, **more: Any) -> str:
    """What a terminal of so many columns gets."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    plain = {name: value for name, value in os.environ.items() if name not in ASKED}
    process = subprocess.Popen(
        [SCALE, *arguments], stdout=theirs, stderr=theirs, env={**plain, "TERM": "xterm", **more}
    )
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, 4096):
            said += part
    except OSError:
        pass  # so ends a terminal
    os.close(ours)
    process.wait(timeout=30)
    return said.decode().replace("\r\n", "\n")


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def test_a_terminal_gets_colours_and_lines_that_fit() -> None:
    said = seen(*PREDICT)
    assert "\x1b[1;31m2 workers train " in said  # the answer
    assert "\x1b[1;31m0 %\x1b[0m" in said  # it never wins
    assert "\x1b[33mwaiting for the shared\x1b[0m" in said or "\x1b[33mtransfer of" in said
    assert "\x1b[33mnote:\x1b[0m" in said
    assert max(map(len, plain(said).splitlines())) <= 40
    assert "Not shown: " in plain(said)


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("command", ["", "predict", "calibrate", "plot validation"])
def test_help_fits(command: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    said = StringIO()
    with redirect_stdout(said):
        assert app.run([*command.split(), "--help"]) == 0
    lines = said.getvalue().splitlines()
    assert max(map(len, lines)) <= min(columns, 80)
    assert lines[0].startswith(f"Usage: scale {command}".rstrip())
    # What is said of an option is not a column of single words, and none of these is broken.
    assert len(lines) * min(columns, 80) < 2.6 * len(said.getvalue())
    # Names stay whole, and what a class is called is no word for a reader.
    whole = {"calibrate": "MultiWorkerMirroredStrategy", "predict": "worker-failures=0.5,3m"}
    assert whole.get(command, "") in said.getvalue()
    assert "<" not in said.getvalue()


def test_the_page_shows_what_a_narrow_terminal_gets() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    command, shown = re.findall(
        r"\$ scale (.*)\n\nAt 40 columns it has this table:\n\n((?:    .*\n)+)", page
    )[0]
    assert textwrap.dedent(shown) in seen(*command.split(), NO_COLOR="1")


@pytest.mark.parametrize("more", ["NO_COLOR=1", "TERM=dumb", "NO_COLOR=1 FORCE_COLOR=1"])
def test_no_colours_where_nobody_wants_them(more: str) -> None:
    environment: dict[str, Any] = dict(one.split("=") for one in more.split())
    said = seen("predict", "--workers", "x", **environment)
    assert said.startswith("scale: error: ")
    assert "\x1b" not in said


def test_an_error_is_red_and_columns_are_those_stated() -> None:
    said = seen("predict", "--workers", "x", columns=200, COLUMNS="50")
    assert said.startswith("\x1b[1;31mscale: error:\x1b[0m --workers: got x;")
    assert max(map(len, plain(said).splitlines())) <= 50


def test_a_pipe_is_plain_and_whole_and_coloured_by_force_alone() -> None:
    def piped(**more: str) -> tuple[str, str]:
        clean = {name: value for name, value in os.environ.items() if name not in ASKED}
        done = subprocess.run(
            [SCALE, *PREDICT], capture_output=True, text=True, check=True, timeout=60,
            env={**clean, "COLUMNS": "40", "TERM": "xterm", **more},
        )  # fmt: skip
        return done.stdout, other_than_simpy(done.stderr)

    (out, err), (forced, _) = piped(), piped(FORCE_COLOR="1")
    assert "\x1b" not in out + err
    assert "Not shown" not in out
    assert max(map(len, out.splitlines())) > 100
    assert len(err.splitlines()) == 1
    assert "\x1b" in forced
    assert plain(forced) == out


def test_what_programs_read_is_as_it_is_on_any_terminal() -> None:
    assert seen("completion", "bash", FORCE_COLOR="1").startswith("_scale() {\n    local IFS=")
    assert '"speedup": ' in seen(*PREDICT, "--json", FORCE_COLOR="1")


def test_help_is_as_narrow_as_all_else() -> None:
    assert help_lines.NARROWEST == terminal.NARROWEST
