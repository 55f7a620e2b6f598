"""`scale solve`: a value and its command, or why not; what it says in JSON."""

from __future__ import annotations

import json
import shlex

import pytest

from nworkers.cli.asked.what_if_options import what_if
from nworkers.simulator.decide.alternatives import WHAT_IFS
from tests.cli.conftest import Run

RESNET = ("--workload", "resnet-50", "--batch", "8")


def test_the_value_and_the_command_that_asks_for_it(run: Run) -> None:
    done = run("solve", "batch", "--workers", "2", *RESNET)
    said, tried, *_ = done.out.splitlines()
    assert said.startswith("The smallest batch at which 2 workers beat one process is ")
    assert said.endswith("; now it is 8.")
    program, *words = shlex.split(tried.removeprefix("Try: "))
    assert program == "scale"
    row = json.loads(run(*words, "--json").out)
    assert 1.0 <= row["speedup"] < 1.05
    assert str(row["global_batch"]) in said


def test_what_stands_in_the_way(run: Run) -> None:
    done = run("solve", "latency", "--workers", "2", *RESNET)
    assert done.code == 0
    assert done.out.startswith("Not possible: even without any latency, 2 workers reach 0.1")
    assert "held by transfer of variables" in done.out


def test_a_wire_that_is_enough(run: Run) -> None:
    asked = ("--workers", "4", "--workload", "resnet-50", "--batch", "128", "--target-speedup", "3")
    document = json.loads(run("solve", "bandwidth", *asked, "--json").out)
    assert document["possible"]
    assert document["unit"] == "bit/s"
    row = json.loads(run(*shlex.split(document["command"])[1:], "--json").out)
    assert row["speedup"] == pytest.approx(3.0, rel=0.02)


@pytest.mark.parametrize("what", ["strategy", "device"])
def test_tables_and_their_documents(run: Run, what: str) -> None:
    assert "\n─" in run("solve", what, "--workers", "2", *RESNET).out
    document = json.loads(run("solve", what, "--workers", "2", *RESNET, "--json").out)
    rows = document["ways" if what == "strategy" else "faster"]
    assert len(rows) >= 4
    if what == "strategy":
        # The command of each way gives its speed-up.
        way = rows[0]
        row = json.loads(run(*shlex.split(way["command"])[1:], "--json").out)
        assert row["speedup"] == way["speedup"]


def test_a_what_if_is_written_as_it_is_read() -> None:
    for text, _, fields in WHAT_IFS:
        parsed = what_if([text])
        assert all(getattr(parsed, name) == value for name, value in fields.items())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("batc", "--workers", "2"), "did you mean batch?"),
        (("batch", "--workers", "0"), "--workers: got 0"),
        (("batch", "--workers", "2", "--overhead", "1.5"), "--overhead: got 1.5"),
        (("batch", "--workers", "2", "--target-speedup", "-1"), "--target-speedup: got -1"),
        (
            ("batch", "--workers", "2", "--target-speedup", "2", "--overhead", "0.2"),
            "--overhead: got 0.2 beside --target-speedup",
        ),
        (("ps", "--workers", "2", "--strategy", "allreduce"), "--strategy: got allreduce"),
        (("latency", "--workers", "64"), "--workers: got 64"),
    ],
)
def test_what_makes_no_sense_is_one_line(run: Run, words: tuple[str, ...], said: str) -> None:
    done = run("solve", *words)
    assert done.code == 2
    assert said in done.error
