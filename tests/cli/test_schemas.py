"""Whatever is kept, printed or written keeps to the schema that ships.

The fixture `run` holds whatever the tests of commands print to it, and to no name more.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import typer

from nworkers.cli.documents.answer_schema import DOCUMENTS
from nworkers.cli.shown import calibration_json
from nworkers.cli.tree import app
from nworkers.models.files.shipped import shipped_profile, shipped_profiles
from nworkers.models.files.store import record_text
from nworkers.models.findings.calibration_answer import calibration_answer
from nworkers.models.records.calibration import Calibration
from nworkers.models.records.profile import Profile
from tests.cli.conftest import Run
from tests.kept.answers import recorded
from tests.kept.commands import COMMANDS
from tests.support.answer_schemas import unstated
from tests.support.calibrations import CELLS, burst, calibration


def schema(run: Run, what: str) -> Any:
    found = json.loads(run("schema", what).out)
    jsonschema.Draft202012Validator.check_schema(found)
    return found


def problems(found: Any, document: Any) -> list[str]:
    errors = jsonschema.Draft202012Validator(found).iter_errors(document)
    return [f"{error.json_path}: {error.message[:200]}" for error in errors]


def test_every_kept_answer_keeps_to_its_command_s() -> None:
    for name in COMMANDS:
        assert not (found := unstated(name.split()[0], recorded(name)["answer"])), (name, found)


def test_an_answer_and_an_error_of_now_keep_to_it(run: Run, network: Path) -> None:
    found = schema(run, "answers")
    asked = ("predict", "--calibration", network, "--workers")
    document = json.loads(run(*asked, "1,2", "--json").out)
    assert not problems(found, document)
    assert not problems(found, json.loads(run(*asked, "none", "--json").out))
    # Names are added over time.
    document["rows"][1]["speedups"] = 2.0
    assert not problems(found, document)
    assert problems(found, {"rows": [], "notes": "none"})
    assert problems(found, {})


def test_a_name_that_no_record_states_is_found(run: Run, network: Path) -> None:
    document = json.loads(run("predict", "--calibration", network, "--workers", "2", "--json").out)
    assert not unstated("predict", document)
    document["rows"][0]["memory"]["card_bytes"] = 1.0
    assert "card_bytes" in unstated("predict", document)
    del document["rows"][0]["memory"]["card_bytes"], document["rows"][0]["speedup"]
    assert "speedup" in unstated("predict", document)


def test_every_command_that_prints_documents_states_them() -> None:
    made: Any = typer.main.get_command(app)
    printing = {
        name
        for name, command in made.commands.items()
        for one in getattr(command, "commands", {name: command}).values()
        if any("--json" in option.opts for option in one.called().params)
    }
    assert printing == DOCUMENTS.keys() - {"error"}


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


def test_a_report_of_a_calibration_and_a_sweep_s_rows_keep_to_theirs(
    run: Run, tmp_path: Path
) -> None:
    bursts = [burst(CELLS[0], 0), burst(CELLS[0], 1)]
    answer = calibration_answer(calibration(*bursts))
    report = calibration_json.document(answer, None, Path("my.json"))
    assert not (found := unstated("calibrate", json.loads(json.dumps(report)))), found
    (tmp_path / "few.toml").write_text("workers = [1, 2]\nbatch = [1, 64]\n")
    assert run("sweep", "few.toml", "-o", "rows.jsonl", "--jobs", "1", "--json").code == 0
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert sum("error" in row for row in rows) == 1
    for row in rows:
        assert not (found := unstated("sweep", row)), found
