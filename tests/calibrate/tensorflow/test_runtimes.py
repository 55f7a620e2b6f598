"""Collectives, the coordinator and the mirrored strategy, on real TensorFlow tasks."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from nworkers.calibrate.campaigns import campaign
from nworkers.calibrate.campaigns.campaign import Machines
from nworkers.calibrate.campaigns.plan import MeasurementPlan
from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.probes.sampling import Limits
from nworkers.calibrate.training.runtime import COORDINATOR, MIRRORED, runner_of, runtime_of
from nworkers.calibrate.training.tasks import TaskAddress
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.calibration import Burst, Cell
from nworkers.models.records.workload import Cost, Variable, Workload, named_workload
from tests.support.tasks import alive, here, quiet

pytestmark = pytest.mark.tensorflow
MLP = named_workload("mlp:16,8,4")
WAIT = Workload("wait", (Variable("a", (64, 64)), Variable("b", (64,))), cost=Cost(0.005, 0.0))
CELLS = (
    Cell("fetch", "ps", 4),
    Cell("fetch", "ps", 4, workers=2),
    *(Cell("allreduce", "collective", size, workers=k) for size in (4, 2**21) for k in (2, 3)),
    Cell("gradient", "collective", batch=8, overlap_bytes=2**20, workers=2),
    Cell("noop", "coordinator"),
    Cell("noop", "coordinator", workers=3),
    Cell("step", "coordinator", batch=8),
    *(Cell("noop", "mirrored", workers=k) for k in (2, 3)),
    Cell("allreduce", "mirrored", 2**16, workers=2),
    *(Cell("step", "mirrored", batch=8, workers=k) for k in (2, 3)),
)
#: Cells of which every worker takes equally many samples.
TOGETHER = [c for c in CELLS if c.path in ("collective", "mirrored")]


@pytest.fixture(scope="module")
def bursts(tmp_path_factory: pytest.TempPathFactory) -> dict[Cell, list[Burst]]:
    """A round of all cells over three workers, by cell."""
    made = MeasurementPlan(MLP, CELLS, rounds=1, burst_s=0.1, window_s=0.1, max_samples=50, seed=1)
    calibration = campaign.calibrate(
        made,
        logs=tmp_path_factory.mktemp("logs"),
        progress=quiet,
        machines=Machines(workers=(TaskAddress(), TaskAddress(), TaskAddress())),
    )
    assert not calibration.skipped
    return {cell: [b for b in calibration.bursts if b.cell == cell] for cell in CELLS}


@pytest.mark.parametrize("cell", TOGETHER, ids=lambda cell: cell.name)
def test_all_workers_of_a_collective_sample_equally_often(
    bursts: dict[Cell, list[Burst]], cell: Cell
) -> None:
    of_cell = bursts[cell]
    assert [b.worker for b in of_cell] == list(range(cell.workers))
    assert {b.stop for b in of_cell} == {"count"}
    (count,) = {len(b.samples_s) for b in of_cell}
    assert 5 <= count <= 50
    assert of_cell[0].processor is not None
    assert of_cell[0].processor.worker_s > 0


def test_the_coordinators_own_processor_time_is_kept_apart(
    bursts: dict[Cell, list[Burst]],
) -> None:
    (burst,) = bursts[Cell("step", "coordinator", batch=8)]
    assert burst.processor is not None
    assert min(burst.processor.chief_s, burst.processor.worker_s, burst.processor.ps_s) > 0


def test_sessions_run_in_the_same_round(bursts: dict[Cell, list[Burst]]) -> None:
    assert len(bursts[Cell("fetch", "ps", 4, workers=2)]) == 2


def test_a_timed_wait_trains_under_both_strategies(tmp_path: Path) -> None:
    """The wait is TensorFlow's own op, since a worker could not call into the chief's Python.

    A coordinator's cell of three workers runs three functions: here one after the other, for there
    is one worker.
    """
    at = here(ps=1, workers=1)
    groups = (*COORDINATOR.groups(at, ()), *MIRRORED.groups(at, (1,)))
    with running(groups, logs=tmp_path) as cluster:
        for name, path, functions in (
            ("chief0", "coordinator", 1),
            ("chief0", "coordinator", 3),
            ("mirrored1-0", "mirrored", 1),
        ):
            cell = Cell("step", path, batch=1, workers=functions)  # type: ignore[arg-type]
            cluster.call([name], "build", [cell], WAIT, timeout_s=60)
            ((samples, _),) = cluster.call([name], "burst", 0, Limits(0.0, 5, 1.0, exactly=5))
            assert 0.005 * functions < min(samples.samples_s) < 0.05 * functions


@pytest.mark.parametrize("path", ["collective", "mirrored"])
def test_a_worker_that_dies_within_a_collective_is_named(path: str, tmp_path: Path) -> None:
    cell = Cell("allreduce", path, 2**16, workers=2)  # type: ignore[arg-type]
    groups = runtime_of(cell).groups(here(workers=2), (2,))
    with running(groups, logs=tmp_path) as cluster:
        names = cluster.names(runner_of(cell).calling_job(2))
        pids = [cluster.pid(name) for name in names]
        cluster.call(names, "build", [cell], MLP, timeout_s=60)
        threading.Timer(0.5, os.kill, (pids[1], signal.SIGKILL)).start()
        began = time.monotonic()
        with pytest.raises(HardwareError, match=rf"task {names[1]} was ended by signal 9"):
            cluster.call(names, "burst", 0, Limits(0.0, 1, 1.0, exactly=10**6), timeout_s=30)
        assert time.monotonic() - began < 15
    assert not any(alive(pid) for pid in pids)
