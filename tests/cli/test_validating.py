"""`scale validate` trains under each strategy, on real TensorFlow tasks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from scale.models.files import read_measurement, write_record
from tests.cli.conftest import Run
from tests.cli.test_fit import measurement


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("strategy", "runtime"), [("ps-sync", "session"), ("allreduce", "mirrored")]
)
def test_validate_trains(
    strategy: str, runtime: str, run: Run, loopback: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    done = run(
        *("validate", "--calibration", loopback, "--workers", "2", "--strategy", strategy),
        *("--starts", "1", "--seconds", "0.5", "--tolerance", "100", "-o", kept, "--json"),
    )
    assert done.code == 0, done.err
    (row,) = json.loads(done.out)["rows"]
    assert (row["predicted"]["strategy"], row["predicted"]["runtime"]) == (strategy, runtime)
    measured = read_measurement(kept)
    assert (measured.strategy, measured.runtime) == (strategy, runtime)
    assert {r.workers for r in measured.runs} == {0, 2}


def test_an_earlier_measurement_says_what_was_trained(
    run: Run, loopback: Path, tmp_path: Path
) -> None:
    """Its strategy is predicted, whatever the default is."""
    path = measurement(tmp_path / "m.json", 6.0)
    other = replace(read_measurement(path), strategy="ps-sync")
    write_record(path, other, force=True)
    done = run(
        *("validate", "--calibration", loopback, "--measured", path, "--workers", "2"),
        *("--tolerance", "100", "--json"),
    )
    (row,) = json.loads(done.out)["rows"]
    assert row["predicted"]["strategy"] == "ps-sync"
