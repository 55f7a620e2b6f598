"""Real training with a second processor device in the GPU's place: no GPU is here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nworkers.calibrate.campaigns import validation
from nworkers.calibrate.cluster.cluster import Cluster
from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.host import gpus
from nworkers.calibrate.tensorflow.devices import stand_in
from nworkers.calibrate.training.runtime import COORDINATOR, SINGLE_JOB, on_gpus, single
from nworkers.calibrate.training.tasks import TaskAddress, TaskAddresses, TaskGroup
from nworkers.calibrate.training.trainer import TrainingJob
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import named_workload
from tests.support.tasks import quiet

MLP = named_workload("mlp:16,8,4")
AT = TaskAddress(prepare=stand_in)
JOB = TrainingJob(MLP, "ps-async", "session", 8, workers=2, ps=1, device="gpu")


def trained(cluster: Cluster, job: TrainingJob, driver: str) -> None:
    names = cluster.names(driver)
    for name in names:
        cluster.call([name], "train", job, timeout_s=60)
    (before,) = cluster.call(names[:1], "loss")
    starts = cluster.start_together(names)
    calls = {name: (start_at, 0.2, 0.4) for name, start_at in starts.items()}
    steps = cluster.call_each(calls, "steps", timeout_s=30)
    (after,) = cluster.call(names[:1], "loss")
    assert after < before
    assert [len(workers) > 0 for workers in steps] == [True] * len(names)


@pytest.mark.tensorflow
def test_workers_compute_on_the_device_and_the_loss_falls(tmp_path: Path) -> None:
    """One process, asynchronous and synchronous workers, and a coordinator's, in one cluster.

    The coordinator comes last: servers that it has met go on for sessions, not for all else.
    """
    groups = COORDINATOR.groups(TaskAddresses((TaskAddress(),), (AT, AT), AT), ())
    alone = replace(single(), addresses=(AT,))
    with running((*groups, alone), logs=tmp_path) as cluster:
        trained(cluster, replace(JOB, workers=0, ps=0), SINGLE_JOB)
        trained(cluster, JOB, "worker")
        trained(cluster, replace(JOB, strategy="ps-sync"), "worker")
        trained(cluster, replace(JOB, runtime="coordinator"), "chief")


def test_training_on_a_gpu_that_is_not_here_begins_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "device_present", lambda: False)
    scenario = Scenario(MLP, workers=2, workers_per_gpu=1)
    with pytest.raises(HardwareError, match="no NVIDIA GPU on this machine"):
        validation.train([scenario], starts=1, seconds=1.0, logs=tmp_path, progress=quiet)
    assert list(tmp_path.iterdir()) == []


def test_workers_of_a_host_share_its_gpus_in_succession() -> None:
    addresses = tuple(TaskAddress(host) for host in ("a", "a", "b", "a", "a", "b"))
    group = TaskGroup("worker", addresses, "session")
    assert {group.gpu_of(k) for k in range(6)} == {None}
    ps, workers = on_gpus((replace(group, job="ps"), group))
    assert ps.gpu_of(0) is None
    assert [workers.gpu_of(k) for k in range(6)] == [0, 1, 0, 2, 3, 1]
    pairs = replace(workers, workers_per_gpu=2)
    assert [pairs.gpu_of(k) for k in range(6)] == [0, 0, 0, 1, 1, 0]
