"""A wheel holds the package `nworkers` and nothing beside it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PARTS = ("calibrate", "cli", "models", "simulator", "src")
FILES = ("pyproject.toml", "README.md", "LICENSE")


def test_top_level_of_the_wheel_is_the_package_alone(tmp_path: Path) -> None:
    # A copy, so that no build folder of the working tree gets in, and none is left behind.
    source = tmp_path / "source"
    source.mkdir()
    litter = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in PARTS:
        shutil.copytree(ROOT / folder, source / folder, symlinks=True, ignore=litter)
    for name in FILES:
        shutil.copy(ROOT / name, source / name)
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, source],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"nworkers"}
    assert len(top) == 2

    expected = {
        f"nworkers/{path.relative_to(ROOT)}"
        for folder in PARTS[:-1]
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".json", ".toml", ".csv") and "__pycache__" not in path.parts
    }
    assert expected <= names
    assert "nworkers/py.typed" in names
