"""Which GPUs there are, and what becomes of cells and tasks without one: no GPU is here."""

from __future__ import annotations

from pathlib import Path

import pytest

from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.tensorflow.devices import NO_GPU
from nworkers.calibrate.tensorflow.mirrored import join
from nworkers.calibrate.tensorflow.server import serve_sessions
from nworkers.calibrate.tensorflow.session_training import build as train
from nworkers.calibrate.training.runtime import single
from nworkers.calibrate.training.tasks import Role
from nworkers.calibrate.training.trainer import Place, TrainingJob
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.calibration import Cell
from nworkers.models.records.workload import named_workload
from tests.support.inside import inside

CELLS = [
    Cell("copy_in", "process", 2**16, device="gpu"),
    Cell("gradient", "process", batch=2, device="gpu"),
    Cell("gemm", "process", features=32, batch=16, hidden=64, device="gpu"),
]
GEMM = named_workload("gemm:8,8")


@pytest.mark.tensorflow
def test_without_a_gpu_the_cells_are_skipped_by_name(tmp_path: Path) -> None:
    with running([single()], logs=tmp_path) as cluster:
        (results,) = cluster.call(
            ["single0"], "build", [Cell("noop", "process"), *CELLS], GEMM, timeout_s=60
        )
        assert cluster.call(["single0"], "gpus") == [0]
    assert [reason for _, reason in results] == ["", NO_GPU, NO_GPU, NO_GPU]


def choose() -> list[str]:
    """What tasks say that are to train on a GPU where there is none."""
    said = []
    place = Place(0, "", {}, None)
    job = TrainingJob(GEMM, "ps-async", "session", 8, workers=0, ps=0, device="gpu")
    member = Role("mirrored1-", 0, {"mirrored1-": ["localhost:1"]}, "mirrored", gpu=0)
    # The coordinator's own worker, the mirrored strategy's, one process.
    for start in (
        lambda: serve_sessions(Role("worker", 0, {"worker": [""]}, "coordinator", gpu=0)),
        lambda: join(member),
        lambda: train(job, place),
    ):
        try:
            start()
        except HardwareError as error:
            said.append(str(error))
    return said


@pytest.mark.tensorflow
def test_a_worker_that_is_to_train_on_a_gpu_never_trains_on_a_processor() -> None:
    said = inside(choose)
    assert len(said) == 3
    assert all("is to compute on a GPU and sees none" in line for line in said)


@pytest.mark.tensorflow
def test_a_task_that_is_to_see_gpus_is_spawned_and_serves(tmp_path: Path) -> None:
    with running([single(gpu=True)], logs=tmp_path) as cluster:
        (results,) = cluster.call(
            ["single0"], "build", [Cell("noop", "process")], GEMM, timeout_s=60
        )
    assert results[0][1] == ""
