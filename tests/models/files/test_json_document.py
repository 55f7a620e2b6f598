"""JSON documents: long ones are made into records by parts, and are then the same records."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.files import json_document
from nworkers.models.files.json_document import JsonDocument
from nworkers.models.files.store import read_calibration, record_text, write_record
from nworkers.models.records.calibration import Calibration

LONG = Path(__file__).parents[2] / "kept" / "h100-quick.json.gz"


@pytest.fixture(scope="module")
def measured() -> Calibration:
    """Of version 1 in its file."""
    return read_calibration(LONG)


def by_parts(text: str) -> Calibration:
    return JsonDocument(text.encode(), "text", "a calibration").record(Calibration)


def test_a_record_by_parts_is_the_record(
    measured: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = record_text(measured)
    compact = json.dumps(json.loads(text), separators=(",", ":"))
    for part_bytes in (50, 20_000):
        monkeypatch.setattr(json_document, "PART_BYTES", part_bytes)
        assert by_parts(text) == measured
        assert by_parts(compact) == measured
    assert read_calibration(LONG) == measured


def test_a_value_is_named_by_its_place_in_the_whole(
    measured: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = json.loads(record_text(measured))
    document["bursts"][7]["samples_s"][1] = -1.0
    with pytest.raises(InputError) as whole:
        by_parts(json.dumps(document))
    monkeypatch.setattr(json_document, "PART_BYTES", 1000)
    with pytest.raises(InputError) as parts:
        by_parts(json.dumps(document))
    assert str(parts.value) == str(whole.value)
    assert "text: bursts[7].samples_s[1]: got -1.0" in str(whole.value)
    del document["workload"]
    with pytest.raises(InputError, match="text: workload: got nothing; allowed: this field"):
        by_parts(json.dumps({**document, "bursts": []}))
    document["bursts"][7]["samples_s"][1] = 1e30
    document["workload"] = 1
    with pytest.raises(InputError, match="text: workload: got 1; allowed: an object"):
        by_parts(json.dumps(document))


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("[" * 200_000, "nested too deeply; allowed: at most 64 levels"),
        ('{"kind": ' * 5000, "nested too deeply"),
        ('{"a": [' + "1," * 15_000_000 + "1]}", "values; allowed: at most 14,000,000"),
        ('{"a": "' + "x" * 5_000_000, "no JSON object"),
        ('{"a": 1' + " " * 5_000_000, "no JSON object"),
        ("1" * 5_000_000, "no JSON object"),
        ('{"a": 1} {"b": "' + "x" * 5_000_000 + '"}', "no JSON object"),
        ('{"bursts" 1,,}' + " " * 5_000_000, "nothing"),
    ],
)
def test_what_is_refused_is_refused_quickly(text: str, got: str) -> None:
    began = time.process_time()
    with pytest.raises(InputError) as caught:
        by_parts(text)
    assert got in str(caught.value)
    assert time.process_time() - began < 3.0


def test_a_long_calibration_takes_no_more_than_three_times_its_size(
    measured: Calibration, tmp_path: Path
) -> None:
    path = tmp_path / "long.json"
    write_record(path, replace(measured, bursts=measured.bursts * 30), force=False)
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from nworkers.models.files.store import read_calibration\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "read_calibration(Path(sys.argv[1])); before = peak()\n"
        "found = read_calibration(Path(sys.argv[2])); print(peak() - before, len(found.bursts))"
    )
    small = tmp_path / "small.json"
    write_record(small, replace(measured, bursts=measured.bursts[:1]), force=False)
    done = subprocess.run(
        [sys.executable, "-c", code, small, path], capture_output=True, check=True, text=True
    )
    taken, bursts = map(int, done.stdout.split())
    assert bursts == 30 * len(measured.bursts)
    assert taken < 3 * path.stat().st_size + 3 * json_document.PART_BYTES
