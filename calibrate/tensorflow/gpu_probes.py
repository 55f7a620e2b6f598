"""GPU probes: cells on a GPU, of a process alone and of a worker with its ps on processors.

GPU ops are asynchronous, so a step ends with one number of the GPU's memory brought back to the
host, after all that it waits for: that alone is the cell ``noop``. A push ends with its own bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from nworkers.calibrate.probes.beside import beside
from nworkers.calibrate.probes.probe import Context, Probe
from nworkers.calibrate.tensorflow import training_probes
from nworkers.calibrate.tensorflow.devices import HOST, NO_GPU, gpu, gpus, no_gpu
from nworkers.calibrate.tensorflow.graphs import session_config
from nworkers.calibrate.tensorflow.proof import verify
from nworkers.calibrate.tensorflow.transfers import (
    Variables,
    brought_back,
    scope,
    servers,
    transfer,
)
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.calibration import Cell


def build(cells: Sequence[Cell], context: Context) -> list[Probe]:
    """The cells on the first GPU; without one, cells that are skipped and say so."""
    if not gpus():
        return [Probe(cell, _nothing_to_run, unavailable=no_gpu()) for cell in cells]
    trained = [c for c in cells if c.quantity in ("step", "gradient")]
    made = {probe.cell: probe for probe in training_probes.build(trained, context)}
    return [made.get(cell) or _build(cell, context) for cell in cells]


def _nothing_to_run() -> None:
    raise HardwareError(NO_GPU)


@dataclass(frozen=True)
class _At:
    """The devices of a cell: the GPU, its process's processor, and those of the ps."""

    gpu: str
    host: str
    ps: Sequence[str]

    @staticmethod
    def of(cell: Cell, context: Context) -> _At:
        task = "" if cell.path == "process" else f"/job:worker/task:{context.index}"
        ps = servers(cell, context) if cell.path == "ps" else []
        return _At(f"{task}{gpu()}", f"{task}{HOST}", ps)


def _build(cell: Cell, context: Context) -> Probe:
    """A session of the process's own, or of the worker's server."""
    import tensorflow as tf

    alone = cell.path == "process"
    at = _At.of(cell, context)
    graph = tf.Graph()
    with graph.as_default():
        variables = Variables()
        target = _target(cell, at, context, variables)
        copy = Cell("copy_in", "process", cell.overlap_bytes, device=cell.device)
        copied = _target(copy, at, context, variables) if cell.overlap_bytes else None
        init = tf.group(*variables.initializers)
    config = session_config(
        grappler=False, worker=None if alone else context.index, threads=context.threads
    )
    session = tf.compat.v1.Session("" if alone else context.target, graph=graph, config=config)
    session.run(init)

    def probe(of: Cell, op: Any) -> Probe:
        proof = partial(verify, session, of, op, product=bool(of.hidden))
        return Probe(of, session.make_callable(op), proof)

    made = probe(cell, target)
    return made if copied is None else beside(made, probe(copy, copied))


def _target(cell: Cell, at: _At, context: Context, variables: Variables) -> Any:
    """What a session runs as one step of the cell: an op, or several."""
    import tensorflow as tf

    name, shape = scope(cell), [cell.size_bytes // 4]
    if cell.quantity in ("push", "fetch_push"):
        return transfer(cell, at.gpu, at.ps, variables)
    if cell.quantity == "copy_out":
        there = variables.make(shape, at.gpu, 0.5, f"{name}_device")
        with tf.device(at.host):
            return tf.identity(there.read_value()).op
    if cell.quantity == "noop":
        work = []
    elif cell.quantity == "fetch":
        work = [transfer(cell, at.gpu, at.ps, variables)]
    elif cell.quantity == "copy_in":
        here = variables.make(shape, at.host, 0.5, f"{name}_host")
        with tf.device(at.gpu):
            work = [tf.identity(here.read_value()).op]
    elif cell.quantity in ("gemm", "fetch_gemm"):
        # As on processors: rates in the model's precision, the report of 2017 in float32.
        dtype = context.workload.precision if cell.path == "process" else "float32"
        home = at.ps[0] if cell.quantity == "fetch_gemm" else at.gpu
        x = variables.make([cell.batch, cell.features], at.gpu, 0.5, f"{name}_x", dtype)
        w = variables.make([cell.features, cell.hidden], home, 0.5, f"{name}_w", dtype)
        with tf.device(at.gpu):
            work = [tf.matmul(x.read_value(), w.read_value()).op]
    else:
        raise HardwareError(f"cell '{cell.name}' is none that runs on a GPU")
    return brought_back(work, at.gpu, at.host, name, variables)
