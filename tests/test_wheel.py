"""A wheel holds the package `nworkers` alone, with a kernel where one can be built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from nworkers.simulator.engine.engines import IS_COMPILED

ROOT = Path(__file__).parent.parent
PARTS = ("calibrate", "cli", "models", "simulator", "src")
FILES = ("pyproject.toml", "README.md", "LICENSE")


def built(folder: Path, **environment: str) -> Path:
    """The wheel of a copy: no build folder of the working tree gets in, and none is left behind."""
    source = folder / "source"
    source.mkdir()
    litter = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.so", "*.pyd")
    for part in PARTS:
        shutil.copytree(ROOT / part, source / part, symlinks=True, ignore=litter)
    for name in FILES:
        shutil.copy(ROOT / name, source / name)
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


def predicted(wheel: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command of the wheel in an environment of its own, which borrows what it depends on."""
    home = folder / "environment"
    # Its own pip would take longer to install than all else.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True, timeout=120)
    (site,) = home.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(home)]
    install = [*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, timeout=120)
    kept = {name: of for name, of in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [home / "bin" / "scale", "predict", "--workers", "2"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
        env=kept,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("wheel"))


def test_top_level_of_the_wheel_is_the_package_alone(wheel: Path) -> None:
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
    assert not [name for name in names if name.endswith((".c", ".h"))]


@pytest.mark.skipif(not IS_COMPILED, reason="NOT TESTED: no kernel can be compiled here")
def test_one_wheel_with_the_kernel_serves_all_pythons(wheel: Path, tmp_path: Path) -> None:
    assert "-cp311-abi3-" in wheel.name
    (kernel,) = (name for name in zipfile.ZipFile(wheel).namelist() if "/kernel." in name[:-4])
    assert kernel.startswith("nworkers/simulator/engine/compiled/kernel.abi3")
    done = predicted(wheel, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "simpy" not in done.stderr


def test_without_a_compiler_the_package_works_and_says_so(wheel: Path, tmp_path: Path) -> None:
    plain = built(tmp_path, CC="false", CXX="false")
    assert not [name for name in zipfile.ZipFile(plain).namelist() if name.endswith(".so")]
    done = predicted(plain, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("simpy simulates") == 1
