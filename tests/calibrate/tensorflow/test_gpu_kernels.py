"""Every op that is placed on a GPU has a kernel there; no GPU is needed to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, cast

import pytest

from nworkers.calibrate.campaigns.cells import on_gpu
from nworkers.calibrate.campaigns.presets import PRESETS
from nworkers.calibrate.probes.probe import Context
from nworkers.calibrate.tensorflow import gpu_probes
from nworkers.calibrate.tensorflow.devices import GPU
from nworkers.calibrate.tensorflow.replica import asynchronous_graph, training_graph
from nworkers.calibrate.tensorflow.sync_replicas import sync_graph
from nworkers.calibrate.tensorflow.trained import Synthetic
from nworkers.calibrate.tensorflow.transfers import Variables
from nworkers.calibrate.tensorflow.user_model import UserModel
from nworkers.models.records.workload import Cost, DType, Optimizer, Variable, Workload
from nworkers.models.records.workload import named_workload as named
from tests.support.gpu_kernels import placed_on_gpu, without_kernel
from tests.support.inside import inside

WORKER = "/job:worker/task:0/device:GPU:0"
HOST = "/job:worker/task:0/device:CPU:0"
PS = ("/job:ps/task:0/device:CPU:0", "/job:ps/task:1/device:CPU:0")
ALONE: dict[str, Any] = {"worker": GPU, "ps": (GPU,)}
BESIDE: dict[str, Any] = {"worker": WORKER, "ps": PS}
WAIT = Workload("wait", (Variable("w", (8,)), Variable("v", (8,))), cost=Cost(0.001, 0.0))
WORKLOADS = (named("mlp:8,16,4"), named("gemm:8,8"), WAIT)
DTYPES = ("float32", "float16", "bfloat16", "float64")
OPTIMIZERS = ("sgd", "momentum", "adam")
Missing = dict[str, set[str]]


def missing(build: Callable[[], Any]) -> set[str]:
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        build()
    assert any(map(placed_on_gpu, graph.get_operations())), "nothing of the graph is on a GPU"
    return without_kernel(graph)


def typed(workload: Workload, dtype: str, optimizer: str = "sgd") -> Workload:
    variables = tuple(replace(v, dtype=cast("DType", dtype)) for v in workload.variables)
    return replace(workload, variables=variables, optimizer=cast("Optimizer", optimizer))


def optimizers(workload: Workload) -> tuple[str, ...]:
    """An update is the same whatever computes the gradients."""
    return OPTIMIZERS if workload.name.startswith("gemm") else OPTIMIZERS[:1]


def training(workload: Workload) -> Missing:
    """In one process, and of a worker whose variables lie elsewhere, asynchronously and in step."""
    found: Missing = {}
    for dtype in DTYPES:
        for optimizer in optimizers(workload):
            it = typed(workload, dtype, optimizer)
            graph = partial(training_graph, it, 4, seed=1)
            name = f"{dtype} {optimizer}"
            found[f"{name} alone"] = missing(partial(graph, **ALONE))
            found[f"{name} worker"] = missing(partial(graph, **BESIDE))
        model = Synthetic(it, 4, 1)
        in_step = partial(sync_graph, model, workers=2, index=0, host=HOST, **BESIDE)
        found[f"{dtype} sync"] = missing(in_step)
    return found


def user_models() -> Missing:
    found: Missing = {}
    for name in ("dense", "stateful"):
        model = UserModel(f"tests.support.user_models:{name}", 4, 1)
        for where in (ALONE, BESIDE):
            build = partial(asynchronous_graph, model, seed=1, **where)
            found[f"{name} {where['worker']}"] = missing(build)
    return found


def probes() -> Missing:
    """Of all cells of a GPU that a calibration plans, in every precision of a model."""
    at = gpu_probes._At(WORKER, HOST, PS)
    found: Missing = {}
    for cell in on_gpu(PRESETS["quick"], (), 0, workers=2, gpus=1):
        for dtype in DTYPES:
            workload = typed(WORKLOADS[1], dtype)
            context = Context("worker", 0, "", {}, workload)
            build = partial(gpu_probes._target, cell, at, context, Variables())
            found[f"{cell.name} {dtype}"] = missing(build)
    return found


def known(workload: Workload) -> Missing:
    """What no kernel is there for: an update of bfloat16, and this loss of float64."""
    lacks: Missing = {}
    fused = ("GradientDescent", "Momentum", "Adam")
    for optimizer, update in zip(optimizers(workload), fused, strict=False):
        lacks[f"bfloat16 {optimizer} alone"] = {f"ResourceApply{update}(bfloat16)"}
    if workload.name.startswith("mlp"):
        loss = {"SparseSoftmaxCrossEntropyWithLogits(float64, int64)"}
        lacks |= {f"float64 {name}": loss for name in ("sgd alone", "sgd worker", "sync")}
    return lacks


@pytest.mark.tensorflow
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda w: w.name)
def test_a_training_graph_s_ops_have_kernels_of_a_gpu(workload: Workload) -> None:
    found = inside(training, workload)
    assert {name: ops for name, ops in found.items() if ops} == known(workload)


@pytest.mark.tensorflow
@pytest.mark.parametrize("build", [user_models, probes])
def test_other_graphs_ops_have_kernels_of_a_gpu(build: Callable[[], Missing]) -> None:
    assert not {name: ops for name, ops in inside(build).items() if ops}


def int32_labels() -> set[str]:
    import tensorflow as tf

    def build() -> None:
        with tf.device(GPU):
            labels = tf.compat.v1.Variable(tf.zeros([4], tf.int32), use_resource=True)
            labels.read_value()

    return missing(build)


@pytest.mark.tensorflow
def test_a_variable_of_int32_is_found_to_have_no_kernel() -> None:
    """As on the first GPU that was tried, where labels of int32 ended the measurement of memory."""
    assert "VarHandleOp(int32)" in inside(int32_labels)
