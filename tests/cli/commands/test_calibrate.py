"""`scale calibrate` on real tasks, in this process: what it keeps, goes on with and refuses.

The fork server stays alive between the tests, so that a round costs a second instead of nine; what
ends this process is tested in `test_calibrating`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, replace
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from nworkers.calibrate.campaigns import campaign, session
from nworkers.calibrate.campaigns.campaign import Machines, local_machines
from nworkers.calibrate.campaigns.cell_group import CellGroup
from nworkers.calibrate.campaigns.plan import plan
from nworkers.calibrate.campaigns.presets import PRESETS
from nworkers.calibrate.campaigns.presets import QUICK as REAL_QUICK
from nworkers.calibrate.campaigns.scope import Scope
from nworkers.calibrate.cluster import task
from nworkers.calibrate.cluster.cluster import Cluster
from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.host import environment
from nworkers.calibrate.probes.sampling import Limits, Samples, nothing, sample
from nworkers.calibrate.training.tasks import TaskAddress, TaskGroup
from nworkers.cli import app
from nworkers.models.base.errors import InputError
from nworkers.models.files.journal import journal_path, read_journal
from nworkers.models.files.store import read_calibration, write_record
from nworkers.models.fitting import fit, precision
from nworkers.models.records.calibration import Burst, Calibration, Cell, Environment
from nworkers.models.records.workload import named_workload
from tests.cli.conftest import Done, Run, unchanged
from tests.support.kills import tasks

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("small")]

FILE = Path("a.json")
QUICK = ("calibrate", "--quick", "-o", FILE)
NOOP = (*QUICK, "--only", "noop")
FEW = (*QUICK, "--only", "noop,fetch")
#: A quick calibration of every quantity that takes seconds.
SMALL = replace(
    REAL_QUICK,
    gemm=((32, 8, 32), (128, 32, 128), (512, 128, 512)),
    largest_bytes=2**20,
    sizes=4,
    tensors=(1, 16),
    together=(4, 2**17),
    both=(4, 2**17),
    updates=(2**12,),
    python=(4,),
    batches=3,
    burst_s=0.01,
    window_s=0.02,
    max_samples=60,
)
#: The fewest samples that give a p99 its interval.
P99_SAMPLES = 368
#: How often the slower host runs every step: on a busy machine rounds differ several times over.
SLOWER = 10


@pytest.fixture(scope="module")
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "quick", SMALL)
        patch.setattr(session, "fit_profile", partial(fit.fit_profile, draws=20))
        yield


@dataclass
class Seen:
    """How many bursts, and starts of a cluster, a calibration has come to."""

    bursts: int = 0
    starts: int = 0


Watch = Callable[..., Seen]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Count the bursts and starts of what is calibrated next; ``on_burst`` is told before each."""
    measure = CellGroup.measure

    def put(on_burst: Callable[[int], None] = lambda _: None) -> Seen:
        seen = Seen()

        def counted(
            self: CellGroup, cell: Cell, number: int, only: Sequence[str] = ()
        ) -> list[Burst]:
            on_burst(seen.bursts)
            seen.bursts += 1
            return measure(self, cell, number, only)

        def started(groups: Sequence[TaskGroup], **how: Any) -> AbstractContextManager[Cluster]:
            seen.starts += 1
            return running(groups, **how)

        monkeypatch.setattr(CellGroup, "measure", counted)
        monkeypatch.setattr(campaign, "running", started)
        return seen

    return put


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
        patch.setattr(sys, "argv", ["scale", *map(str, QUICK)])
        code = app.main()
    return Whole(folder / FILE, Done(code, out.getvalue(), err.getvalue()))


@pytest.fixture
def measured(run: Run, whole: Whole) -> Calibration:
    """The whole calibration as FILE, for this test alone."""
    shutil.copy(whole.path, FILE)
    return whole.calibration


def pairs(calibration: Calibration) -> list[tuple[int, str]]:
    return [(b.round, b.cell.name) for b in calibration.bursts if b.worker == 0]


def planned(*quantities: str) -> int:
    """How many cells of some quantities, or of all, a quick calibration measures in all."""
    made = plan(Scope("quick"), named_workload("gemm:128,256"))
    chosen = [c for c in made.cells if not quantities or c.quantity in quantities]
    return made.rounds * len(chosen)


def interrupt_at(burst: int) -> Callable[[int], None]:
    """Ctrl-C before a certain burst."""

    def interrupt(number: int) -> None:
        if number == burst:
            os.kill(os.getpid(), signal.SIGINT)

    return interrupt


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


def kill_at(burst: int) -> Callable[[int], None]:
    def kill(number: int) -> None:
        if number == burst:
            raise Killed

    return kill


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
    assert "Provisional: intervals rest on 2 rounds, fewer than 5" in done.out
    assert "scale calibrate --resume --rounds 5 -o a.json" in done.out
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


def kill_ps_at(burst: int) -> Callable[[int], None]:
    """SIGKILL to the ps of this test's own tasks, found by the log that it holds open."""
    logs = Path("a.logs").resolve()

    def kill(number: int) -> None:
        if number == burst:
            os.kill(tasks(logs)["ps0"], signal.SIGKILL)

    return kill


@pytest.mark.parametrize(
    ("how", "code", "why"),
    [(interrupt_at, 130, "interrupted"), (kill_ps_at, 3, "a task failed")],
    ids=["Ctrl-C", "a dead task"],
)
def test_what_was_measured_is_kept_and_gone_on_with(
    run: Run, cluster: Watch, how: Callable[[int], Callable[[int], None]], code: int, why: str
) -> None:
    cluster(on_burst=how(4))
    done = run(*FEW)
    assert done.code == code
    if how is kill_ps_at:
        assert "task ps0 was ended by signal 9 (SIGKILL); its log: a.logs/ps0.log" in done.err
    kept = read_calibration(FILE)
    assert not kept.complete
    assert kept.stopped == why
    # The death of a task may show a few bursts later.
    assert 4 <= len(pairs(kept)) < planned("noop", "fetch")
    assert how is kill_ps_at or len(pairs(kept)) == 4
    assert not journal_path(FILE).exists()
    seen = cluster()
    done = run("calibrate", "--resume", "-o", FILE)
    assert done.code == 0, done.err
    after = read_calibration(FILE)
    assert after.complete
    assert after.bursts[: len(kept.bursts)] == kept.bursts
    assert len(pairs(after)) == len(set(pairs(after))) == planned("noop", "fetch")
    assert seen.bursts == len(pairs(after)) - len(pairs(kept))


def test_ctrl_c_while_resuming_keeps_everything(run: Run, cluster: Watch) -> None:
    for number, burst in enumerate((3, 2, 1), start=1):
        cluster(on_burst=interrupt_at(burst))
        assert run(*NOOP, *(("--resume",) if number > 1 else ())).code == 130
    assert len(pairs(read_calibration(FILE))) == 6
    assert len(read_calibration(FILE).resumed) == 2


def test_a_journal_is_neither_overwritten_nor_overlooked(run: Run, cluster: Watch) -> None:
    """Also where the run that goes on is killed in turn."""
    cluster(on_burst=kill_at(5))
    with pytest.raises(Killed):
        run(*FEW)
    assert not FILE.exists()
    assert len(pairs(read_journal(journal_path(FILE)))) == 5
    seen = cluster()
    refused = run(*FEW)
    assert refused.code == 2
    assert "a.json.journal with 5 measured cells" in refused.err
    assert "--resume to go on" in refused.err
    assert seen.starts == 0
    cluster(on_burst=kill_at(4))
    with pytest.raises(Killed):
        run(*FEW, "--resume")
    assert len(pairs(read_journal(journal_path(FILE)))) == 9
    cluster()
    done = run(*FEW, "--resume")
    assert done.code == 0, done.err
    after = read_calibration(FILE)
    assert after.complete
    assert len(pairs(after)) == len(set(pairs(after))) == planned("noop", "fetch")
    assert not journal_path(FILE).exists()


def test_force_replaces_a_journal(run: Run, cluster: Watch) -> None:
    cluster(on_burst=kill_at(2))
    with pytest.raises(Killed):
        run(*NOOP)
    cluster()
    assert run(*NOOP, "--force").code == 0
    after = read_calibration(FILE)
    assert not after.resumed
    assert len(pairs(after)) == planned("noop")
    assert not journal_path(FILE).exists()


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


def test_a_resumed_run_is_on_the_same_kind_of_cluster(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(*NOOP).code == 0
    machines = replace(local_machines(1, 2), link_kind="network", evidence="cluster")
    monkeypatch.setattr(session, "local_machines", lambda ps, worker: machines)
    assert "it was loopback, is network" in refused(run, "--resume")


@pytest.mark.parametrize("quantity", ["copy_in", "input"])
def test_what_there_is_not_to_measure_here_is_refused(run: Run, quantity: str) -> None:
    assert "what there is to measure here" in run(*QUICK, "--only", quantity).error


def test_a_quantity_that_there_is_not_gets_a_hint(run: Run) -> None:
    assert "did you mean fetch?" in run("calibrate", "--only", "noop,fecth", "-o", FILE).error


def aim_at(monkeypatch: pytest.MonkeyPatch, half_width: float) -> None:
    """A precision for every cell that none misses, or none reaches."""
    monkeypatch.setattr(precision, "LOCAL_PRECISION", half_width)
    monkeypatch.setattr(precision, "REMOTE_PRECISION", half_width)


def test_refining_measures_the_widest_cells_again(
    run: Run, cluster: Watch, measured: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    aim_at(monkeypatch, 1e9)
    seen = cluster()
    done = run("calibrate", "--refine", "-o", FILE)
    assert done.code == 0, done.err
    assert seen == Seen()
    assert "has reached its precision" in done.err

    aim_at(monkeypatch, 1e-9)
    assert run("calibrate", "--refine", "--only", "exchange", "-o", FILE).code == 0
    after = read_calibration(FILE)
    added = after.bursts[len(measured.bursts) :]
    assert {b.cell.quantity for b in added} == {"exchange"}
    assert {b.round for b in added} == {2, 3}
    assert seen.bursts == planned("exchange")
    assert after.complete
    assert after.profile is not None
    assert measured.profile is not None
    assert after.profile.samples_sha256 != measured.profile.samples_sha256


def test_ctrl_c_while_refining_keeps_the_profile(
    run: Run, cluster: Watch, measured: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    aim_at(monkeypatch, 1e-9)
    cluster(on_burst=interrupt_at(3))
    assert run("calibrate", "--refine", "--only", "noop", "-o", FILE).code == 130
    after = read_calibration(FILE)
    assert len(pairs(after)) == len(pairs(measured)) + 3
    assert after.complete
    assert after.profile == measured.profile


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


def test_at_the_time_limit_what_there_is_is_fitted(run: Run, measured: Calibration) -> None:
    done = run("calibrate", "--resume", "--rounds", "1000", "--time-limit", "1", "-o", FILE)
    assert done.code == 0, done.err
    kept = read_calibration(FILE)
    assert kept.stopped == "the time limit"
    assert kept.bursts[: len(measured.bursts)] == measured.bursts
    assert kept.profile is not None
    assert not journal_path(FILE).exists()


def test_a_time_limit_too_short_for_anything(run: Run) -> None:
    assert run(*NOOP, "--time-limit", "0.001").code == 0
    assert read_calibration(FILE).bursts == ()
    assert run("calibrate", "--resume", "-o", FILE).code == 0
    assert read_calibration(FILE).complete


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
    real = environment.environment()
    facts = real.facts | {"cpu_model": "Another", "cores_usable": "96"}
    with monkeypatch.context() as patched:
        patched.setattr(session, "environment", lambda: Environment("", "", facts))
        elsewhere = refused(run, "--resume")
    assert f"processor was {real.facts['cpu_model']}, is Another" in elsewhere
    assert "cores was" in elsewhere
    planless = replace(read_calibration(FILE), planned=None)
    write_record(FILE, planless, force=True)
    assert "does not say what was planned" in refused(run, "--resume")


def test_any_part_of_a_calibration_is_fitted_or_said_to_be_too_little(whole: Whole) -> None:
    calibration = whole.calibration
    fits = 0
    for count in range(0, len(calibration.bursts), 7):
        with suppress(InputError):
            fit.fit_profile(replace(calibration, bursts=calibration.bursts[:count]), draws=5)
            fits += 1
    assert fits > 5


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


def run_steps_again() -> None:
    """Make this process, a task, a slow one: every step that it times runs several times."""

    def slowly(
        step: Callable[[], object],
        limits: Limits,
        *,
        before: Callable[[], object] = nothing,
        after: Callable[[], object] = nothing,
    ) -> Samples:
        def several() -> None:
            for _ in range(SLOWER):
                step()

        return sample(several, limits, before=before, after=after)

    pytest.MonkeyPatch().setattr(task, "sample", slowly)


def test_a_slower_host_is_found_and_no_address_is_kept(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three addresses of this machine are three hosts."""
    addresses = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
    sites = tuple(map(TaskAddress, addresses))
    sites = (*sites[:2], replace(sites[2], prepare=run_steps_again))
    machines = Machines(workers=sites)
    monkeypatch.setattr(session, "local_machines", lambda ps, worker: machines)
    done = run(*QUICK, "--only", "noop,gemm", "--rounds", "5")
    assert done.code == 0, done.err
    kept = read_calibration(FILE)
    assert kept.worker_hosts == (0, 1, 2)
    assert "the host of worker2 is slower than the others: " in done.err
    assert "the host of worker1" not in done.err
    # Of two cells; a busy machine may leave one of them open.
    assert 1 <= done.out.count("slower\n") <= 2
    assert not any(address in FILE.read_text() for address in addresses)
    assert {b.worker for b in kept.bursts if b.cell.path == "server"} == {0, 1, 2}
    assert {b.worker for b in kept.bursts if b.cell.path == "ps" and b.cell.workers == 1} == {0}


def fill_up(ballast: Path) -> None:
    with suppress(OSError), open(ballast, "wb", buffering=0) as stream:
        while stream.write(b"x" * 1000):
            pass


def test_a_disk_that_fills_up_while_it_runs(run: Run, cluster: Watch, small_disk: Path) -> None:
    """The journal ends, the measuring does not; what fitted on the disk is there afterwards."""
    output = small_disk / "a.json"
    ballast = small_disk / "ballast"

    def fill(burst: int) -> None:
        if burst == 5:
            fill_up(ballast)

    seen = cluster(on_burst=fill)
    command = ("calibrate", "--quick", "--only", "noop,fetch", "--logs", "logs", "-o", output)
    done = run(*command)
    assert done.code == 2
    assert seen.bursts == planned("noop", "fetch")
    assert "the journal could not be written" in done.err
    assert "No space left on device" in done.err.splitlines()[-1]
    assert "what was measured is in" in done.err.splitlines()[-1]
    assert sorted(p.name for p in small_disk.iterdir()) == ["a.json.journal", "ballast"]
    assert len(pairs(read_journal(journal_path(output)))) >= 5
    ballast.unlink()
    assert run(*command, "--resume").code == 0
    assert read_calibration(output).complete


def test_a_full_disk_or_one_to_read_only_is_refused_at_once(
    run: Run, cluster: Watch, small_disk: Path
) -> None:
    seen = cluster()
    command = ("calibrate", "--quick", "--logs", "logs", "-o", small_disk / "a.json")
    fill_up(small_disk / "ballast")
    full = run(*command)
    assert full.code == 2
    assert "No space left on device" in full.err.splitlines()[-1]
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert "Read-only file system" in run(*command).error
    assert seen.starts == 0
    assert os.listdir(small_disk) == ["ballast"]
