"""TensorFlow graphs of the cells that run in a session of v1.

Every function here runs inside a task process. Ops are fetched as targets (``.op``), so nothing is
brought into Python, except by ``to_python``: moving a tensor from task to task is what is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from nworkers.calibrate.probes.probe import Context, Probe
from nworkers.calibrate.tensorflow.devices import with_stand_in
from nworkers.calibrate.tensorflow.proof import verify
from nworkers.calibrate.tensorflow.transfers import Variables, apply, scope, servers, transfer
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.calibration import Cell

#: The worker that numbers the steps of collectives; their sessions and servers must agree on it.
GROUP_LEADER = "/job:worker/replica:0/task:0"


def session_config(
    *,
    grappler: bool,
    worker: int | None = None,
    threads: int | None = None,
    group: int = 0,
    anywhere: bool = False,
) -> Any:
    """ConfigProto of a session.

    Grappler removes work that nobody reads, so the probes run without it; training runs with it,
    as its users do. A worker looks at the ps and itself alone, as in between-graph replication.

    Args:
        threads: of the process's pools; a session on a server runs in the server's, whatever is
            said here.
        group: so many workers are looked at, which then are members of its collectives.
        anywhere: ops without a kernel where they are placed run on the processor beside it, as
            Keras has it for its users. What scale itself places fails instead: a probe that ran
            elsewhere would measure something else.
    """
    import tensorflow as tf

    config = tf.compat.v1.ConfigProto()
    with_stand_in(config)
    config.allow_soft_placement = anywhere
    # A session else takes all of a GPU's memory, and the next process on it finds none.
    config.gpu_options.allow_growth = True
    config.graph_options.rewrite_options.disable_meta_optimizer = not grappler
    if group:
        config.experimental.collective_group_leader = GROUP_LEADER
        config.device_filters.extend(f"/job:worker/task:{k}" for k in range(group))
    elif worker is not None:
        config.device_filters.extend(["/job:ps", f"/job:worker/task:{worker}"])
    if threads is not None:
        config.intra_op_parallelism_threads = threads
        config.inter_op_parallelism_threads = threads
    return config


def build(cells: Sequence[Cell], context: Context) -> list[Probe]:
    """Build and initialise every cell in a session of its own.

    TensorFlow copies and prunes the whole graph for each new target: 45 cells in one graph took
    twice the time of the same cells in several.
    """
    return [_build(cell, context) for cell in cells]


def _build(cell: Cell, context: Context) -> Probe:
    import tensorflow as tf

    worker = context.index if context.job == "worker" else None
    here = "/cpu:0" if worker is None else f"/job:worker/task:{worker}"
    graph = tf.Graph()
    with graph.as_default():
        variables = Variables()
        target = _target(cell, here, context, variables)
        init = tf.group(*variables.initializers)
    config = session_config(grappler=False, worker=worker, threads=context.threads)
    session = tf.compat.v1.Session(context.target, graph=graph, config=config)
    session.run(init)
    return Probe(cell, session.make_callable(target), _proof(session, cell, target))


def _proof(session: Any, cell: Cell, target: Any) -> Any:
    if cell.quantity == "to_python":
        return partial(_all_in_python, session, cell, target)
    return partial(verify, session, cell, target, product=bool(cell.hidden))


def _target(cell: Cell, here: str, context: Context, variables: Variables) -> Any:
    """What a session runs as one step of the cell: an op, several, or tensors for Python."""
    import tensorflow as tf

    there = servers(cell, context) if cell.path == "ps" else [here]
    if cell.quantity in ("fetch", "push", "exchange", "fetch_push", "soak"):
        return transfer(cell, here, there, variables)
    if cell.quantity == "apply":
        return apply(cell, there, variables)
    with tf.device(here):
        if cell.quantity == "noop":
            with tf.device(there[0]):
                return tf.no_op()
        name = scope(cell)
        if cell.quantity in ("gemm", "fetch_gemm"):
            # Rates belong to the precision that the model computes in; the report of 2017 is of
            # float32 on the worker's server.
            dtype = context.workload.precision if cell.path == "process" else "float32"
            x = variables.make([cell.batch, cell.features], here, 0.5, f"{name}_x", dtype)
            w = variables.make([cell.features, cell.hidden], there[0], 0.5, f"{name}_w", dtype)
            return tf.matmul(x.read_value(), w.read_value()).op
        if cell.quantity == "to_python":
            shape = [cell.size_bytes // cell.tensors // 4]
            own = [variables.make(shape, here, 0.5, f"{name}_{k}") for k in range(cell.tensors)]
            return [v.read_value() for v in own]
    raise HardwareError(f"cell '{cell.name}' is none that a session can run")


def _all_in_python(session: Any, cell: Cell, tensors: Any) -> None:
    """Raise HardwareError unless all of the cell's bytes arrive as numpy arrays."""
    brought = sum(array.nbytes for array in session.run(tensors))
    if brought != cell.size_bytes // cell.tensors // 4 * 4 * cell.tensors:
        raise HardwareError(f"cell '{cell.name}' brought {brought} bytes into Python")
