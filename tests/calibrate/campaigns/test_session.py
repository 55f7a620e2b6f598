"""A calibration's session on real tasks, in this process: what it keeps, goes on with and refuses.

The fork server stays alive between the tests, so that a round costs a second instead of nine; what
ends this process is tested in `test_calibrate_ends`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from nworkers.calibrate.campaigns import session
from nworkers.calibrate.campaigns.campaign import CampaignStopped, Machines, local_machines
from nworkers.calibrate.campaigns.session import (
    CalibrationRequest,
    JournalLost,
    News,
    NothingLeft,
    NothingToResume,
    Outcome,
    carry_out,
)
from nworkers.calibrate.cluster import task
from nworkers.calibrate.host.environment import environment
from nworkers.calibrate.probes.sampling import Limits, Samples, nothing, sample
from nworkers.calibrate.training.tasks import TaskAddress
from nworkers.models.base.errors import HardwareError, InputError
from nworkers.models.files.journal import journal_path, read_journal
from nworkers.models.files.store import read_calibration, write_record
from nworkers.models.findings.host_speed import host_rows
from nworkers.models.fitting import precision
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.records.calibration import Calibration, Environment
from tests.support.calibrating import (
    Killed,
    Seen,
    Watch,
    interrupt_at,
    kill_at,
    kill_ps_at,
    pairs,
    planned,
    small_calibrations,
    watching,
)

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("small", "here")]

FILE = Path("a.json")
QUICK = CalibrationRequest(FILE, "quick")
NOOP = replace(QUICK, only=("noop",))
FEW = replace(QUICK, only=("noop", "fetch"))
RESUME = CalibrationRequest(FILE, resume=True)
REFINE = CalibrationRequest(FILE, refine=True)
#: How often the slower host runs every step: on a busy machine rounds differ several times over.
SLOWER = 10


@pytest.fixture(scope="module")
def small() -> Iterator[None]:
    with small_calibrations():
        yield


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return watching(monkeypatch)


@dataclass(frozen=True)
class Whole:
    """A quick calibration of everything, its file and what was told on the way."""

    path: Path
    outcome: Outcome
    news: tuple[News, ...]


@pytest.fixture(scope="module")
def whole(small: None, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    path, news = tmp_path_factory.mktemp("whole") / FILE, list[News]()
    outcome = carry_out(replace(QUICK, output=path), tell=news.append)
    return Whole(path, outcome, tuple(news))


@pytest.fixture
def measured(here: None, whole: Whole) -> Calibration:
    """The whole calibration as FILE, for this test alone."""
    shutil.copy(whole.path, FILE)
    return whole.outcome.calibration


def stopped(request: CalibrationRequest) -> CampaignStopped:
    with pytest.raises(CampaignStopped) as found:
        carry_out(request)
    return found.value


def refused(request: CalibrationRequest) -> InputError:
    """Why a request is refused, which leaves the file as it is."""
    before = FILE.read_bytes()
    with pytest.raises(InputError) as found:
        carry_out(request)
    assert FILE.read_bytes() == before
    return found.value


def test_the_file_holds_what_is_answered(whole: Whole) -> None:
    made = whole.outcome.calibration
    assert read_calibration(whole.path) == made
    assert made.complete
    assert made.memory is not None
    assert made.profile is not None
    assert made.planned is not None
    assert made.planned.options["quick"] == "yes"
    assert whole.outcome.not_fitted == ""
    assert len(pairs(made)) == len(set(pairs(made))) == planned()
    (begins,) = whole.news
    assert isinstance(begins, session.Begins)
    assert begins.logs == whole.path.with_suffix(".logs")
    assert len(begins.plan.to_measure) == 2
    assert not journal_path(whole.path).exists()


@pytest.mark.parametrize(
    ("how", "cause", "why"),
    [
        (interrupt_at, KeyboardInterrupt, "interrupted"),
        (kill_ps_at, HardwareError, "a task failed"),
    ],
    ids=["Ctrl-C", "a dead task"],
)
def test_what_was_measured_is_kept_and_gone_on_with(
    cluster: Watch,
    how: Callable[[int], Callable[[int], None]],
    cause: type[BaseException],
    why: str,
) -> None:
    cluster(on_burst=how(4))
    found = stopped(FEW)
    assert isinstance(found.cause, cause)
    kept = read_calibration(FILE)
    assert kept == found.calibration
    assert not kept.complete
    assert kept.stopped == why
    # The death of a task may show a few bursts later.
    assert 4 <= len(pairs(kept)) < planned("noop", "fetch")
    assert how is kill_ps_at or len(pairs(kept)) == 4
    assert not journal_path(FILE).exists()
    seen = cluster()
    after = carry_out(RESUME).calibration
    assert read_calibration(FILE) == after
    assert after.complete
    assert after.bursts[: len(kept.bursts)] == kept.bursts
    assert len(pairs(after)) == len(set(pairs(after))) == planned("noop", "fetch")
    assert seen.bursts == len(pairs(after)) - len(pairs(kept))


def test_ctrl_c_while_resuming_keeps_everything(cluster: Watch) -> None:
    for number, burst in enumerate((3, 2, 1), start=1):
        cluster(on_burst=interrupt_at(burst))
        assert isinstance(stopped(replace(NOOP, resume=number > 1)).cause, KeyboardInterrupt)
    assert len(pairs(read_calibration(FILE))) == 6
    assert len(read_calibration(FILE).resumed) == 2


def test_without_an_output_what_was_measured_is_in_the_exception(
    cluster: Watch, tmp_path: Path
) -> None:
    cluster(on_burst=interrupt_at(3))
    assert len(pairs(stopped(replace(NOOP, output=None)).calibration)) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_journal_is_neither_overwritten_nor_overlooked(cluster: Watch) -> None:
    """Also where the run that goes on is killed in turn."""
    cluster(on_burst=kill_at(5))
    with pytest.raises(Killed):
        carry_out(FEW)
    assert not FILE.exists()
    assert len(pairs(read_journal(journal_path(FILE)))) == 5
    seen = cluster()
    with pytest.raises(InputError, match=r"a\.json\.journal with 5 measured cells") as refusal:
        carry_out(FEW)
    assert "<resume> to go on" in refusal.value.allowed
    assert seen.starts == 0
    cluster(on_burst=kill_at(4))
    with pytest.raises(Killed):
        carry_out(replace(FEW, resume=True))
    assert len(pairs(read_journal(journal_path(FILE)))) == 9
    cluster()
    carry_out(replace(FEW, resume=True))
    after = read_calibration(FILE)
    assert after.complete
    assert len(pairs(after)) == len(set(pairs(after))) == planned("noop", "fetch")
    assert not journal_path(FILE).exists()


def test_force_replaces_a_journal(cluster: Watch) -> None:
    cluster(on_burst=kill_at(2))
    with pytest.raises(Killed):
        carry_out(NOOP)
    cluster()
    after = carry_out(replace(NOOP, force=True)).calibration
    assert not after.resumed
    assert len(pairs(after)) == planned("noop")
    assert not journal_path(FILE).exists()


def test_only_some_quantities_are_kept_without_a_profile() -> None:
    outcome = carry_out(NOOP)
    kept = read_calibration(FILE)
    assert {b.cell.quantity for b in kept.bursts} == {"noop"}
    assert kept.profile is None
    assert kept.memory is None
    assert outcome.not_fitted
    carry_out(replace(RESUME, only=("apply",)))
    assert {b.cell.quantity for b in read_calibration(FILE).bursts} == {"noop", "apply"}


@pytest.mark.timed
def test_more_workers_than_two_run_at_once_where_nobody_says_how_many() -> None:
    """They join for sessions' cells alone: a coordinator has the cluster that was asked for."""
    request = CalibrationRequest(FILE, only=("noop",), rounds=1)
    kept = carry_out(request).calibration
    assert (kept.ps, kept.workers, kept.complete) == (1, len(kept.tasks) - 1, True)
    crowd = {b.worker for b in kept.bursts if b.cell.workers == 4 and b.cell.path == "ps"}
    assert crowd == {0, 1, 2, 3}
    asked = carry_out(replace(request, ps=1, workers=2, force=True)).calibration
    assert (asked.workers, [t.task for t in asked.tasks]) == (2, ["ps0", "worker0", "worker1"])


def test_a_resumed_run_is_on_the_same_kind_of_cluster() -> None:
    carry_out(NOOP)
    machines = replace(local_machines(1, 2), link_kind="network", evidence="cluster")
    assert "it was loopback, is network" in str(refused(replace(RESUME, machines=machines)))


def aim_at(monkeypatch: pytest.MonkeyPatch, half_width: float) -> None:
    """A precision for every cell that none misses, or none reaches."""
    monkeypatch.setattr(precision, "LOCAL_PRECISION", half_width)
    monkeypatch.setattr(precision, "REMOTE_PRECISION", half_width)


def test_refining_measures_the_widest_cells_again(
    cluster: Watch, measured: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    aim_at(monkeypatch, 1e9)
    seen, news = cluster(), list[News]()
    carry_out(REFINE, tell=news.append)
    assert seen == Seen()
    assert news == [NothingLeft(FILE, refined=True)]

    aim_at(monkeypatch, 1e-9)
    after = carry_out(replace(REFINE, only=("exchange",))).calibration
    added = after.bursts[len(measured.bursts) :]
    assert {b.cell.quantity for b in added} == {"exchange"}
    assert {b.round for b in added} == {2, 3}
    assert seen.bursts == planned("exchange")
    assert after.complete
    assert after.profile is not None
    assert measured.profile is not None
    assert after.profile.samples_sha256 != measured.profile.samples_sha256


def test_ctrl_c_while_refining_keeps_the_profile(
    cluster: Watch, measured: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    aim_at(monkeypatch, 1e-9)
    cluster(on_burst=interrupt_at(3))
    stopped(replace(REFINE, only=("noop",)))
    after = read_calibration(FILE)
    assert len(pairs(after)) == len(pairs(measured)) + 3
    assert after.complete
    assert after.profile == measured.profile


def test_at_the_time_limit_what_there_is_is_fitted(measured: Calibration) -> None:
    carry_out(replace(RESUME, rounds=1000, time_limit_s=1.0))
    kept = read_calibration(FILE)
    assert kept.stopped == "the time limit"
    assert kept.bursts[: len(measured.bursts)] == measured.bursts
    assert kept.profile is not None
    assert not journal_path(FILE).exists()


def test_a_time_limit_too_short_for_anything() -> None:
    assert carry_out(replace(NOOP, time_limit_s=0.001)).calibration.bursts == ()
    assert carry_out(RESUME).calibration.complete


@pytest.mark.usefixtures("measured")
def test_resuming_elsewhere_or_otherwise_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    otherwise = str(refused(replace(RESUME, workload="mlp:8,4", batch=64, workers=3)))
    assert "workload was gemm:128,256, is mlp:8,4" in otherwise
    assert "batch was 32, is 64" in otherwise
    assert "worker was 2, is 3" in otherwise
    assert "one of them" in str(refused(replace(RESUME, force=True)))
    assert "at least 2" in str(refused(replace(RESUME, rounds=1)))
    real = environment()
    facts = real.facts | {"cpu_model": "Another", "cores_usable": "96"}
    with monkeypatch.context() as patched:
        patched.setattr(session, "environment", lambda: Environment("", "", facts))
        elsewhere = str(refused(RESUME))
    assert f"processor was {real.facts['cpu_model']}, is Another" in elsewhere
    assert "cores was" in elsewhere
    planless = replace(read_calibration(FILE), planned=None)
    write_record(FILE, planless, force=True)
    assert "does not say what was planned" in str(refused(RESUME))


def test_any_part_of_a_calibration_is_fitted_or_said_to_be_too_little(whole: Whole) -> None:
    calibration = whole.outcome.calibration
    fits = 0
    for count in range(0, len(calibration.bursts), 7):
        with suppress(InputError):
            fit_profile(replace(calibration, bursts=calibration.bursts[:count]), draws=5)
            fits += 1
    assert fits > 5


def test_nothing_to_go_on_with() -> None:
    with pytest.raises(InputError, match="does not exist"):
        carry_out(REFINE)
    with pytest.raises(InputError, match="a file to go on with"):
        carry_out(replace(RESUME, output=None))
    news: list[News] = []
    carry_out(replace(NOOP, resume=True), tell=news.append)
    assert news[0] == NothingToResume(FILE)
    carry_out(RESUME, tell=news.append)
    assert news[-1] == NothingLeft(FILE, refined=False)
    journal_path(FILE).write_text("")
    with pytest.raises(InputError, match="an empty file"):
        carry_out(RESUME)


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


@pytest.mark.timed
def test_a_slower_host_is_found_and_no_address_is_kept() -> None:
    """Three addresses of this machine are three hosts."""
    addresses = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
    sites = tuple(map(TaskAddress, addresses))
    sites = (*sites[:2], replace(sites[2], prepare=run_steps_again))
    request = replace(QUICK, machines=Machines(workers=sites), only=("noop", "gemm"), rounds=5)
    kept = carry_out(request).calibration
    assert kept.worker_hosts == (0, 1, 2)
    slower = [row.tasks for row in host_rows(kept) if row.slower]
    # Of two cells; a busy machine may leave one of them open.
    assert 1 <= len(slower) <= 2
    assert set(slower) == {("worker2",)}
    assert not any(address in FILE.read_text() for address in addresses)
    assert {b.worker for b in kept.bursts if b.cell.path == "server"} == {0, 1, 2}
    assert {b.worker for b in kept.bursts if b.cell.path == "ps" and b.cell.workers == 1} == {0}


def fill_up(ballast: Path) -> None:
    with suppress(OSError), open(ballast, "wb", buffering=0) as stream:
        while stream.write(b"x" * 1000):
            pass


def test_a_disk_that_fills_up_while_it_runs(cluster: Watch, small_disk: Path) -> None:
    """The journal ends, the measuring does not; what fitted on the disk is there afterwards."""
    output = small_disk / "a.json"
    ballast = small_disk / "ballast"

    def fill(burst: int) -> None:
        if burst == 5:
            fill_up(ballast)

    seen, news = cluster(on_burst=fill), list[News]()
    request = replace(FEW, output=output, logs=Path("logs"))
    with pytest.raises(InputError, match=r"No space left on device.*what was measured is in"):
        carry_out(request, tell=news.append)
    assert seen.bursts == planned("noop", "fetch")
    assert isinstance(news[-1], JournalLost)
    assert "No space left on device" in news[-1].why
    assert sorted(p.name for p in small_disk.iterdir()) == ["a.json.journal", "ballast"]
    assert len(pairs(read_journal(journal_path(output)))) >= 5
    ballast.unlink()
    assert carry_out(replace(request, resume=True)).calibration.complete
    assert read_calibration(output).complete


def test_a_full_disk_or_one_to_read_only_is_refused_at_once(
    cluster: Watch, small_disk: Path
) -> None:
    seen = cluster()
    request = replace(QUICK, output=small_disk / "a.json", logs=Path("logs"))
    fill_up(small_disk / "ballast")
    with pytest.raises(InputError, match="No space left on device"):
        carry_out(request)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(InputError, match="Read-only file system"):
        carry_out(request)
    assert seen.starts == 0
    assert os.listdir(small_disk) == ["ballast"]
