"""Cells on a GPU: copies between host memory and the device, and matrix products there.

Not verified on a real GPU: what was run is these graphs with the session's second processor device
in the GPU's place (``STAND_IN``), which has partitions, sends and receives of its own.

GPU ops are asynchronous, so each step ends with one element of its result brought back to the
host, which waits for all that was queued before it; and each timing begins after such a wait.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from nworkers.calibrate.probes.probe import Context, Probe
from nworkers.calibrate.tensorflow.graphs import session_config
from nworkers.calibrate.tensorflow.proof import verify
from nworkers.calibrate.tensorflow.transfers import Variables, scope
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.calibration import Cell

HOST = "/cpu:0"
GPU = "/gpu:0"
#: For tests alone: a second processor device, in place of a GPU that the machine lacks.
STAND_IN = "/cpu:1"
NO_GPU = "no GPU"


def gpu_present(driver: Path = Path("/dev")) -> bool:
    """Whether an NVIDIA GPU is here and not hidden, told without importing TensorFlow."""
    return gpu_count(driver) > 0


def gpu_count(driver: Path = Path("/dev")) -> int:
    """How many NVIDIA GPUs are here and not hidden, told without importing TensorFlow."""
    here = sum(1 for _ in driver.glob("nvidia[0-9]*"))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return here
    shown = [name for name in visible.split(",") if name]
    # CUDA looks at those before the first that is none.
    refused = (k for k, name in enumerate(shown) if name.startswith("-"))
    return min(here, next(refused, len(shown)))


def gpus() -> list[str]:
    """The GPUs that TensorFlow can use in this process: none in a task that was forked."""
    import tensorflow as tf

    return [device.name for device in tf.config.list_physical_devices("GPU")]


def build(cells: Sequence[Cell], context: Context) -> list[Probe]:
    """The cells on the first GPU; without one, cells that are skipped and say so."""
    if not gpus():
        return [Probe(cell, _nothing_to_run, unavailable=NO_GPU) for cell in cells]
    return build_on(GPU, cells, context)


def _nothing_to_run() -> None:
    raise HardwareError(NO_GPU)


def build_on(device: str, cells: Sequence[Cell], context: Context) -> list[Probe]:
    """The cells on a device of one session."""
    import tensorflow as tf

    config = session_config(grappler=False, threads=context.threads)
    if device == STAND_IN:
        config.device_count["CPU"] = 2
    graph = tf.Graph()
    with graph.as_default():
        variables = Variables()
        steps = [_step(cell, device, context, variables) for cell in cells]
        mark = variables.make([1], device, 0.0, "mark")
        with tf.device(HOST):
            wait = tf.identity(mark.read_value()).op
        init = tf.group(*variables.initializers)
    session = tf.compat.v1.Session(graph=graph, config=config)
    session.run(init)
    settle = session.make_callable(wait)
    return [
        Probe(
            cell,
            session.make_callable(step),
            partial(verify, session, cell, step, product=bool(cell.hidden)),
            before=settle,
        )
        for cell, step in zip(cells, steps, strict=True)
    ]


def _step(cell: Cell, device: str, context: Context, variables: Variables) -> Any:
    """The op that is done when the host has seen the result."""
    import tensorflow as tf

    name = scope(cell)
    shape = [cell.size_bytes // 4]
    if cell.quantity == "copy_out":
        there = variables.make(shape, device, 0.5, f"{name}_device")
        with tf.device(HOST):
            return tf.identity(there.read_value()).op
    if cell.quantity == "copy_in":
        here = variables.make(shape, HOST, 0.5, f"{name}_host")
        with tf.device(device):
            result = tf.identity(here.read_value())
    elif cell.quantity == "gemm":
        dtype = context.workload.precision
        x = variables.make([cell.batch, cell.features], device, 0.5, f"{name}_x", dtype)
        w = variables.make([cell.features, cell.hidden], device, 0.5, f"{name}_w", dtype)
        with tf.device(device):
            result = tf.reshape(tf.matmul(x.read_value(), w.read_value()), [-1])
    else:
        raise HardwareError(f"cell '{cell.name}' is none that runs on a GPU")
    with tf.device(device):
        first = tf.slice(result, [0], [1])
    with tf.device(HOST):
        return tf.identity(first).op
