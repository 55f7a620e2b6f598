"""Prices, deadlines and budgets, as breakeven is asked for them."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Run

SMALL = ("breakeven", "--max-workers", "3", "--scaling", "weak")
RENT = ("--price-per-host-hour", "2")


def test_the_first_lines_name_the_fastest_and_the_cheapest(run: Run) -> None:
    done = run(*SMALL, *RENT)
    first, second = done.out.splitlines()[:2]
    assert done.code == 0
    assert "one process" in first
    assert "fastest; " in second
    assert "for a million samples. One process costs" in second
    found = json.loads(run(*SMALL, *RENT, "--json").out)["money"]
    assert [row["workers"] for row in found["rows"]] == [1, 2, 3]
    best = min(found["rows"], key=lambda row: row["cost_per_million"])
    assert found["best_cost_workers"] == best["workers"]


def test_what_is_not_possible_is_an_answer_with_the_nearest(run: Run) -> None:
    work = ("--samples", "1e12", "--deadline", "1h")
    done = run(*SMALL, *RENT, *work)
    assert done.code == 0
    assert "Not possible: 1,000,000,000,000 samples in 1.00 h. The fastest: " in done.out
    found = json.loads(run(*SMALL, *RENT, *work, "--json").out)["money"]
    assert (found["is_possible"], found["cheapest"]) == (False, None)
    both = run(*SMALL, *RENT, *work, "--budget", "1")
    assert ". The fastest: " in both.out
    assert ". The cheapest: " in both.out


def test_one_process_may_do(run: Run) -> None:
    done = run(*SMALL, *RENT, "--samples", "1", "--deadline", "3d", "--budget", "100")
    assert "The cheapest for 1 samples in 72.0 h and for at most 100: one process, " in done.out
    assert "in time in 100 % of the draws" in done.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--price-per-host-hour", "-1"), "--price-per-host-hour: got -1.0; allowed: a number"),
        (("--capex-per-host", "1"), "allowed: with --years, over which it is written off"),
        (("--deadline", "8h"), "allowed: with --samples, which are to be trained"),
        (("--deadline", "soon", "--samples", "1"), "--deadline: got soon"),
        ((*RENT, "--samples", "1", "--budget", "0"), "--budget: got 0.0"),
        (("--samples", "1", "--budget", "1"), "allowed: with --price-per-host-hour"),
        ((*RENT, "--vs", "--batch 8"), "--vs: got prices or samples too"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, options: tuple[str, ...], words: str) -> None:
    done = run(*SMALL, *options)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
