"""What all commands have in common: help, examples, errors as documents, and how much is said."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import typer

from nworkers.cli.tree import app
from nworkers.models.files.journal import journal_path
from tests.cli.conftest import Run


def leaves(command: Any, *path: str) -> list[tuple[tuple[str, ...], Any]]:
    """Every command beneath one, with the words that name it."""
    under = getattr(command, "commands", None)
    if under is None:
        return [(path, command)]
    return [leaf for name, one in under.items() for leaf in leaves(one, *path, name)]


COMMANDS = leaves(typer.main.get_command(app))


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(p) for p, _ in COMMANDS])
def test_every_command_has_a_heading_a_sentence_and_an_example(
    run: Run, path: tuple[str, ...], command: Any
) -> None:
    done = run(*path, "--help")
    assert done.code == 0
    assert f"Example: scale {' '.join(path)}" in " ".join(done.out.split())
    (sentence, *_) = command.help.split("\n\n")
    assert len(sentence.split()) <= 25
    listed = run("--help").out if len(path) == 1 else run(path[0], "--help").out
    assert sentence.split(". ")[0].rstrip(".") in " ".join(listed.split())
    if len(path) == 1:
        assert "\nCommands:" not in listed
        heading = command.rich_help_panel
        assert f"\n{heading if isinstance(heading, str) else 'Ask'}:\n" in listed


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(run: Run, option: str) -> None:
    assert run(option).out.startswith("scale ")


def test_alone_it_names_the_next_step(run: Run, network: Path) -> None:
    network.rename("my file.json")
    said = run().out
    assert "scale breakeven --calibration 'my file.json'" in said
    assert "scale predict --workers 1-8 --calibration 'my file.json'" in said
    Path("my file.json").unlink()
    Path("other.json").write_text('{"kind": "calibrations"}')
    said = run().out
    assert "scale calibrate --quick -o my.json" in said
    assert "--calibration" not in said
    journal_path(Path("begun.json")).write_text("")
    assert "scale calibrate --resume -o begun.json" in run().out


@pytest.mark.skipif(os.name != "posix", reason="NOT TESTED: pipes with names")
def test_alone_it_waits_for_no_file(run: Run) -> None:
    os.mkfifo("pipe.json")
    assert "No calibration" in run().out


@pytest.mark.parametrize(
    ("arguments", "field", "got", "allowed"),
    [
        (["predict", "--workers", "ten"], "--workers", "ten", "an integer from 1 to 1000000"),
        (["predict", "--workers", "1", "--wokers"], "--wokers", None, None),
        (["breakeven", "--hosts", "2", "--placement", "shared"], "--hosts", None, "one of the two"),
    ],
)
def test_an_error_is_a_document_too(
    run: Run, arguments: list[str], field: str, got: str | None, allowed: str | None
) -> None:
    done = run(*arguments, "--json")
    document = json.loads(done.out)
    assert document["exit_code"] == done.code == 2
    error = document["error"]
    assert error["field"] == field
    assert got is None or error["got"] == got
    assert allowed is None or error["allowed"].startswith(allowed)
    assert done.err == f"scale: error: {error['message']}\n"
    assert run(*arguments).out == ""


def test_a_defect_is_a_document_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nworkers.simulator.answers.predictions", None)
    document = json.loads(run("predict", "--workers", "2", "--json").out)
    assert document["exit_code"] == 70
    assert document["error"]["field"] is None


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("1-4", [1, 2, 3, 4]),
        ("1..4", [1, 2, 3, 4]),
        ("8,1..2, 4-5", [1, 2, 4, 5, 8]),
        ("3-3,3", [3]),
    ],
)
def test_ranges_of_workers(run: Run, network: Path, text: str, counts: list[int]) -> None:
    done = run("predict", "--calibration", network, "--workers", text, "--json")
    assert [row["workers"] for row in json.loads(done.out)["rows"]] == counts


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("4-1", "the smaller number first: 1-4"),
        ("1-100000", "at most 1000 counts"),
        ("1-900,2000-2900", "at most 1000 counts"),
        ("1-2-3", "an integer"),
        ("1..x", "an integer"),
        ("-3", "an integer"),
        ("1-", "an integer"),
        ("1...3", "an integer"),
    ],
)
def test_ranges_that_are_none(run: Run, text: str, allowed: str) -> None:
    error = run("predict", f"--workers={text}").error
    assert error.startswith("--workers: got ")
    assert allowed in error


def test_quiet_leaves_the_answer_alone(run: Run) -> None:
    said = run("predict", "--workers", "2")
    assert "note: this is not your hardware" in said.err
    quiet = run("predict", "--workers", "2", "-q")
    assert (quiet.out, quiet.err) == (said.out, "")
    # It holds for that command alone.
    assert run("predict", "--workers", "2").err == said.err
    assert "--quiet beside -v/--verbose" in run("predict", "--workers", "2", "-q", "-v").error


def test_rows_come_as_lines(run: Run, network: Path) -> None:
    asked = ("predict", "--calibration", network, "--workers", "1-3")
    lines = [json.loads(line) for line in run(*asked, "--jsonl").out.splitlines()]
    assert lines == json.loads(run(*asked, "--json").out)["rows"]
    asked = ("breakeven", "--calibration", network, "--max-workers", "4")
    *rows, last = (json.loads(line) for line in run(*asked, "--jsonl").out.splitlines())
    assert {**last, "rows": rows} == json.loads(run(*asked, "--json").out)
    assert json.loads(run(*asked, "--ps", "0", "--jsonl").out)["exit_code"] == 2
    assert "--json beside --jsonl" in run(*asked, "--json", "--jsonl").error
