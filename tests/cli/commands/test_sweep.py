"""A sweep: each row is what predict says, none is lost and none comes twice, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nworkers.calibrate.host.watch import descendants, processes
from tests.cli.conftest import Run
from tests.support.sweeps import SMALL, by_key, stated

SCALE = Path(sys.executable).with_name("scale")
#: Long enough to be ended on the way: some hundred scenarios a core and second at most.
LONG = SMALL + "seed = " + str(list(range(1, 61))) + "\n"


def test_a_row_is_what_predict_says(run: Run, network: Path, tmp_path: Path) -> None:
    text = SMALL + 'what_if = ["half-precision"]\nspread = "5%"\n'
    done = run("sweep", stated(tmp_path, text), "-o", "rows.jsonl", "--jobs", "1")
    assert done.code == 0
    assert done.out.startswith("12 rows in rows.jsonl: 12 new.\n2 are impossible, such as this: ")
    rows = by_key(tmp_path / "rows.jsonl")
    assert len(rows) == 12
    for row in rows.values():
        inputs = row.pop("inputs")
        assert inputs["calibration"] == "network.json"
        assert row.pop("key") in rows
        asked = run(
            "predict", "--json", "--calibration", network, "--spread", inputs["spread"],
            "--strategy", inputs["strategy"], "--batch", inputs["batch"],
            "--workers", inputs["workers"], "--what-if", inputs["what_if"],
        )  # fmt: skip
        if "error" in row:
            # In the words of the file, not of the command line.
            assert row == {"error": "workers: got 1; allowed: at least 2 with strategy allreduce"}
            assert asked.error == (
                "--workers: got 1; allowed: at least 2 with --strategy allreduce"
            )
            continue
        said = json.loads(asked.out)
        # A sweep has the other scenarios itself, and looks for no way out of one.
        del said["rows"]
        said.pop("ways_out")
        assert row == said


def test_settings_and_step_times_are_axes(run: Run, network: Path, tmp_path: Path) -> None:
    (tmp_path / "steps.toml").write_text("[[step]]\nbatch = 8\nseconds = 0.1\n")
    file = tmp_path / "sweep.toml"
    file.write_text(
        'calibration = "network.json"\nworkers = 2\nbatch = 8\n'
        'settings = ["link.dispatch_s=1ms", ["link.dispatch_s=2x", "host.cores=8"]]\n'
        'step_time = ["steps.toml", ["10ms@8", "5ms@4"]]\n'
    )
    assert run("sweep", file, "-o", "rows.jsonl", "--jobs", "1").code == 0
    rows = by_key(tmp_path / "rows.jsonl")
    assert len(rows) == 4
    for row in rows.values():
        inputs = row.pop("inputs")
        texts = {
            name: [inputs[name]] if isinstance(inputs[name], str) else inputs[name]
            for name in ("settings", "step_time")
        }
        asked = run(
            "predict", "--json", "--calibration", network, "--batch", "8", "--workers", "2",
            *(word for text in texts["settings"] for word in ("--set", text)),
            *(word for text in texts["step_time"] for word in ("--step-time", text)),
        )  # fmt: skip
        said = json.loads(asked.out)
        assert {name: row[name] for name in said if name in row} == {
            name: value for name, value in said.items() if name in row
        }
        assert row["compute_source"] == "stated"
        assert row["as_measured"] is False


def test_one_process_and_several_make_the_same_rows(
    run: Run, network: Path, tmp_path: Path
) -> None:
    file = stated(tmp_path)
    assert run("sweep", file, "-o", "one.jsonl", "--jobs", "1").code == 0
    done = run("sweep", file, "-o", "two.jsonl", "--jobs", "2", "--json")
    assert json.loads(done.out) == {
        "output": "two.jsonl",
        "scenarios": 12,
        "before": 0,
        "new": 12,
        "impossible": 2,
        "because": "workers: got 1; allowed: at least 2 with strategy allreduce",
    }
    assert by_key(tmp_path / "one.jsonl") == by_key(tmp_path / "two.jsonl")


def test_a_torn_line_is_made_anew_and_nothing_else(run: Run, network: Path, tmp_path: Path) -> None:
    file, path = stated(tmp_path), tmp_path / "rows.jsonl"
    assert run("sweep", file, "-o", path, "--jobs", "1").code == 0
    whole, content = by_key(path), path.read_bytes()
    lines = content.splitlines(keepends=True)
    torn = b"".join(lines[:7]) + lines[7][: len(lines[7]) // 2]
    path.write_bytes(torn)
    refused = run("sweep", file, "-o", path, "--jobs", "1")
    assert refused.code == 2
    assert refused.error.endswith(
        "a new file, or add --resume to go on with it, or --force to replace it"
    )
    assert path.read_bytes() == torn
    done = run("sweep", file, "-o", path, "--jobs", "1", "--resume")
    assert done.out.startswith(f"12 rows in {path}: 5 new, 7 from before.")
    assert path.read_bytes().startswith(b"".join(lines[:7]))
    assert by_key(path) == whole
    # With more values, only these are missing.
    file.write_text(file.read_text().replace("[8, 16]", "[8, 16, 4]"))
    done = run("sweep", file, "-o", path, "--jobs", "1", "--resume")
    assert done.out.startswith(f"18 rows in {path}: 6 new, 12 from before.")
    assert by_key(path).items() >= whole.items()


def test_shards_make_the_whole_and_none_a_row_of_another(
    run: Run, network: Path, tmp_path: Path
) -> None:
    file = stated(tmp_path)
    assert run("sweep", file, "-o", "whole.jsonl", "--jobs", "1").code == 0
    parts = [tmp_path / f"rows-{k}.jsonl" for k in (1, 2, 3)]
    for k, part in enumerate(parts, start=1):
        assert run("sweep", file, "-o", part, "--jobs", "1", "--shard", f"{k}/3").code == 0
    assert by_key(*parts) == by_key(tmp_path / "whole.jsonl")


def begun(folder: Path, *more: str) -> subprocess.Popen[str]:
    """A long sweep in a process of its own, which has written some rows."""
    path = folder / "rows.jsonl"
    process = subprocess.Popen(
        [SCALE, "sweep", stated(folder, LONG), "-o", path, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for_rows(process, path)
    return process


def wait_for_rows(process: subprocess.Popen[str], path: Path) -> None:
    """Until there are more than now."""
    before = path.stat().st_size if path.exists() else 0
    give_up_s = time.monotonic() + 60
    while not path.exists() or path.stat().st_size <= before:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up_s
        time.sleep(0.01)


def started_by(process: subprocess.Popen[str]) -> set[int]:
    return descendants(processes(), [process.pid]) - {process.pid}


def gone(pids: set[int]) -> bool:
    until_s = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        if time.monotonic() > until_s:
            return False
        time.sleep(0.05)
    return True


def test_after_a_kill_and_an_interrupt_the_rest_is_done(
    run: Run, network: Path, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    process = begun(tmp_path, "--jobs", "2")
    children = started_by(process)
    process.kill()
    process.communicate(timeout=20)  # whoever still has the pipe has outlived the command
    assert gone(children), "processes outlive the command"
    first = by_key(path)
    assert 0 < len(first) < 720

    process = begun(tmp_path, "--jobs", "2", "--resume")
    children = started_by(process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: all of its processes
    out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert out == ""
    kept, ended = err.splitlines()[-2:]
    assert kept.endswith(f"rows in {path} stay; the same command with --resume goes on")
    assert ended == "scale: error: interrupted"
    assert "Traceback" not in err
    assert gone(children), "processes outlive the command"
    second = by_key(path)
    assert second.items() > first.items()

    # As much as is quick: the same scenarios with fewer seeds.
    few = stated(tmp_path, SMALL + "seed = [1, 60]\n")
    assert run("sweep", few, "-o", path, "--resume", "--jobs", "2").code == 0
    found = by_key(path)
    assert found.items() >= second.items()
    assert {row["inputs"]["seed"] for row in found.values()} >= {1, 60}
    assert run("sweep", few, "-o", "alone.jsonl", "--jobs", "1").code == 0
    assert by_key(tmp_path / "alone.jsonl").items() <= found.items()


def test_a_process_that_is_killed_is_told_of(network: Path, tmp_path: Path) -> None:
    process = begun(tmp_path, "--jobs", "2")
    workers = [pid for pid in started_by(process) if "spawn_main" in command_of(pid)]
    assert workers
    # The Ctrl-C of a terminal reaches them too, and is not theirs to obey.
    for pid in workers:
        os.kill(pid, signal.SIGINT)
    wait_for_rows(process, tmp_path / "rows.jsonl")
    wait_for_rows(process, tmp_path / "rows.jsonl")
    os.kill(workers[0], signal.SIGKILL)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 3
    assert "scale: error: a process of this sweep was ended" in err.splitlines()[-1]
    assert "--resume goes on" in err
    assert by_key(tmp_path / "rows.jsonl")


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["sweep.toml", "an empty file"]),
        ("batch = 8", ["sweep.toml: workers: got nothing"]),
        ("workers = [", ["no TOML"]),
        ("wokers = 2", ["sweep.toml: wokers: got an unknown key", "did you mean workers?"]),
        ("workers = 2\nbatches = 8", ["sweep.toml: batches", "did you mean batch?"]),
        ("workers = []", ["sweep.toml: workers: got an empty list", "at least one value"]),
        ("workers = [2, 0]", ["sweep.toml: workers[1]: got 0", "from 1 to 1000000"]),
        ("workers = [2, 4, 2]", ["sweep.toml: workers: got 2 twice", "each value once"]),
        ("workers = true", ["sweep.toml: workers: got true", "a text or a number"]),
        ("workers = 2\nbatch = [[8]]", ["sweep.toml: batch[0]: got [8]"]),
        ("workers = 2\nbatch = 1e3", ["sweep.toml: batch: got 1000.0", "an integer"]),
        ("workers = 2\nbatch = nan", ["sweep.toml: batch: got nan"]),
        (
            'workers = 2\nstrategy = "ps-asinc"',
            ["strategy: got ps-asinc", "did you mean ps-async?"],
        ),
        ("workers = 2\nmemory = 16", ["memory: got '16'", "such as 16GB"]),
        ('workers = 2\nlink = ["10gbit", "10gbits"]', ["link[1]: got 10gbits"]),
        ('workers = 2\ncalibration = "none.json"', ["none.json: got no such file"]),
        ('workers = 2\nwhat_if = "half-precisions"', ["what_if", "did you mean half-precision?"]),
        ("workers = 2\n[batch]\na = 1", ["batch: got {"]),
        (
            f"workers = {list(range(1, 1001))}\nbatch = {list(range(1, 1001))}\n"
            f"seed = {list(range(1, 1001))}",
            ["1,000,000,000 scenarios (seed 1,000 × batch 1,000 × workers 1,000)", "10,000,000"],
        ),
    ],
)
def test_a_file_that_states_no_sweep(run: Run, tmp_path: Path, text: str, words: list[str]) -> None:
    done = run("sweep", stated(tmp_path, text).name, "-o", "rows.jsonl")
    assert done.code == 2
    for word in words:
        assert word in done.error
    assert not (tmp_path / "rows.jsonl").exists()


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (["--jobs", "0"], "--jobs: got 0"),
        (["--jobs", "2", "--dask", "tcp://localhost:1"], "--jobs: got 2 beside --dask"),
        (["--dask", "x", "--dask-scheduler-file", "y"], "beside --dask-scheduler-file"),
        (["--dask-scheduler-file", "y.json"], "y.json: got no such file"),
        (["--dask-scheduler-file", "sweep.toml"], "no JSON"),
        (["--resume", "--force"], "--resume: got --resume with --force"),
        *(
            (["--shard", text], f"--shard: got {text}; allowed: a part and how many")
            for text in ("1", "0/4", "5/4", "1/0", "a/b", "1/2/3", "")
        ),
    ],
)
def test_options(run: Run, tmp_path: Path, more: list[str], word: str) -> None:
    done = run("sweep", stated(tmp_path, "workers = 2"), "-o", "rows.jsonl", *more)
    assert done.code == 2
    assert word in done.error
    assert not (tmp_path / "rows.jsonl").exists()


def test_lists_of_changes_and_what_is_usual(run: Run, network: Path, tmp_path: Path) -> None:
    text = """
    calibration = ["network.json", "emulated-1gbit"]
    link = ["default", "10gbit"]
    what_if = [[], "half-precision", ["half-precision", "compression=0.5"]]
    workers = 2
    """
    assert run("sweep", stated(tmp_path, text), "-o", "rows.jsonl", "--jobs", "1").code == 0
    rows = list(by_key(tmp_path / "rows.jsonl").values())
    assert len(rows) == 12
    assert {tuple(row["what_if"]) for row in rows} == {
        (), ("half-precision",), ("half-precision", "compression=0.5"),
    }  # fmt: skip
    assert len({(row["profile"], row["evidence"]) for row in rows}) == 4


def test_pictures(run: Run, network: Path, tmp_path: Path) -> None:
    file = stated(tmp_path)
    assert run("sweep", file, "-o", "rows.jsonl", "--jobs", "1").code == 0
    done = run("plot", "sweep", "rows.jsonl", "-o", "map.png")
    assert (done.code, done.err) == (0, "note: wrote map.png\n")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    one = ("--where", "strategy=ps-async", "--where", "workers=2", "--where", "workers=3")
    assert run("plot", "sweep", "rows.jsonl", *one, "-o", "one.svg").code == 0
    for where, words in {
        "ps": ["--where: got ps", "FIELD=VALUE"],
        "model=x": ["--where: got model=x", "one of calibration"],
        "strategy=ps-sync": ["strategy=ps-sync", "strategy=ps-async, strategy=allreduce"],
    }.items():
        refused = run("plot", "sweep", "rows.jsonl", "--where", where, "-o", "no.png")
        assert refused.code == 2
        assert all(word in refused.error for word in words)
    many = [
        row | {"inputs": row["inputs"] | {"seed": k}}
        for k in range(13)
        for row in rows_of(tmp_path)
    ]
    (tmp_path / "many.jsonl").write_text("".join(json.dumps(row) + "\n" for row in many))
    refused = run("plot", "sweep", "many.jsonl", "-o", "no.png")
    assert refused.code == 2
    assert "26 combinations of strategy, seed" in refused.error
    assert "choose with --where strategy=" in refused.error


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return list(by_key(folder / "rows.jsonl").values())
