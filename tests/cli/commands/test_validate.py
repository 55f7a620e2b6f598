"""`scale validate` trains in step too, and models of the user's, on real TensorFlow tasks."""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from nworkers.models.files.store import read_calibration, read_measurement, write_record
from nworkers.models.files.workload_toml import read_workload
from tests.cli.conftest import Run
from tests.support.calibrating import small_calibrations
from tests.support.measurements import measurement


@pytest.mark.tensorflow
def test_validate_trains_with_all_reduce(run: Run, loopback: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    done = run(
        *("validate", "--calibration", loopback, "--workers", "2", "--strategy", "allreduce"),
        *("--starts", "1", "--seconds", "1", "--tolerance", "100", "-o", kept, "--json"),
    )
    # The profile is invented, so that even a hundredfold may be too little.
    assert done.code in (0, 1), done.err
    (row,) = json.loads(done.out)["rows"]
    assert row["predicted"]["runtime"] == "mirrored"
    measured = read_measurement(kept)
    assert (measured.strategy, measured.runtime) == ("allreduce", "mirrored")
    assert {r.workers for r in measured.runs} == {0, 2}


@pytest.mark.tensorflow
def test_validate_trains_a_user_s_model_in_step(run: Run, loopback: Path, tmp_path: Path) -> None:
    kept, described = tmp_path / "kept.json", tmp_path / "dense.toml"
    export = tmp_path / "export.json"
    done = run(
        *("validate", "--calibration", loopback, "--workers", "2", "--strategy", "ps-sync"),
        *("--model", "tests.support.user_models:dense", "--write-workload", described),
        *("--starts", "1", "--seconds", "1", "--tolerance", "100", "-o", kept, "--json"),
        *("--export", export),
    )
    assert done.code in (0, 1), done.err
    document = json.loads(done.out)
    (row,) = document["rows"]
    assert row["predicted"]["strategy"] == "ps-sync"
    assert document["evidence"] == "one host"
    assert 0.0 < row["processor_share"] <= 1.1
    workload = read_workload(str(described))
    assert [v.shape for v in workload.variables] == [(64, 16), (16,), (16, 4), (4,)]
    assert [row.batch for row in workload.step] == [16, 32]
    assert all(0.0 < row.processor_s < 100 * row.seconds for row in workload.step)
    measured = read_measurement(kept)
    assert measured.workload == workload
    assert all(r.loss[1] < r.loss[0] for r in measured.runs)
    _check_export(export)


@pytest.mark.tensorflow
def test_a_calibration_of_a_model_is_all_that_is_needed(run: Run, tmp_path: Path) -> None:
    mine, model = tmp_path / "mine.json", "tests.support.user_models:dense"
    with small_calibrations():
        done = run("calibrate", "--quick", "--model", model, "--batch", "16", "-o", mine, "--json")
    assert done.code == 0, done.err
    assert "timing the model" in done.err
    workload = read_calibration(mine).workload
    assert [row.batch for row in workload.step] == [1, 6, 32]
    done = run("predict", "--calibration", mine, "--batch", "16", "--workers", "2", "--json")
    row = json.loads(done.out)
    assert (row["workload"], row["compute_source"]) == (model, "step_table")
    done = run(
        *("validate", "--calibration", mine, "--model", model, "--batch", "16", "--workers", "2"),
        *("--starts", "1", "--seconds", "1", "--tolerance", "100"),
    )
    assert done.code == 0, done.err


def _check_export(path: Path) -> None:
    """What others may see says what ran, and neither where nor what its parts are called."""
    text = path.read_text()
    for word in ("user_models", "dense", "kernel", str(path.parent), platform.node(), "127.0.0.1"):
        assert word not in text
    record = json.loads(text)
    assert record["kind"] == "contribution"
    assert record["evidence"] == "one host"
    assert [v["shape"] for v in record["workload"]["variables"]] == [[64, 16], [16], [16, 4], [4]]
    alone, two = record["rows"]
    assert (alone["workers"], two["workers"]) == (0, 2)
    assert len(two["measured_step_times_s"]) == len(two["measured_processor_shares"]) == 1
    assert two["predicted_step_time_s"] > 0
    assert "measured_at" not in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--model", "m:f"), "a calibration by --model"),
        (("--model", "m:f", "--workload", "w.toml", "--write-workload", "v.toml"), "either"),
        (("--write-workload", "w.toml"), "beside --model"),
        (("--model", "m:f", "--write-workload", "w.json"), "ending in .toml"),
        (("--model", "m", "--workload", "w.toml"), "module:function"),
        (("--model", "m:f", "--measured", "m.json"), "one of the two options"),
        (("--worker", "a:1,b:1", "--measured", "m.json"), "one of the two options"),
    ],
)
def test_a_model_and_its_file(
    run: Run, loopback: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = run("validate", "--calibration", loopback, "--workers", "2", *arguments)
    assert done.code == 2
    assert words in done.error


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


def test_a_model_that_nothing_here_can_train_is_refused_before_a_task_starts(
    run: Run, loopback: Path
) -> None:
    done = run("validate", "--calibration", loopback, "--workers", "1", "--workload", "resnet-50")
    assert done.code == 2
    assert done.err.startswith(
        "scale: error: --workload: got resnet-50; allowed: what can be train"
    )
