from __future__ import annotations

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nworkers.models.base.errors import InputError
from nworkers.models.files.atomic_write import check_output, write_bytes
from nworkers.models.files.store import (
    read_calibration,
    read_fitted,
    read_measurement,
    read_profile,
    write_record,
)
from nworkers.models.records.calibration import (
    Burst,
    Calibration,
    Cell,
    Environment,
    Processor,
    Skipped,
)
from nworkers.models.records.measurement import Measurement, TrainingRun
from nworkers.models.records.workload import named_workload
from tests.support.factories import profile

GEMM = named_workload("gemm:128,256")
WHERE = Environment("2026-01-01T00:00:00Z", "none, made up", {"cpu_model": 'π "quoted"\n'})
seconds = st.floats(1e-9, 1e3)
cells = st.builds(
    Cell,
    quantity=st.sampled_from(["fetch", "push"]),
    path=st.just("ps"),
    size_bytes=st.integers(0, 2**40),
    workers=st.integers(1, 8),
)
bursts = st.builds(
    Burst,
    cell=cells,
    round=st.integers(0, 9),
    worker=st.integers(0, 9),
    cold_s=seconds,
    warmup_s=st.lists(seconds, max_size=3).map(tuple),
    samples_s=st.lists(seconds, min_size=1, max_size=5).map(tuple),
    outliers=st.lists(st.integers(0, 4), max_size=2).map(tuple),
    stop=st.sampled_from(["precision", "samples", "time", "window"]),
    processor=st.none()
    | st.builds(Processor, st.integers(1, 99), seconds, seconds, seconds, seconds),
)


def calibration(*taken: Burst) -> Calibration:
    return Calibration(
        environment=WHERE,
        link_kind="loopback",
        evidence="one host",
        cores=2.0,
        ps=1,
        workers=2,
        rounds=3,
        complete=True,
        workload=GEMM,
        bursts=taken,
        skipped=(Skipped(Cell("fetch", "ps", 2**26), "over 0.5 s a transfer"),),
        profile=profile(),
    )


def burst(*samples_s: float) -> Burst:
    return Burst(Cell("fetch", "ps", 4), 0, 0, 0.01, (), samples_s, (), "precision")


@settings(max_examples=30, deadline=None)
@given(st.lists(bursts, max_size=4))
def test_a_calibration_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, taken: list[Burst]
) -> None:
    path = tmp_path_factory.mktemp("files") / "c.json"
    record = calibration(*taken)
    write_record(path, record, force=False)
    assert read_calibration(path) == record


def test_profile_and_measurement_come_back_as_they_were(tmp_path: Path) -> None:
    known = profile(link__shared_bandwidth_bytes_per_s=None)
    write_record(tmp_path / "p.json", known, force=False)
    assert read_profile(tmp_path / "p.json") == known
    measured = Measurement(
        WHERE, GEMM, "ps-async", "session", "strong", 32, True,
        (TrainingRun(0, 0, 32, 10.0, ((0.1, 0.2), (0.3,)), (1.0, 0.5)),),
    )  # fmt: skip
    write_record(tmp_path / "m.json", measured, force=False)
    assert read_measurement(tmp_path / "m.json") == measured


def test_a_calibration_gives_its_profile_and_itself(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    made = calibration(burst(0.1))
    write_record(path, made, force=False)
    assert read_fitted(path) == (profile(), made)
    write_record(path, replace(calibration(burst(0.1)), profile=None), force=True)
    with pytest.raises(InputError, match=r"profile: got none.*scale fit"):
        read_profile(path)


def test_envelope_first_and_a_line_a_record(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    write_record(path, calibration(burst(*[0.1] * 1000), burst(0.2)), force=False)
    lines = path.read_text().splitlines()
    assert lines[:3] == ["{", '  "schema_version": "2.3",', '  "kind": "calibration",']
    assert sum('"samples_s"' in line for line in lines) == 2
    assert len(lines) < 70


def test_unknown_fields_and_minor_versions_are_let_pass(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    write_record(path, calibration(burst(0.1)), force=False)
    document = json.loads(path.read_text())
    document |= {"schema_version": "2.7", "later": {"field": 1}}
    document["bursts"][0]["later"] = True
    path.write_text(json.dumps(document))
    assert read_calibration(path) == calibration(burst(0.1))


def test_one_problem_is_named_and_the_others_counted(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    write_record(path, calibration(burst(0.1), burst(0.1, 0.2)), force=False)
    document = json.loads(path.read_text())
    document["bursts"][1]["samples_s"] = [0.5, -1, 0]
    document["bursts"][1]["stop"] = "tired"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError) as caught:
        read_calibration(path)
    assert str(caught.value) == (
        f"{path}: bursts[1].samples_s[1]: got -1; "
        "allowed: greater than 0 (and 2 more such problems)"
    )


def test_no_nan_is_ever_written(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_record(path, calibration(burst(float("nan"))), force=False)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p.json"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        write_bytes(path, b"new", force=True)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["p.json"]


def test_a_link_stays_a_link_and_a_device_stays_a_device(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("old")
    link.symlink_to(real)
    write_bytes(link, b"new", force=True)
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    with pytest.raises(InputError, match="no plain file"):
        check_output(Path("/dev/null"), force=True)


def test_a_compressed_file_is_read_wherever_a_plain_one_is(tmp_path: Path) -> None:
    plain, packed = tmp_path / "profile.json", tmp_path / "profile.json.gz"
    write_record(plain, profile(), force=False)
    write_record(packed, profile(), force=False)
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    assert read_profile(packed) == profile()
