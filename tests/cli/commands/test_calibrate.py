"""`scale calibrate` on real tasks, in this process: its options, its exit codes and what it says.

The fork server stays alive between the tests, so that a round costs a second instead of nine. What
is kept and gone on with is tested in `test_session`, what ends this process in
`test_calibrate_ends`.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import pytest

from nworkers.calibrate.campaigns import session
from nworkers.calibrate.host import gpus
from nworkers.calibrate.host.environment import environment
from nworkers.cli import app
from nworkers.models.files.journal import journal_path
from nworkers.models.files.store import read_calibration, write_record
from nworkers.models.records.calibration import Calibration, Environment
from tests.cli.conftest import Done, Run, unchanged
from tests.support.calibrating import (
    Watch,
    interrupt_at,
    kill_ps_at,
    pairs,
    planned,
    small_calibrations,
    watching,
)

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("small")]

FILE = Path("a.json")
QUICK = ("calibrate", "--quick", "-o", FILE)
NOOP = (*QUICK, "--only", "noop")
FEW = (*QUICK, "--only", "noop,fetch")
#: The fewest samples that give a p99 its interval.
P99_SAMPLES = 368


@pytest.fixture(scope="module")
def small() -> Iterator[None]:
    with small_calibrations():
        yield


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return watching(monkeypatch)


@dataclass(frozen=True)
class Whole:
    """A quick calibration of everything, and what the command said."""

    path: Path
    done: Done

    @property
    def calibration(self) -> Calibration:
        return read_calibration(self.path)


@pytest.fixture(scope="module")
def whole(small: None, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    out, err = StringIO(), StringIO()
    with (
        unchanged(),
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        patch.chdir(folder)
        code = app.run([*map(str, QUICK)])
    return Whole(folder / FILE, Done(code, out.getvalue(), err.getvalue()))


@pytest.fixture
def measured(run: Run, whole: Whole) -> Calibration:
    """The whole calibration as FILE, for this test alone."""
    shutil.copy(whole.path, FILE)
    return whole.calibration


def test_a_quick_calibration_is_provisional_and_says_so(whole: Whole) -> None:
    done, kept = whole.done, whole.calibration
    assert done.code == 0, done.err
    assert kept.complete
    assert kept.stopped == ""
    assert kept.profile is not None
    assert kept.profile.provisional
    assert kept.memory is not None
    assert {b.round for b in kept.bursts} == {0, 1}
    assert len(pairs(kept)) == len(set(pairs(kept))) == planned()
    ratio, answer, then = done.out.splitlines()
    assert "as long when its operand is fetched from a parameter server" in ratio
    assert "one process" in answer
    assert then.startswith("Next: scale breakeven --calibration a.json")
    assert "scale calibrate --resume --rounds 5 -o a.json" in then
    assert "2 rounds (fetch " in done.err
    assert not journal_path(whole.path).exists()


def test_more_rounds_make_it_firm_and_json_has_the_end_report(
    run: Run, measured: Calibration
) -> None:
    done = run("calibrate", "--resume", "--rounds", "5", "-o", FILE, "--json")
    assert done.code == 0, done.err
    after = read_calibration(FILE)
    assert after.bursts[: len(measured.bursts)] == measured.bursts
    assert len(pairs(after)) == len(set(pairs(after))) == 5 * len(pairs(measured)) // 2
    assert after.profile is not None
    assert not after.profile.provisional
    assert len(after.resumed) == 1

    document = json.loads(done.out)
    assert document["breakeven"]["batch"] == 32
    assert document["next"] == "scale breakeven --calibration a.json"
    assert document["provisional"] is False
    assert document["fitted"] is True
    assert document["not_fitted"] is None
    assert document["stopped"] is None
    assert "load_1min_after" in document["environment"]["facts"]
    assert document["neighbours"] == [] or "comm" in document["neighbours"][0]
    assert document["hosts"] == []
    first = document["precision"][0]
    assert {"cell", "half_width", "target", "reached", "stops", "outliers", "p50_s"} <= first.keys()
    for row in document["precision"]:
        assert (row["p99_s"] is None) == (row["samples"] < P99_SAMPLES)


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        (interrupt_at, 130, "interrupted"),
        (kill_ps_at, 3, "task ps0 was ended by signal 9 (SIGKILL); its log: a.logs/ps0.log"),
    ],
    ids=["Ctrl-C", "a dead task"],
)
def test_a_run_that_ends_early_says_why_and_how_to_go_on(
    run: Run, cluster: Watch, how: Callable[[int], Callable[[int], None]], code: int, said: str
) -> None:
    cluster(on_burst=how(4))
    done = run(*FEW)
    assert done.code == code
    assert said in done.err
    assert "to go on: scale calibrate --resume -o a.json" in done.err
    assert not read_calibration(FILE).complete
    assert not journal_path(FILE).exists()


def test_a_journal_is_told_with_the_way_to_go_on(run: Run) -> None:
    journal_path(FILE).write_text("")
    assert "--resume to go on with it, --force to measure anew" in run(*FEW).error


def test_only_some_quantities_are_kept_without_a_profile(run: Run) -> None:
    done = run(*NOOP)
    assert done.code == 0, done.err
    kept = read_calibration(FILE)
    assert {b.cell.quantity for b in kept.bursts} == {"noop"}
    assert kept.profile is None
    assert kept.memory is None
    assert "too few for a profile" in done.out
    more = run("calibrate", "--resume", "--only", "apply", "-o", FILE)
    assert more.code == 0, more.err
    assert {b.cell.quantity for b in read_calibration(FILE).bursts} == {"noop", "apply"}


def test_what_may_be_asked_for_beside_the_defaults(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two ps, one worker, one thread, an input pipeline and a soak; TF_CONFIG is set aside."""
    (tmp_path / "mine.py").write_text(
        "import tensorflow as tf\ndef data(): return tf.data.Dataset.range(9)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("TF_CONFIG", "{no JSON")
    assert "TF_CONFIG" in run(*NOOP).error
    asked = ("--ps", "2", "--worker", "1", "--threads", "1", "--soak", "0.05")
    pipeline = ("--input", "mine:data")
    done = run(*QUICK, "--local", *asked, *pipeline, "--only", "noop,input")
    assert done.code == 0, done.err
    kept = read_calibration(FILE)
    assert (kept.ps, kept.workers, kept.threads, kept.pipeline) == (2, 1, 1, pipeline[1])
    assert {b.cell.quantity for b in kept.bursts} == {"noop", "input", "soak"}
    assert "soak" in done.out


@pytest.mark.parametrize("quantity", ["copy_in", "input"])
def test_what_there_is_not_to_measure_here_is_refused(run: Run, quantity: str) -> None:
    assert "what there is to measure here" in run(*QUICK, "--only", quantity).error


@pytest.mark.parametrize("device", ["tpu", ""])
def test_a_device_that_there_is_not_is_refused(run: Run, device: str) -> None:
    said = run("calibrate", "--device", device, "-o", FILE).error
    assert "--device" in said
    assert "cpu, gpu" in said


def test_a_gpu_that_is_not_here_is_a_fault_of_the_hardware(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("calibrate", "--device", "gpu", "-o", FILE)
    monkeypatch.setattr(gpus, "device_present", lambda: False)
    missing = run(*asked)
    assert missing.code == 3
    assert "no NVIDIA GPU on this machine" in missing.err
    monkeypatch.setattr(gpus, "device_present", lambda: True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "CUDA_VISIBLE_DEVICES: got '', which hides every GPU" in run(*asked).error


def test_a_quantity_that_there_is_not_gets_a_hint(run: Run) -> None:
    assert "did you mean fetch?" in run("calibrate", "--only", "noop,fecth", "-o", FILE).error


@pytest.mark.usefixtures("whole")  # the fork server is there
def test_a_time_limit_ends_a_calibration_soon(run: Run) -> None:
    began = time.monotonic()
    done = run(*NOOP, "--rounds", "1000", "--time-limit", "0m2s")
    assert time.monotonic() - began < 2 + 5
    assert done.code == 0, done.err
    kept = read_calibration(FILE)
    assert not kept.complete
    assert kept.stopped == "the time limit"
    assert "too few for a profile" in done.out
    assert "Incomplete (the time limit); the rest: scale calibrate --resume -o a.json" in done.out
    assert not journal_path(FILE).exists()


@pytest.mark.parametrize("text", ["", "soon", "-1", "0", "5 apples", "1e400", "m", "99999h", "nan"])
def test_a_time_limit_that_is_no_time(run: Run, text: str) -> None:
    error = run("calibrate", "--time-limit", text, "-o", FILE).error
    assert "--time-limit" in error
    assert "90s, 5m or 1h30m" in error


def test_to_stdout_goes_the_calibration_alone(run: Run, tmp_path: Path) -> None:
    done = run("calibrate", "--quick", "--rounds", "1", "-o", "-")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert (document["kind"], document["complete"]) == ("calibration", True)
    assert document["profile"]
    assert "as long when its operand is fetched from a parameter server" in done.err
    assert "Wrote stdout" in done.err
    assert list(tmp_path.iterdir()) == []
    assert "one of them" in run("calibrate", "--quick", "-o", "-", "--json").error
    assert "a file to go on with" in run("calibrate", "--resume", "-o", "-").error


def test_to_stdout_after_ctrl_c(run: Run, cluster: Watch) -> None:
    cluster(on_burst=interrupt_at(3))
    done = run("calibrate", "--quick", "--only", "noop", "-o", "-")
    assert done.code == 130
    document = json.loads(done.out)
    assert document["complete"] is False
    assert document["bursts"]


def refused(run: Run, *arguments: object) -> str:
    before = FILE.read_bytes()
    error = run("calibrate", *arguments, "-o", FILE).error
    assert FILE.read_bytes() == before
    return error


@pytest.mark.usefixtures("measured")
def test_resuming_elsewhere_or_otherwise_is_refused_by_name(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    otherwise = refused(run, "--resume", "--workload", "mlp:8,4", "--batch", "64")
    assert "--workload was gemm:128,256, is mlp:8,4" in otherwise
    assert "--batch was 32, is 64" in otherwise
    assert "one of them" in refused(run, "--resume", "--force")
    assert "at least 2" in refused(run, "--resume", "--rounds", "1")
    real = environment()
    facts = real.facts | {"cpu_model": "Another", "cores_usable": "96"}
    with monkeypatch.context() as patched:
        patched.setattr(session, "environment", lambda: Environment("", "", facts))
        elsewhere = refused(run, "--resume")
    assert f"processor was {real.facts['cpu_model']}, is Another" in elsewhere
    assert "cores was" in elsewhere
    planless = replace(read_calibration(FILE), planned=None)
    write_record(FILE, planless, force=True)
    assert "does not say what was planned" in refused(run, "--resume")


def test_nothing_to_go_on_with(run: Run) -> None:
    assert "does not exist" in run("calibrate", "--refine", "-o", FILE).error
    begun = run(*NOOP, "--resume")
    assert begun.code == 0
    assert "nothing to resume at a.json; beginning" in begun.err
    again = run("calibrate", "--resume", "-o", FILE)
    assert again.code == 0
    assert "a.json is complete" in again.err
    journal_path(FILE).write_text("")
    assert "an empty file" in run("calibrate", "--resume", "-o", FILE).error
