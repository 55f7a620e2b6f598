"""What only asks and fits uses nothing of Linux alone: not fork, resource, /proc, or namespaces."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nworkers.models.files.store import write_record
from nworkers.models.fitting.fit import fit_profile
from tests.support.synthetic import synthetic
from tests.support.tables import SAMPLES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, taken = tmp_path_factory.mktemp("fitted") / "fitted.json.gz", synthetic(rounds=1)
    write_record(path, replace(taken, profile=fit_profile(taken, draws=2)), force=False)
    return path


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_asking_fitting_and_drawing_need_no_linux(
    platform: str, fitted: Path, tmp_path: Path
) -> None:
    (tmp_path / "sweep.toml").write_text("workers = [1, 2]\nbatch = [8, 16]\n")
    commands = [
        ["fit", str(fitted), "-o", "mine.json", "--draws", "20"],
        ["fit", str(SAMPLES / "nccl.txt"), "-o", "nccl.json"],
        ["predict", "--workers", "1,2,4", "--calibration", "mine.json", "--json"],
        ["predict", "--workers", "3", "--strategy", "ps-sync", "--trace", "trace.json"],
        ["breakeven", "--max-workers", "4", "--calibration", "mine.json", "--plot", "be.png"],
        ["plot", "breakeven", "-o", "again.svg", "--max-workers", "3"],
        ["plot", "fit", str(fitted), "-o", "fit.png"],
        ["sweep", "sweep.toml", "-o", "rows.jsonl", "--jobs", "1"],
        ["sweep", "sweep.toml", "-o", "rows.jsonl", "--jobs", "1", "--resume"],
        ["plot", "sweep", "rows.jsonl", "-o", "map.png"],
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.elsewhere", platform],
        input=json.dumps(commands),
        cwd=tmp_path,
        env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    codes = json.loads(done.stderr.splitlines()[-1])
    assert codes == [0] * len(commands), done.stderr
