"""Files of version 1 hold what they held when they were written."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.files.schema_1 import converted
from nworkers.models.files.store import read_calibration, read_profile, write_record
from nworkers.models.records.calibration import Calibration, samples_sha256
from nworkers.models.records.profile import Identified, parameters, value_at
from tests.kept.commands import DATA, FILES

PARAMETER = {
    "estimate": 2.0,
    "interval": [1.0, 3.0],
    "unit": "s",
    "samples": 5,
    "identified": True,
    "draws": [2.0, 2.5],
}
#: Of the two machines of the first design; those of the blind half are of later schemas.
RAW = [
    path
    for machine in ("epyc", "xeon")
    for path in sorted((DATA.parent.parent / machine / "calibrations").glob("*.json.gz"))
]
#: A cell's fields in version 1, in their order.
NO_CELL = {
    "quantity": "",
    "path": "",
    "size_bytes": 0,
    "tensors": 1,
    "workers": 1,
    "features": 0,
    "batch": 0,
    "hidden": 0,
    "rest_s": 0.0,
    "ps": 1,
    "flows": 1,
    "optimizer": "",
    "overlap_bytes": 0,
    "device": "",
}
OPEN = PARAMETER | {"identified": False}


def old_parameters(record: Any, prefix: str = "") -> dict[str, Any]:
    """Parameters of a version 1 document, by the names that readers saw."""
    found: dict[str, Any] = {}
    if isinstance(record, dict) and "identified" in record:
        return {prefix: record}
    if isinstance(record, dict):
        for name, item in record.items():
            found |= old_parameters(item, f"{prefix}.{name}" if prefix else name)
    elif isinstance(record, list):
        for place, item in enumerate(record):
            known = item if isinstance(item, dict) else {}
            label = known.get("workload") or known.get("optimizer") or place
            found |= old_parameters(item, f"{prefix}[{label}]")
    return found


@pytest.mark.parametrize("name", ["LOOPBACK", "NETWORK", "H100"])
def test_a_kept_profile_is_what_it_was(name: str, tmp_path: Path) -> None:
    with gzip.open(FILES[name], "rt") as stream:
        document = json.load(stream)
    assert document["schema_version"].startswith("1.")
    profile = read_profile(FILES[name])
    old = old_parameters(document["profile"] if document["kind"] == "calibration" else document)
    new = dict(parameters(profile))
    # What version 2.1 has otherwise: tests of schema_2_0.
    apart = {name for name in {*old, *new} if ".gradient" in name}
    assert {*new} - apart == {*old} - apart
    for label, parameter in new.items():
        if label in apart:
            continue
        assert isinstance(parameter, Identified) == old[label]["identified"], label
        assert value_at(parameter, None) == old[label]["estimate"], label
        assert list(parameter.draws) == old[label]["draws"], label
    write_record(tmp_path / "new.json", profile, force=False)
    assert read_profile(tmp_path / "new.json") == profile


@pytest.mark.parametrize("path", RAW, ids=lambda path: f"{path.parts[-3]}-{path.name}")
def test_raw_calibrations_are_read_as_they_were_written(path: Path) -> None:
    """The samples' digest is over a text of each cell that no name of a field changes."""
    with gzip.open(path, "rt") as stream:
        document = json.load(stream)
    assert document["schema_version"].startswith("1.")
    calibration: Calibration = read_calibration(path)
    assert len(calibration.bursts) == len(document["bursts"])
    digest = hashlib.sha256()
    for burst in document["bursts"]:
        cell = ", ".join(f"{name}={value!r}" for name, value in (NO_CELL | burst["cell"]).items())
        samples = tuple(burst["samples_s"])
        digest.update(f"Cell({cell}) {burst['round']} {burst['worker']} {samples}".encode())
    assert samples_sha256(calibration.bursts) == digest.hexdigest()


def test_the_first_segment_of_a_path_is_one_of_them() -> None:
    later = {"from_bytes": 9.0, "latency_s": OPEN, "bandwidth_bytes_per_s": PARAMETER}
    path = {"latency_s": PARAMETER, "per_tensor_s": PARAMETER, "bandwidth_bytes_per_s": OPEN}
    made = converted(path | {"segments": [later], "credit_bytes": 3.0})
    assert [segment["from_bytes"] for segment in made["segments"]] == [0.0, 9.0]
    assert "estimate" not in made["segments"][0]["bandwidth_bytes_per_s"]
    assert made["segments"][1]["latency_s"]["too_small_to_see"] == 2.0
    assert made["credit_bytes"] == 3.0
    assert "latency_s" not in made


def test_what_is_no_record_stays_for_the_reader_to_refuse(tmp_path: Path) -> None:
    assert converted({"identified": 3, "draws": []}) == {"draws": []}
    assert converted([1, None, "x"]) == [1, None, "x"]
    path = tmp_path / "p.json"
    path.write_text('{"schema_version": "1.0", "kind": "profile", "device": 3}')
    with pytest.raises(InputError, match="name: got nothing"):
        read_profile(path)
