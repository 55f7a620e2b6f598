"""Targets and progress, as breakeven is asked for them."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Run

SMALL = ("breakeven", "--max-workers", "3")


def test_a_target_is_what_every_figure_is_beside(run: Run) -> None:
    job = (*SMALL, "--workload", "resnet-50", "--batch", "64", "--scaling", "weak")
    plain = json.loads(run(*job, "--json").out)
    target = str(0.5 * max(row["speedup"] for row in plain["rows"]))
    found = json.loads(run(*job, "--target-speedup", target, "--json").out)
    assert found["target_speedup"] == float(target)
    first = next(row for row in found["rows"] if row["speedup"] > float(target))
    assert found["breakeven_workers"] == first["workers"]
    assert first["probability_exceeds_target"] >= first["probability_beats"]
    assert [row["speedup"] for row in found["rows"]] == [row["speedup"] for row in plain["rows"]]


def test_progress_has_a_column_and_is_said_in_place_of_the_note(run: Run) -> None:
    plain, counted = run(*SMALL), run(*SMALL, "--samples-factor", "2")
    assert "not time to accuracy" in plain.out
    assert "a sample brings" not in plain.out
    assert "not time to accuracy" not in counted.out
    assert "for which the workers need 2 times the samples" in counted.out
    assert "a sample brings" in counted.out


def test_options_are_compared_by_their_progress(run: Run) -> None:
    asked = (*SMALL, "--scaling", "weak", "--vs", "--batch 64 --workers 3", "--json")
    plain, counted = (
        json.loads(run(*asked, *more).out)["options"] for more in ((), ("--noise-scale", "10"))
    )
    assert counted[1]["progress_per_sample"] < 1.0
    assert counted[1]["ratio"] < plain[1]["ratio"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ("--target-speedup", "0"),
            "--target-speedup: got 0.0; allowed: a number from 0.01 to 1000000",
        ),
        (("--target-speedup", "nan"), "--target-speedup: got nan"),
        (("--target-speedup", "many"), "--target-speedup: got 'many'; allowed: a number"),
        (("--samples-factor", "-1"), "--samples-factor: got -1.0"),
        (("--noise-scale", "-1"), "--noise-scale: got -1.0; allowed: samples: a number from 0"),
        (("--noise-scale", "1", "--samples-factor", "2"), "allowed: without --samples-factor"),
    ],
)
def test_what_nobody_reaches_is_refused(run: Run, options: tuple[str, ...], words: str) -> None:
    done = run(*SMALL, *options)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
