"""What is public: listed, documented, loaded late, and the same as the commands print."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nworkers
from nworkers.cli.shown.row_json import row
from nworkers.models.files.store import write_record
from tests.cli.conftest import Run
from tests.support.factories import profile

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
HEAVY = {"tensorflow", "keras", "matplotlib", "scipy.optimize", "typer", "rich"}


def test_every_public_name_is_there_and_documented() -> None:
    page = PAGE.read_text()
    for name in nworkers.__all__:
        assert getattr(nworkers, name) is not None
        assert re.search(rf"`{name}[`(]", page), f"{name} is not in docs/api.md"
    told = set(re.findall(r"^\| `(\w+)", page, flags=re.MULTILINE))
    assert told == set(nworkers.__all__)
    assert set(nworkers.__all__) <= set(dir(nworkers))
    with pytest.raises(AttributeError, match="no attribute 'calibration'"):
        _ = nworkers.calibration


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_of_the_page_runs() -> None:
    page = PAGE.read_text()
    (example,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    printed = page.partition("```\n\n    ")[2].partition("\n\n")[0]
    assert python(example).split() == printed.split()


def test_import_costs_nothing_and_predict_little() -> None:
    loaded = "import sys, nworkers\nbefore = set(sys.modules)\n"
    before = set(python(loaded + "print(*before)").split())
    assert not before & {*HEAVY, "numpy", "pydantic", "simpy"}
    after = python(loaded + "nworkers.predict(nworkers.JobRequest(), 1)\nprint(*sys.modules)")
    assert not set(after.split()) & HEAVY


def test_a_request_to_measure_is_checked_before_anything_is_loaded() -> None:
    code = (
        "import sys, nworkers\n"
        "try:\n"
        "    nworkers.measure(nworkers.CalibrationRequest(batch=0))\n"
        "except nworkers.InputError as error:\n"
        "    print(error.field, error.allowed)\n"
        "print(*sys.modules)"
    )
    said, modules = python(code).splitlines()
    assert said == "batch a number from 1 to 65536"
    assert not set(modules.split()) & {"tensorflow", "keras", "matplotlib", "typer", "rich"}


def test_python_m_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nworkers", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"scale {nworkers.__version__}\n"


def test_commands_print_the_records_that_functions_return(run: Run, network: Path) -> None:
    request = nworkers.JobRequest(network, strategy="ps-sync", seed=3)
    options = ("--calibration", network, "--strategy", "ps-sync", "--seed", "3", "--json")
    printed = json.loads(run("predict", "--workers", "1,3", *options).out)["rows"]
    for mine, theirs in zip(nworkers.predict(request, [1, 3]), printed, strict=True):
        assert json.loads(json.dumps(row(mine))).items() <= theirs.items()
    curve = nworkers.breakeven(request, 3)
    document = json.loads(run("breakeven", "--max-workers", "3", *options).out)
    for mine, theirs in zip(curve.rows, document["rows"], strict=True):
        assert json.loads(json.dumps(row(mine))).items() <= theirs.items()
    assert curve.breakeven_workers == document["breakeven_workers"]


def test_load_tells_records_apart(tmp_path: Path) -> None:
    assert isinstance(nworkers.load("emulated-1gbit"), nworkers.Profile)
    path = tmp_path / "mine.json"
    write_record(path, profile(), force=False)
    assert nworkers.load(path) == profile()
    with pytest.raises(nworkers.InputError, match="no such file"):
        nworkers.load("nothing.json")
