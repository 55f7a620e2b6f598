"""Every command's answer at every width; commands in it can be copied from the screen."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from nworkers.cli.shown import calibration_text, console
from nworkers.cli.shown.sheet import Entry, Order, Sheet
from nworkers.cli.shown.terminal import Terminal
from nworkers.cli.shown.wrapping import display_width
from nworkers.models.files.store import write_record
from nworkers.models.findings.calibration_answer import calibration_answer
from nworkers.models.findings.weak_parameters import Remedy
from nworkers.models.fitting.fit import fit_profile
from nworkers.simulator.answers import answer_calibrated
from tests.cli.conftest import Run
from tests.support.measurements import measurement
from tests.support.synthetic import synthetic

JOB = ("--workload", "模型.toml", "--strategy", "ps-async")
COMMANDS = [
    ("predict", "--workers", "1,2,4", *JOB),
    ("predict", "--settings", *JOB),
    ("breakeven", "--max-workers", "3", "--price-per-host-hour", "1", *JOB),
    ("breakeven", "--max-workers", "3", "--vs", "--link 10gbit", *JOB),
    ("explain", "--workers", "2", *JOB),
    ("solve", "batch", "--workers", "2", *JOB),
    ("solve", "strategy", "--workers", "2", *JOB),
    ("next", "--workers", "2"),
    ("models",),
    ("doctor",),
    (),
    ("fit", "samples.json", "--draws", "20"),
    ("fit", "nccl.txt"),
    ("fit", "laws.csv"),
    (
        "validate",
        "--measured",
        "measured.json",
        "--workers",
        "2",
        "--calibration",
        "loopback-2core",
    ),
    ("sweep", "sweep.toml", "-o", "rows.jsonl", "--jobs", "1"),
]
NCCL = Path(__file__).parents[2] / "support" / "samples" / "nccl.txt"
MODEL = """name = "模型"
flops_per_sample = 100000

[[variables]]
name = "dense/kernel"
shape = [256, 128]
"""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:2]) or "scale")
def test_no_line_is_wider_than_the_terminal(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    (tmp_path / "模型.toml").write_text(MODEL, encoding="utf-8")
    (tmp_path / "nccl.txt").write_bytes(NCCL.read_bytes())
    (tmp_path / "laws.csv").write_text("workers,samples_per_s\n1,100\n2,190\n4,360\n")
    (tmp_path / "sweep.toml").write_text("workers = [1, 2]\nbatch = [1, 64]\n")
    measurement(tmp_path / "measured.json", 6.0)
    if "samples.json" in command:
        write_record(tmp_path / "samples.json", synthetic(rounds=2), force=False)
    sheets: list[Sheet] = []
    monkeypatch.setattr(console, "show", sheets.append)
    done = run(*command)
    assert done.code == 0 or command[0] in ("doctor", "validate"), done.err
    assert sheets, done.err
    (sheet,) = sheets
    assert_fits(sheet)


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_no_line_of_a_calibration_s_end_is_wider(rounds: int) -> None:
    taken = synthetic(rounds=rounds)
    made = replace(taken, profile=fit_profile(taken, draws=20))
    answer, curve = calibration_answer(made), answer_calibrated(made)
    assert curve is not None
    output = Path("folder/of mine/模型.json")
    assert_fits(calibration_text.report(answer, output, curve))
    assert_fits(calibration_text.short_report(answer, output, curve))
    assert_fits(calibration_text.report(replace(answer, rest=Remedy("resume")), None))


def assert_fits(sheet: Sheet) -> None:
    """No line is wider than a terminal has columns, and none of its text is lost."""
    for width in (40, 60, 80, 120):
        shown = sheet.laid(Terminal(width))
        wide = [line for line in shown.splitlines() if display_width(line) > width]
        # A word that is wider than the screen stays whole in a command alone.
        assert all(line.endswith(" \\") or len(line.split()) == 1 for line in wide), wide
        assert "Not shown: " in shown or characters(shown) == characters(str(sheet))


def test_a_command_prints_as_it_is_only_what_programs_read() -> None:
    """All else is laid out for the terminal."""
    commands = Path(__file__).parents[3] / "cli" / "commands"
    plain = [path.stem for path in commands.glob("*.py") if "console.emit(" in path.read_text()]
    assert plain == ["completion"]


def characters(text: str) -> Counter[str]:
    """What stands there, wherever lines are broken."""
    return Counter(c for c in text if c.isalnum())


def test_an_order_can_be_copied() -> None:
    order = Order("At batch 512, 3 workers win:", "scale predict --batch 512 --vs '--link 10gbit'")
    assert str(Sheet(order)) == f"At batch 512, 3 workers win: {order.command}"
    said, *command = Sheet(order).laid(Terminal(40)).splitlines()
    assert said == "At batch 512, 3 workers win:"
    assert all(line.endswith(" \\") for line in command[:-1])
    assert shlex.split(re.sub(r"\\\n", "", "\n".join(command))) == shlex.split(order.command)


def test_an_entry_stands_beside_its_name_where_there_is_room() -> None:
    sheet = Sheet(Entry("ok  cores   ", "2 of them, of which other programs use a half"))
    assert sheet.laid(Terminal(40)).splitlines()[1] == " " * 12 + "programs use a half"
    assert str(sheet).count("\n") == 0


def test_breaks_of_a_paragraph_go_where_lines_break_anyway() -> None:
    paragraph = "some words that\nstand on two lines, of which one is longer than forty"
    assert Sheet(paragraph).laid(Terminal(60)) == paragraph
    first, *_ = Sheet(paragraph).laid(Terminal(40)).splitlines()
    assert first == "some words that stand on two lines, of"
