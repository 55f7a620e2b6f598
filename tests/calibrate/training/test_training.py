"""Real training under every strategy and runtime: short, but of several processes."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from nworkers.calibrate.campaigns import validation
from nworkers.calibrate.campaigns.campaign import Machines
from nworkers.calibrate.cluster.cluster import Cluster
from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.training import trainer
from nworkers.calibrate.training.runtime import MIRRORED
from nworkers.calibrate.training.tasks import TaskAddress
from nworkers.calibrate.training.trainer import (
    Stalled,
    StepProgress,
    TrainingJob,
    Window,
    time_steps,
    watched,
)
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.measurement import Measurement
from nworkers.models.records.runtimes import Runtime, Strategy
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import Cost, Variable, Workload, named_workload
from tests.support.tasks import here, quiet, servers

MLP = named_workload("mlp:16,8,4")
WAIT = Workload("wait", (Variable("a", (64, 64)), Variable("b", (64,))), cost=Cost(0.02, 0.0))
KINDS: list[tuple[Strategy, Runtime]] = [
    ("ps-sync", "session"),
    ("ps-async", "coordinator"),
    ("allreduce", "mirrored"),
]
kinds = pytest.mark.parametrize(("strategy", "runtime"), KINDS, ids=[r for _, r in KINDS])


def train(
    workload: Workload,
    strategy: Strategy,
    runtime: Runtime,
    logs: Path,
    *,
    machines: Machines | None = None,
    ps: int = 1,
    seconds: float = 1.0,
) -> Measurement:
    return validation.train(
        [Scenario(workload, workers=2, batch=16, strategy=strategy, runtime=runtime, ps=ps)],
        starts=1,
        seconds=seconds,
        logs=logs,
        progress=quiet,
        machines=machines,
    )


@pytest.mark.tensorflow
@kinds
def test_training_is_real(strategy: Strategy, runtime: Runtime, tmp_path: Path) -> None:
    measured = train(WAIT, strategy, runtime, tmp_path, ps=2)
    assert (measured.strategy, measured.runtime) == (strategy, runtime)
    single, pair = sorted(measured.runs, key=lambda run: run.workers)
    assert (single.workers, pair.workers) == (0, 2)
    assert (single.per_worker_batch, pair.per_worker_batch) == (16, 8)
    for run in measured.runs:
        assert run.loss[1] < run.loss[0]
        # A step takes the wait and not much more; all of the window is steps, but for its edges.
        assert 0.02 < run.step_time_s < 0.2
        for steps in run.steps_s:
            assert 1.0 - 3 * max(steps) < sum(steps) < 1.0
    counts = [len(steps) for steps in pair.steps_s]
    if strategy != "ps-async":
        assert abs(counts[0] - counts[1]) <= 1


def die_later() -> None:
    """Part of a task's start: the task is killed after so long, mostly while it trains."""
    threading.Timer(2.5, os.kill, (os.getpid(), signal.SIGKILL)).start()


@pytest.mark.tensorflow
@pytest.mark.parametrize(("strategy", "runtime"), KINDS[:2], ids=["session", "coordinator"])
def test_a_worker_that_dies_is_named_and_finished_starts_are_kept(
    strategy: Strategy, runtime: Runtime, tmp_path: Path
) -> None:
    machines = Machines(workers=(TaskAddress(), TaskAddress(prepare=die_later)))
    began = time.monotonic()
    with pytest.raises(validation.TrainingStopped, match=r"1 was ended by signal 9") as caught:
        train(MLP, strategy, runtime, tmp_path, machines=machines, seconds=2.0)
    assert time.monotonic() - began < 30
    assert [run.workers for run in caught.value.measurement.runs] == [0]
    assert not caught.value.measurement.complete


def hang(cluster: Cluster, victim: str, driver: str, timeout_s: float) -> str:
    """What is said when a task is stopped while it trains."""
    pid = cluster.pid(victim)
    threading.Timer(1.0, os.kill, (pid, signal.SIGSTOP)).start()
    starts = cluster.start_together(cluster.names(driver))
    calls = {name: (start_at, 0.1, 2.0) for name, start_at in starts.items()}
    with pytest.raises(HardwareError) as caught:
        cluster.call_each(calls, "steps", timeout_s=timeout_s)
    return str(caught.value)


@pytest.mark.tensorflow
def test_a_ps_that_hangs_is_named(tmp_path: Path) -> None:
    job = TrainingJob(MLP, "ps-sync", "session", 8, workers=2, ps=1)
    with running(servers(ps=1, workers=2), logs=tmp_path) as cluster:
        for name in cluster.names("worker"):
            cluster.call([name], "train", job, timeout_s=60)
        assert hang(cluster, "ps0", "worker", 4.0).startswith("task ps0 gave no answer")


@pytest.mark.tensorflow
def test_who_hangs_under_the_mirrored_strategy_is_named(tmp_path: Path) -> None:
    """TensorFlow's own beats end the collective; the first worker then cannot go on."""
    job = TrainingJob(MLP, "allreduce", "mirrored", 8, workers=2, ps=0)
    began = time.monotonic()
    with running(MIRRORED.groups(here(workers=2), (2,)), logs=tmp_path) as cluster:
        cluster.call(cluster.names("mirrored2-"), "train", job, timeout_s=60)
        said = hang(cluster, "mirrored2-1", "mirrored2-", 30.0)
    assert said.startswith("task mirrored2-1 does not answer, and mirrored2-0 waits for it")
    assert time.monotonic() - began < 25


class Scripted:
    """A trainer of steps that take as long as they are told to."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = list(seconds)

    def loss(self) -> float:
        return 1.0

    def train(self, window: Window, progress: StepProgress) -> list[list[float]]:
        return [time_steps(self._step, window, progress)]

    def _step(self, over: bool) -> bool:
        if not self._seconds:
            return True
        time.sleep(self._seconds.pop(0))
        return over


def test_steps_that_lie_whole_within_the_window_count() -> None:
    start_at = time.perf_counter()
    # The window is from 0.1 to 0.4 s; steps end at 0.15, 0.25, 0.35 and 0.45 s.
    (steps,) = watched(Scripted(0.15, 0.1, 0.1, 0.1, 0.1), Window(start_at, 0.1, 0.3))
    assert steps == pytest.approx([0.1, 0.1], abs=0.04)


def test_a_step_without_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "STALL_S", 0.3)
    began = time.perf_counter()
    with pytest.raises(Stalled, match="made no step for"):
        watched(Scripted(0.01, 5.0), Window(began, 0.1, 0.3))
    assert time.perf_counter() - began < 2


def test_long_steps_have_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "STALL_S", 0.25)
    begin = time.perf_counter()
    assert watched(Scripted(0.2, 0.6), Window(begin, 0.0, 0.01)) == [[]]
