"""Cells of a GPU, on the session's second processor device in its place: no GPU is here."""

from __future__ import annotations

from pathlib import Path

import pytest

from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.probes.probe import Context
from nworkers.calibrate.tensorflow.devices import NO_GPU, STAND_IN, build_on, gpu_present
from nworkers.calibrate.training.runtime import single
from nworkers.models.records.calibration import Cell
from nworkers.models.records.workload import Variable, Workload, named_workload
from tests.support.inside import inside

CELLS = [
    Cell("copy_in", "process", 2**16, device="gpu"),
    Cell("copy_out", "process", 2**16, device="gpu"),
    Cell("gemm", "process", features=32, batch=16, hidden=64, device="gpu"),
]
GEMM = named_workload("gemm:8,8")
HALF = Workload("half", (Variable("w", (8, 8), "float16"),), flops_per_sample=1.0)


def run_all(workload: Workload, cells: list[Cell]) -> int:
    probes = build_on(STAND_IN, cells, Context("single", 0, "", {}, workload))
    for probe in probes:
        probe.before()
        probe.step()
        probe.verify()
    return len(probes)


@pytest.mark.tensorflow
@pytest.mark.parametrize("workload", [GEMM, HALF], ids=["float32", "float16"])
def test_copies_and_products_cross_to_the_device_and_prove_it(workload: Workload) -> None:
    assert inside(run_all, workload, CELLS) == 3


@pytest.mark.tensorflow
def test_a_quantity_that_runs_on_no_gpu_is_refused() -> None:
    with pytest.raises(RuntimeError, match="none that runs on a GPU"):
        inside(run_all, GEMM, [Cell("step", "process", batch=1, device="gpu")])


@pytest.mark.tensorflow
def test_without_a_gpu_the_cells_are_skipped_by_name(tmp_path: Path) -> None:
    with running([single()], logs=tmp_path) as cluster:
        (results,) = cluster.call(
            ["single0"], "build", [Cell("noop", "process"), *CELLS], GEMM, timeout_s=60
        )
    assert [reason for _, reason in results] == ["", NO_GPU, NO_GPU, NO_GPU]


@pytest.mark.tensorflow
def test_a_task_that_is_to_see_gpus_is_spawned_and_serves(tmp_path: Path) -> None:
    with running([single(gpu=True)], logs=tmp_path) as cluster:
        (results,) = cluster.call(
            ["single0"], "build", [Cell("noop", "process")], GEMM, timeout_s=60
        )
    assert results[0][1] == ""


def test_a_gpu_is_told_by_its_device_file_unless_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (tmp_path / "nvidiactl").touch()
    assert not gpu_present(tmp_path)
    (tmp_path / "nvidia0").touch()
    assert gpu_present(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert not gpu_present(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert gpu_present(tmp_path)
