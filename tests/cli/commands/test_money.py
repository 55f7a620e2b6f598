"""Prices, deadlines and budgets, as breakeven is asked for them."""

from __future__ import annotations

import json
from pathlib import Path

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


def test_options_have_their_money_in_one_table_and_the_cheapest_is_named(run: Run) -> None:
    asked = (*SMALL, *RENT, "--samples", "1e6", "--strategy", "ps-async,ps-sync")
    faster = ("--vs", "--link 10gbit --what-if compute=2x")
    first, *rest = run(*asked, *faster).out.splitlines()
    assert first.startswith("The cheapest for 1,000,000 samples: --link 10gbit")
    assert "the cost of --strategy ps-async. One process costs less: " in first
    lines = [line for line in rest if "   " in line and not line.startswith(" ")][:5]
    assert "all samples" in lines[0]
    assert lines[0].endswith("its cost")
    assert [line.split("   ")[0] for line in lines[1:]] == [
        "--strategy ps-async", "--strategy ps-sync", faster[1], "one process",
    ]  # fmt: skip
    found = json.loads(run(*asked, *faster, "--json").out)
    spent = [row["money"] for row in found["options"]]
    assert spent[0]["ratio"] == 1.0
    assert min(spent, key=lambda one: one["cost"]) == spent[2]
    assert spent[2]["ratio"] == pytest.approx(spent[2]["cost"] / spent[0]["cost"])
    assert found["money"]["rows"][0]["workers"] == 1


def test_workers_that_are_owned_cost_what_they_cost(run: Run) -> None:
    assert "for a million samples. 2 workers cost " in run(*SMALL, *RENT, "--baseline", "2").out


def test_where_no_option_is_in_time_the_nearest_is_named(run: Run) -> None:
    work = ("--samples", "1e12", "--deadline", "1h")
    first = run(*SMALL, *RENT, *work, "--vs", "--batch 64").out.splitlines()[0]
    assert first.startswith("Not possible: 1,000,000,000,000 samples in 1.00 h. The fastest: ")
    fewest = run(*SMALL, "--samples", "1", "--deadline", "3d", "--vs", "--batch 64").out
    assert fewest.startswith("The fewest hosts for 1 samples in 72.0 h: ")


def test_money_is_drawn_over_workers_with_the_limits(run: Run, tmp_path: Path) -> None:
    work = ("--samples", "1e6", "--deadline", "3d", "--budget", "900")
    for name, more in (("one", ()), ("several", ("--vs", "--link 10gbit"))):
        path = tmp_path / f"{name}.svg"
        assert run(*SMALL, *RENT, *work, *more, "--plot", str(path)).code == 0
        # matplotlib leaves each text in a comment.
        drawn = path.read_text()
        for text in ("cost of", "1,000,000 samples", "hours of", "deadline 72.0 h", "budget 900"):
            assert f"<!-- {text}" in drawn
        assert ("<!-- - -link 10gbit" in drawn) == (name == "several")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--price-per-host-hour", "-1"), "--price-per-host-hour: got -1; allowed: a number"),
        (("--capex-per-host", "1"), "allowed: with --years, over which it is written off"),
        (("--deadline", "8h"), "allowed: with --samples, which are to be trained"),
        (("--deadline", "soon", "--samples", "1"), "--deadline: got soon"),
        ((*RENT, "--samples", "1", "--budget", "0"), "--budget: got 0;"),
        (("--samples", "1", "--budget", "1"), "allowed: with --price-per-host-hour"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, options: tuple[str, ...], words: str) -> None:
    done = run(*SMALL, *options)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_faster_cards_have_a_price_of_their_own_in_words_and_in_a_file(
    run: Run, tmp_path: Path
) -> None:
    bought = ("--capex-per-host", "9000", "--capex-per-port", "700", "--years", "4")
    cards = ("--vs", "--workers 2 --link 25gbit --capex-per-port 1200")
    path = tmp_path / "cards.toml"
    path.write_text('workers = 2\nlink = "25gbit"\ncapex_per_port = 1200\n')
    asked = (*SMALL, *bought, "--vs", "--workers 2 --link 25gbit", *cards, "--scenario", str(path))
    options = json.loads(run(*asked, "--json").out)["options"]
    cheap, dear, same = (row["money"]["cost_per_hour"] for row in options[1:])
    assert dear - cheap == pytest.approx(options[1]["hosts"] * 500 / (4 * 365 * 24))
    assert same == dear


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (SMALL, "--vs: got a price for some options; allowed: one above 0 for each"),
        (("report", "-o", "page.html"), "--vs: got a price for some options; allowed: one above 0"),
    ],
)
def test_a_price_of_one_option_alone_is_no_comparison(
    run: Run, asked: tuple[str, ...], words: str
) -> None:
    done = run(*asked, "--vs", "--link 25gbit --price-per-host-hour 2")
    assert done.code == 2
    assert words in done.err


def test_what_is_there_costs_nothing_more(run: Run, tmp_path: Path) -> None:
    bought = ("--capex-per-host", "9000", "--years", "4", "--samples", "1e6")
    done = run(*SMALL, *bought, "--baseline", "1")
    assert "1 worker on 2 hosts, of what is there already, costs nothing more." in done.out
    picture = str(tmp_path / "costs.svg")
    done = run(*SMALL, *bought, "--baseline", "2", "--vs", "--workers 2", "--plot", picture)
    assert done.code == 0
    assert "2 workers on 3 hosts, " in done.out
    assert "nothing more" in done.out
