"""Ways out of a dead end: said under the first line, each with a command that proves it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from tests.cli.conftest import Run


def test_a_dead_end_names_its_ways_out(run: Run) -> None:
    for command in (("breakeven", "--max-workers", "3"), ("predict", "--workers", "2")):
        asked = (*command, "--workload", "resnet-50", "--batch", "8")
        first, second, *_ = run(*asked).out.splitlines()
        assert "slower" in first
        assert second.startswith("At batch ")
        assert "beat one process" in second
        ways = json.loads(run(*asked, "--json").out)["ways_out"]
        assert ways[0]["what"] == "batch"
        for way in ways:
            row = json.loads(run(*shlex.split(way["command"])[1:], "--json").out)
            assert row["speedup"] == way["speedup"] > 1.0


def test_what_was_set_is_set_in_the_command_too(run: Run) -> None:
    asked = ("predict", "--workers", "2", "--workload", "resnet-50", "--batch", "8")
    ways = json.loads(run(*asked, "--set", "host.cores=1x", "--json").out)["ways_out"]
    assert all("--set host.cores=1x" in way["command"] for way in ways)


def test_another_aim_has_ways_out_whose_command_says_so(run: Run) -> None:
    job = ("--workload", "resnet-50", "--batch", "64", "--scaling", "weak")
    asked = (
        "breakeven",
        *job,
        "--max-workers",
        "8",
        "--target-speedup",
        "6",
        "--noise-scale",
        "20000",
    )
    assert ", 8 workers reach 6 times one process in progress (" in run(*asked).out
    way = json.loads(run(*asked, "--json").out)["ways_out"][0]
    found = json.loads(run(*shlex.split(way["command"])[1:], "--json").out)
    assert found["rows"][-1]["speedup"] == way["speedup"] > 6.0
    assert found["breakeven_workers"] == way["workers"]


def test_more_workers_than_asked_about(run: Run) -> None:
    asked = ("--workload", "resnet-50", "--batch", "32", "--scaling", "weak")
    done = run("predict", "--workers", "1", *asked)
    first = json.loads(run("breakeven", *asked, "--json").out)["breakeven_workers"]
    assert done.out.splitlines()[1].startswith(f"{first} workers beat one process (")


def test_what_is_there_already_without_more_of_it(run: Run) -> None:
    job = ("--workload", "resnet-50", "--batch", "64", "--scaling", "weak")
    asked = ("breakeven", *job, "--baseline", "4", "--max-workers", "8")
    lines = run(*asked).out.splitlines()
    assert lines[0].startswith("5 workers on 6 hosts beat 4 workers")
    assert lines[1] == "With the 4 workers that are there:"
    (way,) = json.loads(run(*asked, "--json").out)["ways_out"]
    assert (way["what"], way["workers"]) == ("what_if", 4)


def proven(run: Run, ways: list[dict[str, object]]) -> bool:
    """Whether each command gives the speed-up that was told of it."""
    for way in ways:
        row = json.loads(run(*shlex.split(str(way["command"]))[1:], "--json").out)
        assert row["speedup"] == way["speedup"]
    return bool(ways)


def test_options_of_which_none_wins_have_ways_out_and_others_need_none(run: Run) -> None:
    asked = ("breakeven", "--workload", "resnet-50", "--batch", "8", "--max-workers", "3")
    found = run(*asked, "--vs", "--ps 2")
    assert "\nAt batch " in found.out
    ways = json.loads(run(*asked, "--vs", "--ps 2", "--json").out)["ways_out"]
    assert proven(run, ways)
    assert json.loads(run(*asked, "--vs", "--batch 1024", "--json").out)["ways_out"] == []


def test_nodes_that_do_not_pay_have_ways_out(run: Run) -> None:
    asked = ("breakeven", "--workload", "mlp:784,512,10", "--baseline", "4", "--add", "4:1x")
    lines = run(*asked).out.splitlines()
    assert lines[1].startswith("With half-precision, 4 workers beat the same 4 without it (")
    assert proven(run, json.loads(run(*asked, "--json").out)["ways_out"])


def test_more_nodes_than_were_to_be_added(run: Run) -> None:
    job = ("--workload", "resnet-50", "--batch", "64", "--scaling", "weak", "--step-time", "60s@64")
    asked = ("breakeven", *job, "--baseline", "2", "--add", "1:1x", "--target-speedup", "2.4")
    way = json.loads(run(*asked, "--json").out)["ways_out"][0]
    assert (way["what"], way["workers"]) == ("workers", 5)
    assert "--add 3:1x" in way["command"]
    found = json.loads(run(*shlex.split(way["command"])[1:], "--json").out)
    assert found["breakeven_workers"] == 5
    assert found["rows"][-1]["speedup"] == way["speedup"]


def test_a_mix_has_ways_out_with_a_command_where_no_job_states_it_itself(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "jobs.toml"
    job = '[[job]]\nworkload = "resnet-50"\nbatch = {}\nscaling = "weak"\n'
    path.write_text("name = 'a'\n".join([job.format(64), job.format(32)]))
    asked = ("breakeven", "--mix", str(path), "--strategy", "ps-sync", "--max-workers", "2")
    lines = run(*asked).out.splitlines()
    found = json.loads(run(*asked, "--json").out)
    of = {way["what"]: way for way in found["ways_out"]}
    assert of["batch"]["command"] is None
    assert f"At {of['batch']['change']}, 2 workers beat the baseline (" in lines[2]
    for what in ("strategy", "workers"):
        again = json.loads(run(*shlex.split(of[what]["command"])[1:], "--json").out)
        assert again["rows"][-1]["speedup"] == of[what]["speedup"] > 1.0
    path.write_text(path.read_text().replace("batch = 64", "batch = 64\nstrategy = 'ps-sync'"))
    found = json.loads(run(*asked, "--json").out)
    assert {way["what"]: way["command"] for way in found["ways_out"]}["strategy"] is None


def test_who_wins_needs_no_way_out(run: Run) -> None:
    asked = ("predict", "--workers", "2", "--workload", "resnet-50", "--batch", "512")
    assert json.loads(run(*asked, "--json").out)["ways_out"] == []
    assert "At batch" not in run(*asked).out
