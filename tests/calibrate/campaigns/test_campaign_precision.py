"""The model's own precision, and the size of TensorFlow's pools, in real tasks."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from nworkers.calibrate.campaigns import campaign
from nworkers.calibrate.campaigns.plan import MeasurementPlan
from nworkers.calibrate.cluster.cluster import Cluster
from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.training.runtime import single
from nworkers.calibrate.training.trainer import TrainingJob
from nworkers.models.base.errors import HardwareError
from nworkers.models.files.store import read_calibration, write_record
from nworkers.models.records.calibration import Cell
from nworkers.models.records.workload import Cost, Variable, Workload, named_workload
from tests.support.inside import inside
from tests.support.tasks import servers

pytestmark = pytest.mark.tensorflow
GEMM = named_workload("gemm:128,256")


def loss_type(workload: Workload) -> str:
    import tensorflow as tf

    from nworkers.calibrate.tensorflow.replica import training_graph

    with tf.Graph().as_default():
        training = training_graph(workload, 4, worker="/cpu:0", ps=("/cpu:0",), seed=1)
        with tf.compat.v1.Session() as session:
            session.run(training.initializer)
            session.run(training.step)
    return str(training.loss.dtype.name)


def in_precision(workload: Workload, dtype: str) -> Workload:
    variables = tuple(replace(v, dtype=dtype) for v in workload.variables)  # type: ignore[arg-type]
    return replace(workload, variables=variables)


@pytest.mark.parametrize("name", ["gemm:8,4", "mlp:8,6,4"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_a_network_is_trained_in_its_variables_precision(name: str, dtype: str) -> None:
    assert inside(loss_type, in_precision(named_workload(name), dtype)) == dtype


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_a_model_of_a_file_is_trained_in_its_own_precision(dtype: str, tmp_path: Path) -> None:
    model = Workload("model", (Variable("w", (64, 64)),), cost=Cost(0.001, 0.0))
    with running(servers(ps=1, workers=1), logs=tmp_path) as cluster:
        job = TrainingJob(in_precision(model, dtype), "ps-async", "session", 4, workers=1, ps=1)
        cluster.call(["worker0"], "train", job, timeout_s=60)
        before = cluster.call(["worker0"], "loss")[0]
        cluster.call(["worker0"], "steps", time.perf_counter(), 0.0, 0.2)
        assert cluster.call(["worker0"], "loss")[0] < before


def test_whole_numbers_are_no_trainable_variable(tmp_path: Path) -> None:
    model = Workload("ids", (Variable("table", (8,), "int32"),), cost=Cost(0.001, 0.0))
    job = TrainingJob(model, "ps-async", "session", 4, workers=0, ps=0)
    with (
        running([single()], logs=tmp_path) as cluster,
        pytest.raises(HardwareError, match="variable table is int32; TensorFlow updates float16"),
    ):
        cluster.call(["single0"], "train", job, timeout_s=60)


def pool_threads(cluster: Cluster, name: str) -> int:
    tasks = Path(f"/proc/{cluster.pid(name)}/task").iterdir()
    return sum((task / "comm").read_text().strip() == "tf_Compute" for task in tasks)


@pytest.mark.parametrize("threads", [1, 5])
def test_pools_have_the_threads_that_were_asked_for(threads: int, tmp_path: Path) -> None:
    """A server's pools come from its own configuration; a ps has one thread more."""
    product = Cell("gemm", "server", features=64, batch=64, hidden=64)
    groups = (*servers(ps=1, workers=1), single())
    with running(groups, logs=tmp_path, threads=threads) as cluster:
        cluster.call(["worker0"], "build", [product, Cell("push", "ps", 1024)], GEMM, timeout_s=60)
        local = [replace(product, path="process")]
        cluster.call(["single0"], "build", local, GEMM, timeout_s=60)
        assert pool_threads(cluster, "worker0") == threads
        assert pool_threads(cluster, "single0") == threads
        assert pool_threads(cluster, "ps0") - threads in (0, 1)


def test_a_campaign_keeps_what_it_was_asked_for(tmp_path: Path) -> None:
    """The memory of a step and the threads of the pools are on record."""
    cells = (Cell("noop", "process"), Cell("exchange", "ps", 1024, workers=2))
    plan = MeasurementPlan(GEMM, cells, 1, 0.05, 0.05, 100, 1, threads=1, memory=True)
    made = campaign.calibrate(plan, logs=tmp_path / "logs", progress=lambda _: None)
    assert {b.cell for b in made.bursts} == set(cells)
    assert made.memory is not None
    assert made.memory.extrapolated
    assert made.threads == 1
    path = tmp_path / "calibration.json"
    write_record(path, made, force=False)
    assert read_calibration(path) == made
