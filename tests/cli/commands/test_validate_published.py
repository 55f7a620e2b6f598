"""`scale validate --published`: the tables that others measured."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from nworkers.cli.commands import validate_published
from nworkers.models.tables.formats.csv_throughput import of_system, read
from nworkers.models.tables.throughput.published import PUBLISHED, SPLITS, Split
from tests.cli.conftest import Run

#: Of the tables as their authors' repositories and papers had them, copied row by row.
SHA256 = {
    "piz_daint_2017.csv": "d504c6a7c72455f96f924d1db3dccafc5b708120bca51a576a7b3cc092c24485",
    "tf_benchmarks_2017.csv": "07c1511afba9e4132fb455d97bcf9ac7f761531759b2891cfc49b5551e9967bc",
}


@pytest.fixture
def first_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those whose largest rows have few enough transfers to be simulated in a moment."""
    monkeypatch.setattr(validate_published, "SPLITS", SPLITS[:2])


def test_what_ships_is_what_was_published() -> None:
    shipped = {path.name: sha256(path.read_bytes()).hexdigest() for path in PUBLISHED.glob("*.csv")}
    assert shipped == SHA256
    assert {split.file for split in SPLITS} == set(SHA256)


@pytest.mark.parametrize("split", SPLITS, ids=lambda split: f"{split.system} to {split.fit_to}")
def test_every_split_has_rows_to_fit_and_rows_to_predict(split: Split) -> None:
    rows = of_system(read(split.path.read_text(), split.file).rows, split.system, split.file)
    workers = {row.workers for row in rows}
    assert split.fit_to in workers
    assert max(workers) > split.fit_to


@pytest.mark.usefixtures("first_two")
def test_large_rows_are_predicted_from_small_ones(run: Run) -> None:
    done = run("validate", "--published", "--tolerance", "0.15", "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["holds"]
    ec2, _ = document["published"]
    assert ec2["fit_to"] == 16
    # Every row is there, and those beyond were not fitted.
    assert {row["workers"]: row["fitted"] for row in ec2["rows"]} == {
        1: True,
        8: True,
        16: True,
        32: False,
        64: False,
    }
    errors = ec2["errors"]["predicted"]
    assert errors["scale"]["rows"] == 10
    assert errors["scale"]["median"] <= 0.05
    assert errors["scale"]["worst"] <= 0.15
    assert errors["scale"]["median"] < errors["amdahl"]["median"]


def test_beyond_the_tolerance_it_says_where(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate_published, "SPLITS", SPLITS[1:2])
    done = run("validate", "--published", "--tolerance", "0.02")
    assert done.code == 1
    for word in ("Paleo", "DGX-1-P100, fitted up to 4: median error", "BEYOND 2 %"):
        assert word in done.out


@pytest.mark.parametrize(
    ("options", "word"),
    [(("--workers", "1,2"), "--workers"), (("--workload", "gemm:8,8"), "--workload")],
)
def test_what_it_does_not_go_with(run: Run, options: tuple[str, ...], word: str) -> None:
    done = run("validate", "--published", *options)
    assert done.code == 2
    assert f"{word}: got" in done.error
