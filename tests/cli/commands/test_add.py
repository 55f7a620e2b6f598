"""Workers on another device, as breakeven and predict are asked for them."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Run

JOB = ("--workload", "resnet-50", "--batch", "64", "--scaling", "weak")


def test_the_curve_is_over_those_that_are_added_and_beside_the_owned(run: Run) -> None:
    done = run("breakeven", *JOB, "--baseline", "2", "--add", "3:10x")
    assert done.code == 0
    first = done.out.splitlines()[0]
    assert first.startswith("3 workers on 4 hosts beat 2 workers, by ")
    assert "workers from number 3 on are added (3:10x): each kind of worker goes at" in done.out
    assert "a worker's batch is the same on either kind" in done.out
    assert "unverified" in done.out
    found = json.loads(run("breakeven", *JOB, "--baseline", "2", "--add", "3:10x", "--json").out)
    assert [(row["workers"], row["added_workers"]) for row in found["rows"]] == [
        (3, 1), (4, 2), (5, 3),
    ]  # fmt: skip
    assert found["rows"][0]["added"] == "3:10x"
    assert found["rows"][0]["baseline"] == "2"


def test_synchronous_workers_wait_for_the_slower_kind(run: Run) -> None:
    asked = ("predict", *JOB, "--workers", "4", "--baseline", "2", "--strategy", "ps-sync")
    done = run(*asked, "--add", "2:0.5x")
    assert "all wait for the slower kind of worker, which sets the pace" in done.out


def test_an_addition_is_an_option_beside_others(run: Run) -> None:
    asked = ("breakeven", *JOB, "--baseline", "2", "--max-workers", "4", "--json")
    found = json.loads(run(*asked, "--vs", "--add 2:h100 --strategy ps-sync").out)
    assert found["options"][1]["added"] == "2:h100"
    assert "added" not in found["options"][0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--add", "8:10x"), "allowed: with --baseline W, the workers that are owned"),
        (("--baseline", "4", "--add", "8:h10"), "(did you mean h100?)"),
        (("--baseline", "4", "--add", "0:10x"), "--add: got 0; allowed: an integer from 1"),
        (("--baseline", "4", "--add", "8"), "allowed: N:DEVICE, such as 8:10x"),
        (("--baseline", "4", "--add", "8:"), "allowed: N:DEVICE"),
        (("--baseline", "4", "--add", "8:0x"), "times as fast"),
        (("--baseline", "4", "--add", "8:no.json"), "no.json"),
        (("--baseline", "4", "--add", "8:2x", "--placement", "shared"), "hosts of their own"),
    ],
)
def test_what_cannot_be_added_is_refused(run: Run, options: tuple[str, ...], words: str) -> None:
    done = run("breakeven", *JOB, *options)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
