"""`scale calibrate` over a fake cluster: what it keeps, goes on with, refuses and says."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scale.calibrate import campaign, environment
from scale.calibrate.campaign import Machines
from scale.calibrate.cluster import Site
from scale.models import fit
from scale.models.calibration import Calibration, Environment
from scale.models.errors import InputError
from scale.models.files import read_calibration, write_record
from scale.models.journal import journal_path, read_journal
from tests.cli.conftest import Run
from tests.fake_cluster import FakeTasks, fail_at, interrupt_at

QUICK = ("calibrate", "--quick", "-o", "a.json")
FEW = (*QUICK, "--only", "noop,fetch")
FILE = Path("a.json")
Cluster = Callable[..., FakeTasks]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Put a fake cluster in place of the next calibration's."""

    def put(**how: Any) -> FakeTasks:
        made = FakeTasks(**how)
        monkeypatch.setattr(campaign, "running", made.running)
        monkeypatch.setattr(campaign, "LEAD_S", 0.0)
        return made

    put()
    monkeypatch.setattr(fit, "fit_profile", partial(fit.fit_profile, draws=20))
    return put


def pairs(calibration: Calibration) -> list[tuple[int, str]]:
    return [(b.round, b.cell.name) for b in calibration.bursts if b.worker == 0]


@pytest.mark.usefixtures("cluster")
def test_a_quick_calibration_is_provisional_and_says_so(run: Run) -> None:
    done = run(*QUICK)
    assert done.code == 0, done.err
    kept = read_calibration(FILE)
    assert kept.complete
    assert kept.stopped == ""
    assert kept.profile is not None
    assert kept.profile.provisional
    assert {b.round for b in kept.bursts} == {0, 1}
    assert "Provisional: intervals rest on 2 rounds, fewer than 5" in done.out
    assert "scale calibrate --resume --rounds 5 -o a.json" in done.out
    assert "2 rounds (fetch " in done.err
    assert not journal_path(FILE).exists()


@pytest.mark.usefixtures("cluster")
def test_more_rounds_make_it_firm(run: Run) -> None:
    assert run(*QUICK).code == 0
    before = read_calibration(FILE)
    done = run("calibrate", "--resume", "--rounds", "5", "-o", FILE)
    assert done.code == 0, done.err
    after = read_calibration(FILE)
    assert after.bursts[: len(before.bursts)] == before.bursts
    assert len(pairs(after)) == len(set(pairs(after))) == 5 * len(pairs(before)) // 2
    assert after.profile is not None
    assert not after.profile.provisional
    assert len(after.resumed) == 1
    assert "Provisional" not in done.out


@pytest.mark.parametrize(
    ("how", "code"), [(interrupt_at(70), 130), (fail_at(70), 3)], ids=["Ctrl-C", "a dead task"]
)
def test_what_was_measured_is_kept_and_gone_on_with(
    run: Run, cluster: Cluster, how: Callable[[int], None], code: int
) -> None:
    cluster(on_burst=how)
    assert run(*QUICK).code == code
    kept = read_calibration(FILE)
    assert not kept.complete
    assert kept.stopped in ("interrupted", "a task failed")
    assert len(pairs(kept)) == 70
    assert not journal_path(FILE).exists()
    tasks = cluster()
    done = run("calibrate", "--resume", "-o", FILE)
    assert done.code == 0, done.err
    after = read_calibration(FILE)
    assert after.complete
    assert tasks.bursts == len(pairs(after)) - 70
    assert after.bursts[: len(kept.bursts)] == kept.bursts
    assert len(pairs(after)) == len(set(pairs(after)))


def test_ctrl_c_while_resuming_keeps_everything(run: Run, cluster: Cluster) -> None:
    for number, burst in enumerate((30, 20, 10), start=1):
        cluster(on_burst=interrupt_at(burst))
        assert run(*QUICK, *(("--resume",) if number > 1 else ())).code == 130
    assert len(pairs(read_calibration(FILE))) == 60
    assert len(read_calibration(FILE).resumed) == 2


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


def kill_at(burst: int) -> Callable[[int], None]:
    def kill(number: int) -> None:
        if number == burst:
            raise Killed

    return kill


def test_a_journal_is_neither_overwritten_nor_overlooked(run: Run, cluster: Cluster) -> None:
    cluster(on_burst=kill_at(15))
    with pytest.raises(Killed):
        run(*FEW)
    assert not FILE.exists()
    assert len(pairs(read_journal(journal_path(FILE)))) == 15
    cluster()
    refused = run(*FEW)
    assert refused.code == 2
    assert "a.json.journal with 15 measured cells" in refused.err
    assert "--resume to go on" in refused.err
    done = run(*FEW, "--resume")
    assert done.code == 0, done.err
    after = read_calibration(FILE)
    assert after.complete
    assert len(pairs(after)) == len(set(pairs(after))) == 40
    assert not journal_path(FILE).exists()


def test_force_replaces_a_journal(run: Run, cluster: Cluster) -> None:
    cluster(on_burst=kill_at(15))
    with pytest.raises(Killed):
        run(*FEW)
    cluster()
    assert run(*FEW, "--force").code == 0
    assert not read_calibration(FILE).resumed
    assert not journal_path(FILE).exists()


def test_a_resumed_run_that_is_killed_still_has_all_in_its_journal(
    run: Run, cluster: Cluster
) -> None:
    cluster(on_burst=interrupt_at(10))
    assert run(*FEW).code == 130
    cluster(on_burst=kill_at(5))
    with pytest.raises(Killed):
        run(*FEW, "--resume")
    assert len(pairs(read_journal(journal_path(FILE)))) == 15
    cluster()
    assert run(*FEW, "--resume").code == 0
    assert len(pairs(read_calibration(FILE))) == 40


@pytest.mark.usefixtures("cluster")
def test_only_some_quantities_are_kept_without_a_profile(run: Run) -> None:
    done = run(*FEW)
    assert done.code == 0, done.err
    kept = read_calibration(FILE)
    assert {b.cell.quantity for b in kept.bursts} == {"noop", "fetch"}
    assert kept.profile is None
    assert "too few for a profile" in done.out
    more = run("calibrate", "--resume", "--only", "push", "-o", FILE)
    assert more.code == 0, more.err
    assert {b.cell.quantity for b in read_calibration(FILE).bursts} == {"noop", "fetch", "push"}


@pytest.mark.usefixtures("cluster")
def test_a_quantity_that_there_is_not_gets_a_hint(run: Run) -> None:
    assert "did you mean fetch?" in run("calibrate", "--only", "noop,fecth", "-o", FILE).error


def test_refining_measures_the_widest_cells_again(run: Run, cluster: Cluster) -> None:
    cluster(spread=0.002)
    assert run(*QUICK, "--rounds", "5").code == 0
    tasks = cluster()
    done = run("calibrate", "--refine", "-o", FILE)
    assert done.code == 0, done.err
    assert tasks.bursts == 0
    assert "has reached its precision" in done.err

    cluster(spread=0.2)
    assert run(*QUICK, "--rounds", "5", "--force").code == 0
    before = read_calibration(FILE)
    cluster()
    assert run("calibrate", "--refine", "--only", "fetch", "-o", FILE).code == 0
    after = read_calibration(FILE)
    added = after.bursts[len(before.bursts) :]
    assert {b.cell.quantity for b in added} == {"fetch"}
    assert {b.round for b in added} == {5, 6}
    assert after.complete
    assert after.profile is not None
    assert before.profile is not None
    assert after.profile.samples_sha256 != before.profile.samples_sha256


def test_ctrl_c_while_refining_keeps_the_profile(run: Run, cluster: Cluster) -> None:
    cluster(spread=0.2)
    assert run(*QUICK, "--rounds", "5").code == 0
    before = read_calibration(FILE)
    cluster(on_burst=interrupt_at(3))
    assert run("calibrate", "--refine", "-o", FILE).code == 130
    after = read_calibration(FILE)
    assert len(pairs(after)) == len(pairs(before)) + 3
    assert after.complete
    assert after.profile == before.profile


@pytest.fixture
def slow_clock(monkeypatch: pytest.MonkeyPatch, cluster: Cluster) -> None:
    """A machine on which each burst takes a second, by the clock of the campaign."""
    now_s = [0.0]
    monkeypatch.setattr(campaign.time, "monotonic", lambda: now_s[0])  # type: ignore[attr-defined]
    made = FakeTasks(on_burst=lambda _: now_s.__setitem__(0, now_s[0] + 1.0))
    monkeypatch.setattr(campaign, "running", made.running)


@pytest.mark.usefixtures("slow_clock")
def test_a_time_limit_ends_in_a_valid_file(run: Run) -> None:
    done = run(*QUICK, "--time-limit", "1m10s")
    assert done.code == 0, done.err
    kept = read_calibration(FILE)
    assert not kept.complete
    assert kept.stopped == "the time limit"
    assert 60 <= len(pairs(kept)) <= 70
    assert kept.profile is not None
    assert "Incomplete (the time limit); the rest: scale calibrate --resume -o a.json" in done.out
    assert not journal_path(FILE).exists()


@pytest.mark.usefixtures("slow_clock")
def test_a_time_limit_too_short_for_a_profile_or_for_anything(run: Run) -> None:
    done = run(*QUICK, "--time-limit", "5")
    assert done.code == 0, done.err
    assert "too few for a profile" in done.out
    assert read_calibration(FILE).profile is None
    assert run(*QUICK, "--time-limit", "0.1", "--force").code == 0
    assert read_calibration(FILE).bursts == ()
    assert run("calibrate", "--resume", "-o", FILE).code == 0
    assert read_calibration(FILE).complete


@pytest.mark.parametrize("text", ["", "soon", "-1", "0", "5 apples", "1e400", "m", "99999h", "nan"])
def test_a_time_limit_that_is_no_time(run: Run, text: str) -> None:
    error = run("calibrate", "--time-limit", text, "-o", FILE).error
    assert "--time-limit" in error
    assert "90s, 5m or 1h30m" in error


@pytest.mark.usefixtures("cluster")
def test_to_stdout_goes_the_calibration_alone(run: Run, tmp_path: Path) -> None:
    done = run("calibrate", "--quick", "-o", "-")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert (document["kind"], document["complete"]) == ("calibration", True)
    assert document["profile"]
    assert "Wrote stdout" in done.err
    assert list(tmp_path.iterdir()) == []
    assert "one of them" in run("calibrate", "--quick", "-o", "-", "--json").error
    assert "a file to go on with" in run("calibrate", "--resume", "-o", "-").error


def test_to_stdout_after_ctrl_c(run: Run, cluster: Cluster) -> None:
    cluster(on_burst=interrupt_at(5))
    done = run("calibrate", "--quick", "-o", "-")
    assert done.code == 130
    assert json.loads(done.out)["complete"] is False


@pytest.mark.usefixtures("cluster")
def test_json_has_the_end_report(run: Run) -> None:
    done = run(*QUICK, "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["provisional"] is True
    assert document["fitted"] is True
    assert document["not_fitted"] is None
    assert document["stopped"] is None
    assert "load_1min_after" in document["environment"]["facts"]
    first = document["precision"][0]
    assert {"cell", "half_width", "target", "reached", "stops", "outliers", "p50_s"} <= first.keys()
    assert first["p99_s"] is None  # of 48 samples
    assert document["neighbours"] == [] or "comm" in document["neighbours"][0]
    assert document["hosts"] == []


def refused(run: Run, *arguments: object) -> str:
    before = FILE.read_bytes()
    error = run("calibrate", *arguments, "-o", FILE).error
    assert FILE.read_bytes() == before
    return error


def test_resuming_elsewhere_or_otherwise_is_refused_by_name(
    run: Run, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster(on_burst=interrupt_at(10))
    assert run(*FEW).code == 130
    otherwise = refused(run, "--resume", "--workload", "mlp:8,4", "--batch", "64")
    assert "--workload was gemm:128,256, is mlp:8,4" in otherwise
    assert "--batch was 32, is 64" in otherwise
    assert "one of them" in refused(run, "--resume", "--force")
    real = environment.environment()
    facts = real.facts | {"cpu_model": "Another", "cores_usable": "96"}
    with monkeypatch.context() as patched:
        patched.setattr(environment, "environment", lambda: Environment("", "", facts))
        elsewhere = refused(run, "--resume")
    assert f"processor was {real.facts['cpu_model']}, is Another" in elsewhere
    assert "cores was" in elsewhere
    planless = replace(read_calibration(FILE), planned=None)
    write_record(FILE, planless, force=True)
    assert "does not say what was planned" in refused(run, "--resume")


@pytest.mark.usefixtures("cluster")
def test_fewer_rounds_than_were_measured_are_refused(run: Run) -> None:
    assert run(*FEW).code == 0
    assert "at least 2" in refused(run, "--resume", "--rounds", "1")


@pytest.mark.usefixtures("cluster")
def test_any_part_of_a_calibration_is_fitted_or_said_to_be_too_little(run: Run) -> None:
    assert run(*QUICK).code == 0
    whole = read_calibration(FILE)
    fits = 0
    for count in range(0, len(whole.bursts), 9):
        with suppress(InputError):
            fit.fit_profile(replace(whole, bursts=whole.bursts[:count]))
            fits += 1
    assert fits > 5


@pytest.mark.usefixtures("cluster")
def test_nothing_to_go_on_with(run: Run) -> None:
    assert "does not exist" in run("calibrate", "--refine", "-o", FILE).error
    begun = run(*FEW, "--resume")
    assert begun.code == 0
    assert "nothing to resume at a.json; beginning" in begun.err
    again = run("calibrate", "--resume", "-o", FILE)
    assert again.code == 0
    assert "a.json is complete" in again.err
    journal_path(FILE).write_text("")
    assert "an empty file" in run("calibrate", "--resume", "-o", FILE).error


@pytest.mark.usefixtures("cluster")
def test_a_slower_host_is_found_and_no_address_is_kept(
    run: Run, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = ("10.9.8.1", "10.9.8.2", "10.9.8.3")
    sites = tuple(Site(address) for address in addresses)
    monkeypatch.setattr(campaign, "Machines", lambda: Machines(workers=sites))
    cluster(slow=["worker2"])
    done = run(*QUICK, "--rounds", "5")
    assert done.code == 0, done.err
    kept = read_calibration(FILE)
    assert kept.worker_hosts == (0, 1, 2)
    assert "the host of worker2 is slower than the others: noop server takes 2" in done.err
    assert "the host of worker1" not in done.err
    assert done.out.count("slower\n") == 2
    assert not any(address in FILE.read_text() for address in addresses)
    assert {b.worker for b in kept.bursts if b.cell.path == "server"} == {0, 1, 2}
    assert {b.worker for b in kept.bursts if b.cell.path == "ps" and b.cell.workers == 1} == {0}


def fill_up(ballast: Path) -> None:
    with suppress(OSError), open(ballast, "wb", buffering=0) as stream:
        while stream.write(b"x" * 1000):
            pass


def test_a_disk_that_fills_up_while_it_runs(run: Run, cluster: Cluster, small_disk: Path) -> None:
    """The journal ends, the measuring does not; what fitted on the disk is there afterwards."""
    output = small_disk / "a.json"
    ballast = small_disk / "ballast"

    def fill(burst: int) -> None:
        if burst == 5:
            fill_up(ballast)

    cluster(on_burst=fill)
    command = (*FEW[:2], "--only", "noop,fetch", "--logs", "logs", "-o", output)
    done = run(*command)
    assert done.code == 2
    assert "the journal could not be written" in done.err
    assert "No space left on device" in done.err.splitlines()[-1]
    assert "what was measured is in" in done.err.splitlines()[-1]
    assert sorted(p.name for p in small_disk.iterdir()) == ["a.json.journal", "ballast"]
    assert len(pairs(read_journal(journal_path(output)))) >= 5
    ballast.unlink()
    cluster()
    assert run(*command, "--resume").code == 0
    assert read_calibration(output).complete


def test_a_full_disk_or_one_to_read_only_is_refused_at_once(
    run: Run, cluster: Cluster, small_disk: Path
) -> None:
    tasks = cluster()
    command = ("calibrate", "--quick", "--logs", "logs", "-o", small_disk / "a.json")
    fill_up(small_disk / "ballast")
    full = run(*command)
    assert full.code == 2
    assert "No space left on device" in full.err.splitlines()[-1]
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert "Read-only file system" in run(*command).error
    assert tasks.starts == 0
    assert os.listdir(small_disk) == ["ballast"]
