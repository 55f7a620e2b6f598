"""Ways out of a dead end: said under the first line, each with a command that proves it."""

from __future__ import annotations

import json
import shlex

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


def test_who_wins_needs_no_way_out(run: Run) -> None:
    asked = ("predict", "--workers", "2", "--workload", "resnet-50", "--batch", "512")
    assert json.loads(run(*asked, "--json").out)["ways_out"] == []
    assert "At batch" not in run(*asked).out
