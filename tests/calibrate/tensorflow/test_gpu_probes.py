"""Cells of a GPU in real tasks, each of which has a second processor device in the GPU's place.

No GPU is here: what is held is that every graph is built, partitioned, run and proved, not that
a GPU has a kernel for each op.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from nworkers.calibrate.campaigns import campaign
from nworkers.calibrate.campaigns.plan import plan
from nworkers.calibrate.campaigns.scope import Scope
from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.tensorflow.devices import stand_in
from nworkers.calibrate.training.runtime import single
from nworkers.calibrate.training.tasks import TaskAddress, TaskGroup
from nworkers.models.records.calibration import Calibration, Cell
from nworkers.models.records.workload import Variable, Workload, named_workload
from tests.support.tasks import quiet

pytestmark = pytest.mark.tensorflow
HALF = Workload("half", (Variable("w", (8, 8), "float16"),), flops_per_sample=1.0)
PLAN = plan(Scope("quick"), named_workload("mlp:16,8,4"), gpu=True)
GEMM = Cell("gemm", "process", features=64, batch=16, hidden=64, device="gpu")
BESIDE = replace(GEMM, overlap_bytes=2**20)


def some(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The least and the most of each quantity, path and number of workers; none of many flops."""
    kinds: dict[tuple[object, ...], list[Cell]] = {}
    for cell in cells:
        if cell.device and cell.flops < 1e9:
            kinds.setdefault((cell.quantity, cell.path, cell.workers), []).append(cell)
    least = [min(of, key=lambda c: (c.size_bytes, c.batch, -c.tensors)) for of in kinds.values()]
    most = [max(of, key=lambda c: (c.tensors, c.size_bytes, c.batch)) for of in kinds.values()]
    return tuple(dict.fromkeys((*least, *most, BESIDE, Cell("noop", "server"))))


def on_stand_ins(groups: Sequence[TaskGroup]) -> tuple[TaskGroup, ...]:
    """In place of tasks that are spawned and see GPUs."""
    at = TaskAddress(prepare=stand_in)
    return tuple(
        group if group.job == "ps" else replace(group, addresses=(at,) * len(group.addresses))
        for group in groups
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    """A round of cells of every kind that a quick calibration has on a GPU."""
    few = replace(PLAN, cells=some(PLAN.cells), rounds=1, memory=False, burst_s=0.01, window_s=0.03)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(campaign, "on_gpus", on_stand_ins)
        return campaign.calibrate(few, logs=tmp_path_factory.mktemp("logs"), progress=quiet)


def test_every_quantity_is_built_proved_and_measured(measured: Calibration) -> None:
    assert measured.skipped == ()
    assert measured.complete
    assert measured.gpus == 1
    found = {(b.cell.quantity, b.cell.path) for b in measured.bursts if b.cell.device}
    assert found == {(c.quantity, c.path) for c in PLAN.cells if c.device}
    used = [b.processor for b in measured.bursts if b.worker == 0]
    assert all(processor is not None and processor.worker_s > 0 for processor in used)


def test_two_workers_compute_on_one_gpu_in_one_window(measured: Calibration) -> None:
    pairs = [b for b in measured.bursts if b.cell.workers == 2]
    assert {(b.cell.quantity, b.cell.path, b.stop) for b in pairs} == {
        ("gradient", "server", "window")
    }
    assert {b.worker for b in pairs} == {0, 1}


def test_products_on_a_gpu_are_in_the_model_s_precision(tmp_path: Path) -> None:
    with running(on_stand_ins([single()]), logs=tmp_path) as cluster:
        (results,) = cluster.call(["single0"], "build", [GEMM, BESIDE], HALF, timeout_s=60)
    assert [reason for _, reason in results] == ["", ""]
