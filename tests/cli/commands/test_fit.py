"""`fit`, `plot fit` and `validate --measured`, on made-up samples; no TensorFlow."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nworkers.models.files.store import read_profile, write_record
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.records.calibration import Planned
from nworkers.models.records.profile import Identified, parameters
from tests.cli.conftest import Run
from tests.support.measurements import measurement
from tests.support.synthetic import synthetic


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("samples") / "c.json"
    write_record(path, synthetic(rounds=3), force=False)
    return path


def test_fit_prints_every_parameter_and_writes_a_profile(
    run: Run, samples: Path, tmp_path: Path
) -> None:
    written = tmp_path / "profile.json"
    done = run("fit", samples, "--draws", "20", "-o", written)
    assert done.code == 0, done.err
    for path, parameter in parameters(read_profile(written)):
        (line,) = (line for line in done.out.splitlines() if line.startswith(f"{path} "))
        assert ("not identified" in line) != isinstance(parameter, Identified)
        assert str(parameter.samples) in line
    assert "provisional" in done.out
    assert run("predict", "--workers", "2", "--calibration", written).code == 0
    again = run("fit", samples, "--draws", "20", "-o", written)
    assert again.code == 2
    assert "--force" in again.error


def test_a_calibration_tells_the_ratio_and_the_break_even_first(run: Run, samples: Path) -> None:
    first, second, *_ = run("fit", samples, "--draws", "20").out.splitlines()
    document = json.loads(run("fit", samples, "--draws", "20", "--json").out)
    assert first.startswith("A matrix product takes ")
    assert f"{document['original'][0]['ratio']:.2f}"[:3] in first
    assert second == document["breakeven"]["answer"]


def test_another_batch_than_the_calibrated_one_is_told(run: Run, tmp_path: Path) -> None:
    taken = synthetic(rounds=2)
    taken = replace(taken, planned=Planned({"batch": "1024"}, 2, ()))
    write_record(
        tmp_path / "c.json", replace(taken, profile=fit_profile(taken, draws=20)), force=True
    )
    asked = ("predict", "--workers", "1", "--calibration", "c.json")
    assert "--batch 1024 asks about that" in run(*asked).err
    # Of a batch, or a model, that somebody chose nothing need be told.
    for more in (("--batch", "64"), ("--workload", "mlp:8,4")):
        assert "asks about that" not in run(*asked, *more).err


def test_fit_json(run: Run, samples: Path) -> None:
    document = json.loads(run("fit", samples, "--draws", "20", "--json").out)
    assert document["provisional"] is True
    for parameter in document["parameters"]:
        assert (parameter["estimate"] is not None) == parameter["identified"]
    assert {row["operation"] for row in document["fit"]} >= {"fetch", "push"}


def test_plot_fit(run: Run, tmp_path: Path) -> None:
    picture, fitted = tmp_path / "fit.svg", tmp_path / "fitted.json"
    taken = synthetic(rounds=3)
    write_record(fitted, replace(taken, profile=fit_profile(taken, draws=20)), force=False)
    done = run("plot", "fit", fitted, "-o", picture)
    assert done.code == 0, done.err
    assert picture.stat().st_size > 20_000


def test_an_unfitted_calibration_says_what_to_do(run: Run, samples: Path) -> None:
    done = run("predict", "--workers", "2", "--calibration", samples)
    assert done.code == 2
    assert f"`scale fit {samples} -o PROFILE`" in done.error


def test_validate_against_an_earlier_measurement(run: Run, loopback: Path, tmp_path: Path) -> None:
    measured = measurement(tmp_path / "m.json", 6.0)
    command = ("validate", "--calibration", loopback, "--measured", measured, "--workers")
    done = run(*command, "2")
    assert done.code == 1
    assert "does not hold within 10 %" in done.out
    done = run(*command, "2", "--tolerance", "50", "--json", "--plot", tmp_path / "v.png")
    assert done.code == 0
    document = json.loads(done.out)
    assert document["holds"] is True
    assert document["rows"][0]["predicted"]["workers"] == 2
    assert (tmp_path / "v.png").read_bytes().startswith(b"\x89PNG")
    assert "what was measured: 2" in run(*command, "2,3").error


def test_validate_needs_the_single_process(run: Run, loopback: Path, tmp_path: Path) -> None:
    measured = measurement(tmp_path / "m.json", 6.0, single=False)
    done = run("validate", "--calibration", loopback, "--measured", measured, "--workers", "2")
    assert done.code == 2
    assert "no run of the single process" in done.error


def test_validate_trains_only_what_was_calibrated_here(run: Run, network: Path) -> None:
    done = run("validate", "--calibration", network, "--workers", "2")
    assert done.code == 2
    assert "validate trains here" in done.error


def test_without_tensorflow_the_command_that_installs_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = run("calibrate", "-o", "c.json")
    assert done.code == 3
    assert "pip install 'nworkers[tf]'" in done.error
    assert list(tmp_path.iterdir()) == []
