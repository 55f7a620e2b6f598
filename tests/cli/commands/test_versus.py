"""Options in quotes and in files, beside the job as asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

SMALL = ("breakeven", "--max-workers", "3")


def answer(run: Run, *options: str) -> dict[str, Any]:
    done = run(*SMALL, *options, "--json")
    assert done.code == 0
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_each_option_has_a_line_and_the_fastest_is_the_first_line(run: Run) -> None:
    done = run(*SMALL, "--vs", "--link 10gbit --batch 256", "--vs", "--what-if overlap")
    assert done.code == 0
    first, *rest = done.out.splitlines()
    assert first.startswith("--link 10gbit --batch 256, with ")
    assert any(line.startswith("what is asked") for line in rest)
    assert any(line.startswith("--what-if overlap") for line in rest)


def test_strategies_side_by_side(run: Run) -> None:
    found = answer(run, "--strategy", "ps-async,ps-sync,allreduce")
    assert [row["option"] for row in found["options"]] == [
        "--strategy ps-async", "--strategy ps-sync", "--strategy allreduce",
    ]  # fmt: skip
    assert [row["strategy"] for row in found["options"]] == ["ps-async", "ps-sync", "allreduce"]
    assert found["options"][0]["ratio"] == 1.0
    assert found["rows"][0]["strategy"] == "ps-async"


def test_a_scenario_s_file_is_the_same_as_its_options(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "purchase.toml"
    path.write_text('name = "faster cards"\nlink = "10gbit"\nwhat_if = ["overlap"]\nworkers = 2\n')
    found = answer(run, "--scenario", str(path))["options"][1]
    said = answer(run, "--vs", "--link 10gbit --what-if overlap --workers 2")["options"][1]
    assert found.pop("option") == "faster cards"
    assert said.pop("option") == "--link 10gbit --what-if overlap --workers 2"
    assert found == said
    assert found["workers"] == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("--link", "allowed: a value after --link"),
        ("link 10gbit", "--vs: got 'link'; allowed: options of predict in quotes"),
        ("--lnk 10gbit", "did you mean --link?"),
        ("--force", "--vs: got '--force'; allowed: options of predict"),
        ("--batch 1 --batch 2", "allowed: --batch once"),
        ("--batch '1", "No closing quotation"),
        ("", "allowed: options of predict in quotes"),
        ("--batch many", "--batch: got many; allowed: an integer"),
        ("--seed 7", "--seed: got several; allowed: one for all options"),
    ],
)
def test_what_is_no_option_is_refused(run: Run, text: str, words: str) -> None:
    done = run(*SMALL, "--vs", text)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour = 1", "colour"),
        ("batch = true", "batch: got True; allowed: a text or a number"),
        ('batch = "many"', "--batch: got many"),
        ("batch =", "TOML"),
    ],
)
def test_a_file_that_states_no_option_is_refused(
    run: Run, tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "s.toml"
    path.write_text(text + "\n")
    done = run(*SMALL, "--scenario", str(path))
    assert (done.code, done.out) == (2, "")
    assert words in done.err
