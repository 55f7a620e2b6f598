"""`scale next`: the sentence, the table, and the document."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.kept.commands import FILES

SAMPLES = Path(__file__).parents[2] / "support" / "samples"

OWN = ("next", "--calibration", str(FILES["LOOPBACK"]), "--workers", "2")


def test_the_first_line_says_what_to_do_and_the_table_ranks(run: Run) -> None:
    done = run(*OWN)
    assert done.code == 0
    first, _, header, _, *rows = done.out.splitlines()
    assert " narrow" in first
    assert header.split()[0] == "measure"
    assert any("--refine --only" in row for row in rows)
    assert any(row.startswith("Parameters known exactly would leave ") for row in rows)


def test_the_document_has_the_same(run: Run) -> None:
    found = json.loads(run(*OWN, "--json").out)
    assert found["workers"] == 2
    widths = [high / low for low, high in (m["interval_after"] for m in found["measurements"])]
    assert widths == sorted(widths)
    low, high = found["speedup_interval"]
    assert max(widths) < high / low
    assert 0.0 < sum(found["floor"].values()) < 1.0
    assert all(m["minutes"] > 0.0 and m["command"] for m in found["measurements"])
    assert run(*OWN).out.splitlines()[0] == found["answer"]


def test_commands_take_options_that_exist(run: Run) -> None:
    """Each is parsed by the command it names: what is wrong is then something else."""
    found = json.loads(run(*OWN, "--json").out)
    for one in found["measurements"]:
        program, command, *options = shlex.split(one["command"])
        assert program == "scale"
        known = run(command, "--help").out
        assert all(option in known for option in options if option.startswith("-"))


def test_a_shipped_profile_is_not_the_user_s_and_what_narrows_it_comes_then(run: Run) -> None:
    job = ("--workload", "resnet-50", "--batch", "64", "--scaling", "weak")
    first = run("next", "--workers", "2", *job).out.splitlines()[0]
    assert first.startswith("Measure your own machine first (3 min): ")
    assert " Then time the job's step in one process (2 min): that narrows " in first


def test_of_a_stated_step_the_batch_is_asked_that_nobody_stated(run: Run) -> None:
    job = ("--calibration", "h100", "--step-time", "120ms@64", "--batch", "64", "--workers", "4")
    found = json.loads(run("next", *job, "--json").out)["measurements"]
    (step,) = (one for one in found if one["how"] == "step_time")
    assert step["command"] == "time it; then add --step-time TIME@16"


@pytest.mark.parametrize("count", ["0", "two", "1,2"])
def test_a_number_that_is_none_is_refused(run: Run, count: str) -> None:
    done = run("next", "--workers", count)
    assert done.code == 2
    assert done.err.startswith("scale: error: --workers: ")


def test_a_fresh_calibration_goes_to_a_file_that_is_not_there(run: Run, tmp_path: Path) -> None:
    """The log's profile is asked with: calibrate would refuse to write over it."""
    path = tmp_path / "log.json"
    assert run("fit", str(SAMPLES / "nccl.txt"), "-o", str(path)).code == 0
    job = ("--strategy", "allreduce", "--step-time", "120ms@64", "--workers", "8")
    found = json.loads(run("next", "--calibration", str(path), *job, "--json").out)
    own = [
        m["command"] for m in found["measurements"] if m["command"].startswith("scale calibrate")
    ]
    assert own
    assert not [command for command in own if str(path) in command]


def test_training_is_of_the_job_that_was_asked_and_of_a_model_that_can_be_trained(run: Run) -> None:
    asked = ("--workload", "resnet-50", "--step-time", "120ms@64", "--batch", "64")
    found = json.loads(run(*OWN, *asked, "--json").out)
    (train,) = [m["command"] for m in found["measurements"] if m["how"] == "train"]
    assert " --workload resnet-50 --step-time 120ms@64 --model MODULE:FUNCTION " in train


def test_a_host_whose_rounds_differ_is_measured_again_first(run: Run) -> None:
    fresh = Path(__file__).parents[3] / "benchmarks" / "data" / "h100-second-host-quick.json.gz"
    done = run("next", "--calibration", fresh, "--batch", "4096", "--workers", "1")
    assert done.out.startswith("Measure all again, since its rounds differ: up to 8 rounds ")
    assert f"1: scale calibrate --resume --rounds 8 -o {fresh}" in done.out
    assert "times of round 1 are 1.38 times those of round 2" in done.err
