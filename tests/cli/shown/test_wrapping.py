from __future__ import annotations

import subprocess

import pytest

from nworkers.cli.shown.wrapping import display_width, wrapped, wrapped_command


@pytest.mark.parametrize(
    ("text", "columns"),
    [("plain", 5), ("1.83× – µs", 10), ("模型", 4), ("e\u0301", 1), ("🚀", 2), ("", 0)],
)
def test_columns_are_those_of_a_terminal(text: str, columns: int) -> None:
    assert display_width(text) == columns


def test_lines_break_at_blanks_and_within_words_that_are_wider() -> None:
    assert wrapped("spends 50 % on it", 10, "  ") == ["spends", "  50 % on", "  it"]
    assert wrapped("模型模型 x", 5) == ["模型", "模型", "x"]
    assert wrapped("", 40) == [""]
    assert wrapped("  - a b", 5, "    ") == ["  - a", "    b"]


@pytest.mark.parametrize("width", [12, 20, 40, 200])
def test_a_shell_reads_a_broken_command_as_it_was(width: int) -> None:
    command = """printf '%s\\n' --vs "--link 10gbit" 'it'"'"'s  here' a\\ b -n 32; printf end"""
    whole, broken = (
        subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True).stdout
        for text in (command, "\n".join(wrapped_command(command, width)))
    )
    assert broken == whole
    assert whole.endswith("32\nend")
