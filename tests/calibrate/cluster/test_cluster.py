"""Real TensorFlow tasks: faults, ends, and a small calibration and training for real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nworkers.calibrate.campaigns import campaign, validation
from nworkers.calibrate.campaigns.campaign import CampaignProgress
from nworkers.calibrate.campaigns.plan import MeasurementPlan, plan
from nworkers.calibrate.campaigns.scope import Scope
from nworkers.calibrate.cluster.cluster import Cluster
from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.training.runtime import single
from nworkers.calibrate.training.trainer import TrainingJob
from nworkers.models.base.errors import HardwareError
from nworkers.models.findings.original import original
from nworkers.models.records.calibration import Calibration, Cell, select
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import Cost, Variable, Workload, named_workload
from tests.support.tasks import alive, quiet, servers

pytestmark = pytest.mark.tensorflow
GEMM = named_workload("gemm:128,256")


def small(**changes: object) -> MeasurementPlan:
    """A plan of a few seconds: every kind of cell, at few sizes."""
    cells = (
        Cell("noop", "process"),
        Cell("noop", "server"),
        Cell("noop", "ps"),
        Cell("gemm", "server", features=128, batch=32, hidden=256),
        Cell("fetch_gemm", "ps", 131072, features=128, batch=32, hidden=256),
        Cell("fetch", "ps", 4),
        Cell("fetch", "ps", 2**20, tensors=4),
        Cell("push", "ps", 2**16),
        Cell("fetch", "ps", 4, workers=2),
        Cell("step", "process", batch=32),
        Cell("gradient", "process", batch=32),
    )
    made = MeasurementPlan(
        GEMM, cells, rounds=1, burst_s=0.1, window_s=0.1, max_samples=300, seed=1
    )
    return MeasurementPlan(**(vars(made) | changes))


@pytest.fixture(scope="module")  # whose tests are all marked as timed, so that it is made once
def calibration(tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    # Three rounds: in one, a hypervisor that takes the processors has made the product as slow.
    return campaign.calibrate(small(rounds=3), logs=tmp_path_factory.mktemp("logs"), progress=quiet)


@pytest.mark.timed
def test_every_cell_is_measured_with_its_reason_and_processor_time(
    calibration: Calibration,
) -> None:
    measured = {burst.cell for burst in calibration.bursts}
    assert measured == set(small().cells)
    assert calibration.complete
    for burst in calibration.bursts:
        assert burst.stop in ("precision", "samples", "time", "window")
        assert burst.warmup_s
        assert burst.cold_s > 0
    remote = next(select(calibration.bursts, quantity="push", path="ps"))
    assert remote.processor is not None
    assert remote.processor.worker_s > 0
    assert remote.processor.ps_s > 0
    assert {b.worker for b in calibration.bursts if b.cell.workers == 2} == {0, 1}


@pytest.mark.timed
def test_fetching_costs_more_than_half_a_local_product_again(calibration: Calibration) -> None:
    """The complaint of 2017: a property of TensorFlow's runtime, here in a few samples."""
    (row,) = original(calibration)
    assert (row.features, row.batch, row.hidden) == (128, 32, 256)
    assert row.ratio > 1.5


@pytest.mark.timed
def test_the_environment_names_versions_and_no_host(calibration: Calibration) -> None:
    facts = calibration.environment.facts
    assert facts["python"]
    assert os.uname().nodename not in str(calibration.environment)


def test_a_task_that_dies_is_named_with_its_status_and_log(tmp_path: Path) -> None:
    with running(servers(ps=1, workers=1), logs=tmp_path) as cluster:
        pids = [cluster.pid("ps0"), cluster.pid("worker0")]
        cluster.call(["worker0"], "build", [Cell("fetch", "ps", 4)], GEMM, timeout_s=60)
        os.kill(pids[0], signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(HardwareError, match=r"task ps0 was ended by signal 9 \(SIGKILL\).*log"):
            call_until_it_fails(cluster)
        assert time.monotonic() - began < 15
    assert not any(alive(pid) for pid in pids)


def call_until_it_fails(cluster: Cluster) -> None:
    while True:
        cluster.call(["worker0"], "processor")


def test_a_hung_task_is_named(tmp_path: Path) -> None:
    with running(servers(ps=1), logs=tmp_path) as cluster:
        os.kill(cluster.pid("ps0"), signal.SIGSTOP)
        with pytest.raises(HardwareError, match=r"task ps0 gave no answer to 'processor'"):
            cluster.call(["ps0"], "processor", timeout_s=0.5)


def test_an_error_inside_a_task_is_one_line(tmp_path: Path) -> None:
    workload = Workload("no compute", (Variable("w", (2,)),), flops_per_sample=1.0)
    job = TrainingJob(workload, "ps-async", "session", 1, workers=0, ps=0)
    with (
        running([single()], logs=tmp_path) as cluster,
        pytest.raises(HardwareError, match=r"task single0 failed in 'train'.*\[cost\]"),
    ):
        cluster.call(["single0"], "train", job, timeout_s=60)


def test_a_dying_ps_stops_a_campaign_and_keeps_its_samples(tmp_path: Path) -> None:
    """The ps is killed from outside when a third of the cells is done."""
    seen: list[str] = []

    def kill_once(news: CampaignProgress) -> None:
        if news.done == 4 and not seen:
            seen.append(news.cell)
            os.kill(ps_of(tmp_path), signal.SIGKILL)

    began = time.monotonic()
    with pytest.raises(campaign.CampaignStopped) as caught:
        campaign.calibrate(small(rounds=3), logs=tmp_path, progress=kill_once)
    assert isinstance(caught.value.cause, HardwareError)
    assert "ps0" in str(caught.value.cause)
    assert not caught.value.calibration.complete
    assert len({b.cell for b in caught.value.calibration.bursts}) >= 3
    assert time.monotonic() - began < 60


def ps_of(logs: Path) -> int:
    """The pid of the ps task, found as an outsider would: by the log that it holds open.

    By the whole path: other test runs on this machine have a ps0 too, which must not be killed.
    """
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.readlink(entry / "fd" / "1") == str(logs / "ps0.log"):
                    return int(entry.name)
            except OSError:
                continue
    raise AssertionError("no ps is running")


SCRIPT = """
import sys
from pathlib import Path
from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.training.runtime import SESSION
from nworkers.calibrate.training.tasks import TaskAddress, TaskAddresses
if __name__ == "__main__":
    at = TaskAddresses((TaskAddress(),), (TaskAddress(),), TaskAddress())
    with running(SESSION.groups(at, ()), logs=Path(sys.argv[1])) as cluster:
        print(cluster.pid("ps0"), cluster.pid("worker0"), flush=True)
        sys.stdin.read()
"""


def test_tasks_die_with_a_coordinator_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "hold.py"
    script.write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "logs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        pids = [int(p) for p in holder.stdout.readline().split()]
        assert len(pids) == 2
        assert all(alive(pid) for pid in pids)
        holder.kill()
    deadline = time.monotonic() + 15
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in pids)


def test_ctrl_c_keeps_what_was_measured(tmp_path: Path) -> None:
    def interrupt(news: CampaignProgress) -> None:
        if news.done == 3:
            threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT)).start()

    with pytest.raises(campaign.CampaignStopped) as caught:
        campaign.calibrate(small(rounds=5), logs=tmp_path, progress=interrupt)
    assert isinstance(caught.value.cause, KeyboardInterrupt)
    assert caught.value.calibration.bursts


@pytest.mark.parametrize(
    "workload",
    [
        named_workload("mlp:16,8,4"),
        Workload("wait", (Variable("a", (64, 64)), Variable("b", (64,))), cost=Cost(0.005, 0.0)),
    ],
    ids=["mlp", "timed wait"],
)
def test_training_is_real(workload: Workload, tmp_path: Path) -> None:
    measured = validation.train(
        [Scenario(workload, workers=2, batch=16)],
        starts=1,
        seconds=1.0,
        logs=tmp_path,
        progress=quiet,
    )
    single, pair = sorted(measured.runs, key=lambda run: run.workers)
    assert (single.workers, pair.workers) == (0, 2)
    assert (single.per_worker_batch, pair.per_worker_batch) == (16, 8)
    assert len(pair.steps_s) == 2
    for run in measured.runs:
        assert run.loss[1] < run.loss[0]
        assert 0 < run.step_time_s < 0.5
    if workload.cost:
        assert single.step_time_s > workload.cost.floor_s


def test_a_plan_of_the_contract_can_be_built_by_real_tasks(tmp_path: Path) -> None:
    """Every cell of the quick plan builds, runs and proves its work; nothing is timed."""
    cells = [c for c in plan(Scope("quick"), GEMM).cells if c.workers == 1]
    with running((*servers(ps=1, workers=1), single()), logs=tmp_path) as cluster:
        for name, path in (("single0", {"process"}), ("worker0", {"server", "ps"})):
            chosen = [c for c in cells if c.path in path]
            (results,) = cluster.call([name], "build", chosen, GEMM, timeout_s=120)
            assert [reason for _, reason in results if reason] == []
