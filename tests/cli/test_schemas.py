"""Whatever is kept, printed or written keeps to the schema that ships."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

from nworkers.models.files.shipped import shipped_profile, shipped_profiles
from nworkers.models.files.store import record_text
from nworkers.models.records.calibration import Calibration
from nworkers.models.records.profile import Profile
from tests.cli.conftest import Run
from tests.kept.answers import recorded
from tests.kept.commands import COMMANDS
from tests.support.calibrations import CELLS, burst, calibration


def schema(run: Run, what: str) -> Any:
    found = json.loads(run("schema", what).out)
    jsonschema.Draft202012Validator.check_schema(found)
    return found


def problems(found: Any, document: Any) -> list[str]:
    errors = jsonschema.Draft202012Validator(found).iter_errors(document)
    return [f"{error.json_path}: {error.message[:200]}" for error in errors]


def test_every_kept_answer_keeps_to_its_command_s(run: Run) -> None:
    found = schema(run, "answers")
    for name in COMMANDS:
        answer, command = recorded(name)["answer"], name.split()[0]
        # One command's is far quicker than to try them all.
        if answer is not None and command in found["$defs"]:
            one = {"$ref": f"#/$defs/{command}", "$defs": found["$defs"]}
            assert not problems(one, answer), name


def test_an_answer_and_an_error_of_now_keep_to_it(run: Run, network: Path) -> None:
    found = schema(run, "answers")
    asked = ("predict", "--calibration", network, "--workers")
    assert not problems(found, json.loads(run(*asked, "1,2", "--json").out))
    assert not problems(found, json.loads(run(*asked, "none", "--json").out))
    assert problems(found, {"rows": [], "notes": "none"})
    assert problems(found, {})


def test_files_keep_to_theirs(run: Run) -> None:
    found = schema(run, "files")
    made = calibration(burst(CELLS[0], 0))
    written: list[Calibration | Profile] = [made, *map(shipped_profile, shipped_profiles())]
    for record in written:
        assert not problems(found, json.loads(record_text(record)))
    document = json.loads(record_text(made))
    assert problems(found, document | {"bursts": 3})
    assert problems(found, document | {"kind": "calibrations"})
    assert problems(found, {"kind": "profile"})


def test_a_schema_that_is_none(run: Run) -> None:
    assert "allowed: files, answers" in run("schema", "file").error
