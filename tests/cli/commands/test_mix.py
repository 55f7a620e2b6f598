"""Jobs in a file, as breakeven is asked for all of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

JOBS = """
[[job]]
name = "small"
weight = 3
batch = 64
[[job]]
workload = "mlp:784,512,10"
batch = 256
"""


def test_a_mix_has_each_job_s_column(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "jobs.toml"
    path.write_text(JOBS)
    asked = ("breakeven", "--mix", str(path), "--max-workers", "3")
    found = json.loads(run(*asked, "--json").out)
    assert [row["workers"] for row in found["rows"]] == [1, 2, 3]
    assert list(found["rows"][0]["speedups"]) == ["small", "mlp:784,512,10"]
    done = run(*asked)
    assert done.code == 0
    assert done.out.startswith(found["answer"])
    assert "mlp:784,512,10" in done.out
    assert "\nRests on: " in done.out
    assert len(found["breakeven_workers_interval"]) == 2
    assert [job["weight"] for job in found["jobs"]] == [0.75, 0.25]


def test_what_holds_for_one_job_is_said_of_it(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "jobs.toml"
    path.write_text(JOBS + '[[job]]\nname = "third"\nbaseline = "host"\nbatch = 2\n')
    done = run("breakeven", "--mix", str(path), "--max-workers", "3")
    assert "\n  - third: efficiency: 100 % would be " in done.out
    assert "note: third: strong scaling of a batch of 2 ends at as many workers" in done.err
    assert done.err.count("this is not your hardware") == 1


def test_a_picture_of_the_mix(run: Run, tmp_path: Path) -> None:
    path, picture = tmp_path / "jobs.toml", tmp_path / "mix.svg"
    path.write_text(JOBS)
    asked = ("breakeven", "--mix", str(path), "--max-workers", "2", "--plot", str(picture))
    assert run(*asked).code == 0
    assert "<svg" in picture.read_text()
    assert run(*asked).code == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "[[job]]"),
        ("job = 1", "[[job]]"),
        ("[[job]]\nweight = -1", "--mix: got a weight of -1"),
        ("[[job]]\nweight = true", "weight: got True; allowed: a number above 0"),
        ("[[job]]\nworkers = 3", "workers"),
        ("[[job]]\nbatch = 'many'", "batch: got many"),
        ("[[job]]\n[[job]]\nname='job 1'", "two jobs named"),
    ],
)
def test_what_is_no_mix_is_refused(run: Run, tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "jobs.toml"
    path.write_text(text)
    done = run("breakeven", "--mix", str(path), "--max-workers", "2")
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_a_mix_is_alone(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "jobs.toml"
    path.write_text(JOBS)
    done = run("breakeven", "--mix", str(path), "--price-per-host-hour", "1")
    assert (done.code, done.out) == (2, "")
    assert "--mix: got" in done.err
