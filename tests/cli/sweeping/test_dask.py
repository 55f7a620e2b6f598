"""A sweep on Dask: a real scheduler and real workers, each a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.support.sweeps import SMALL, by_key, stated

ROOT = Path(__file__).parents[3]
DASK = Path(sys.executable).with_name("dask")
SCALE = Path(sys.executable).with_name("scale")
HERE = ("--host", "127.0.0.1", "--no-dashboard")
START_S = 60.0


@contextmanager
def started(
    log: Path, *words: str | Path, path: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of Dask's, until the end of the block.

    Args:
        path: where its packages come from before anywhere else.
    """
    environment = dict(os.environ)
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    with open(log, "ab") as stream:
        process = subprocess.Popen(
            [DASK, *words], stdout=stream, stderr=stream, cwd=log.parent, env=environment
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def scheduling(folder: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """A scheduler, and the file with its address."""
    file = folder / "scheduler.json"
    words = ("scheduler", "--port", "0", *HERE, "--scheduler-file", file)
    with started(folder / "scheduler.log", *words) as process:
        until_s = time.monotonic() + START_S
        while not file.exists():
            assert process.poll() is None, (folder / "scheduler.log").read_text()
            assert time.monotonic() < until_s
            time.sleep(0.05)
        yield file, process


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with scheduling(tmp_path_factory.mktemp("dask")) as (file, _):
        yield file


def worker(file: Path, folder: Path, name: str) -> tuple[str | Path, ...]:
    """The words that start one; without a nanny, which would start it again."""
    kept = ("--local-directory", folder / name, "--name", name)
    one = ("--nworkers", "1", "--nthreads", "1", "--no-nanny")
    return ("worker", *HERE, *one, *kept, "--scheduler-file", file)


def begun(file: Path, path: Path, scheduler: Path, rows: int) -> subprocess.Popen[str]:
    """A sweep that has written some rows."""
    sweep = subprocess.Popen(
        [SCALE, "sweep", file, "-o", path, "--dask-scheduler-file", scheduler],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not path.exists() or path.read_bytes().count(b"\n") < rows:
        assert sweep.poll() is None, sweep.communicate()
        time.sleep(0.01)
    return sweep


def test_a_worker_that_is_killed_costs_no_row(
    run: Run, network: Path, scheduler: Path, tmp_path: Path
) -> None:
    file = stated(tmp_path, SMALL + "seed = [1, 2, 3]\n")
    path = tmp_path / "rows.jsonl"
    log = tmp_path / "workers.log"
    with (
        started(log, *worker(scheduler, tmp_path, "a")) as first,
        started(log, *worker(scheduler, tmp_path, "b")) as second,
    ):
        until_s = time.monotonic() + START_S
        while log.read_text().count("Starting established connection") < 2:
            assert first.poll() is second.poll() is None, log.read_text()
            assert time.monotonic() < until_s
            time.sleep(0.05)
        sweep = begun(file, path, scheduler, rows=9)
        first.kill()
        at_the_kill = path.read_bytes().count(b"\n")
        out, err = sweep.communicate(timeout=120)
        assert second.poll() is None
    assert sweep.returncode == 0, err
    assert all(line.startswith("sweeping: ") for line in err.splitlines()), err
    assert at_the_kill < 36, "it was over before"
    assert out.startswith(f"36 rows in {path}: 36 new.\n6 are impossible")
    assert run("sweep", file, "-o", "here.jsonl", "--jobs", "1").code == 0
    assert by_key(path) == by_key(tmp_path / "here.jsonl")


def test_a_worker_of_another_version_is_told_of(
    network: Path, scheduler: Path, tmp_path: Path
) -> None:
    package = tmp_path / "old" / "nworkers"
    package.mkdir(parents=True)
    for folder in ("calibrate", "cli", "models", "simulator"):
        (package / folder).symlink_to(ROOT / folder)
    shutil.copy(ROOT / "src" / "nworkers" / "__init__.py", package)
    text = (package / "__init__.py").read_text()
    (package / "__init__.py").write_text(text.replace('__version__ = "', '__version__ = "0.0.'))
    words = worker(scheduler, tmp_path, "old")
    with started(tmp_path / "old.log", *words, path=package.parent):
        done = subprocess.run(
            [SCALE, "sweep", stated(tmp_path), "-o", tmp_path / "rows.jsonl",
             "--dask-scheduler-file", scheduler],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 3, (tmp_path / "old.log").read_text()
    (line,) = done.stderr.splitlines()
    assert "runs nworkers 0.0.0" in line
    assert line.endswith("install the same on both")
    assert not (tmp_path / "rows.jsonl").exists()


def test_a_scheduler_that_goes_away(network: Path, tmp_path: Path) -> None:
    file = stated(tmp_path, SMALL + "seed = " + str(list(range(99))))
    path = tmp_path / "rows.jsonl"
    with (
        scheduling(tmp_path) as (address, process),
        started(tmp_path / "worker.log", *worker(address, tmp_path, "a")),
    ):
        sweep = begun(file, path, address, rows=1)
        process.kill()
        _, err = sweep.communicate(timeout=60)
    assert sweep.returncode == 3, err
    *before, kept, ended = err.splitlines()
    assert all(line.startswith("sweeping: ") for line in before)
    assert kept.endswith("the same command with --resume goes on")
    assert "a worker of Dask at tcp://127.0.0.1" in ended
    assert by_key(path)


def test_a_scheduler_that_is_not_there(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from nworkers.cli import app\n"
        "from nworkers.cli.sweeping import executors\n"
        "executors.CONNECT_S = 1.0\n"
        "sys.exit(app.main())\n"
    )
    for address, status, words in (
        ("tcp://127.0.0.1:9", 3, "no Dask scheduler answers at tcp://127.0.0.1:9"),
        ("nonsense://here", 2, "--dask: got nonsense://here; allowed: the address of a Dask"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, "sweep", stated(tmp_path, "workers = 2"),
             "-o", tmp_path / "rows.jsonl", "--dask", address],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        (line,) = done.stderr.splitlines()
        assert words in line
    assert not (tmp_path / "rows.jsonl").exists()


def test_without_dask(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = run("sweep", stated(tmp_path, "workers = 2"), "-o", "a.jsonl", "--dask", "tcp://h:1")
    assert done.code == 3
    assert done.error == "Dask is not installed; install it with: pip install 'nworkers[dask]'"
