"""TensorFlow graphs of the cells, and the proof that each does what its name says.

Every function here runs inside a task process. Ops are fetched as targets (``.op``), so nothing is
brought into Python: moving a tensor from task to task is what is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from scale.calibrate.probe import Context, Probe
from scale.models.calibration import Cell
from scale.models.errors import HardwareError

PS = "/job:ps/task:0"
#: Gradients are this small so that thousands of applies leave the variable finite.
GRADIENT = 1e-9


#: The worker that numbers the steps of collectives; their sessions and servers must agree on it.
GROUP_LEADER = "/job:worker/replica:0/task:0"


def session_config(*, grappler: bool, worker: int | None = None, group: int = 0) -> Any:
    """ConfigProto of a session.

    Grappler removes work that nobody reads, so the probes run without it; training runs with it,
    as its users do. A worker looks at the ps and itself alone, as in between-graph replication;
    with ``group`` it looks at so many workers, which then are members of its collectives.
    """
    import tensorflow as tf

    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = not grappler
    if group:
        config.experimental.collective_group_leader = GROUP_LEADER
        config.device_filters.extend(f"/job:worker/task:{k}" for k in range(group))
    elif worker is not None:
        config.device_filters.extend(["/job:ps", f"/job:worker/task:{worker}"])
    return config


def build(cells: Sequence[Cell], context: Context) -> list[Probe]:
    """Build and initialise every cell in one session."""
    import tensorflow as tf

    worker = context.index if context.job == "worker" else None
    here = "/cpu:0" if worker is None else f"/job:worker/task:{worker}"
    graph = tf.Graph()
    with graph.as_default():
        initializers: list[Any] = []
        ops = [_op(cell, here, initializers) for cell in cells]
        init = tf.group(*initializers)
    session = tf.compat.v1.Session(
        context.target, graph=graph, config=session_config(grappler=False, worker=worker)
    )
    session.run(init)
    return [
        Probe(
            cell,
            session.make_callable(op),
            partial(verify, session, cell, op, product=bool(cell.hidden)),
        )
        for cell, op in zip(cells, ops, strict=True)
    ]


def _op(cell: Cell, here: str, initializers: list[Any]) -> Any:
    """The op whose run is one step of the cell."""
    import tensorflow as tf

    def variable(shape: list[int], device: str, value: float, name: str) -> Any:
        with tf.device(device):
            made = tf.compat.v1.Variable(
                tf.fill(shape, value), use_resource=True, dtype=tf.float32, name=name
            )
            initializers.append(made.initializer)
        return made

    # One name for all workers: they share the ps's variables, as replicas of one job do.
    scope = cell.name.replace("/", "_").replace(" ", "_")
    there = PS if cell.path == "ps" else here
    with tf.device(here):
        if cell.quantity == "noop":
            with tf.device(there):
                return tf.no_op()
        if cell.quantity in ("gemm", "fetch_gemm"):
            x = variable([cell.batch, cell.features], here, 0.5, f"{scope}_x")
            w = variable([cell.features, cell.hidden], there, 0.5, f"{scope}_w")
            return tf.matmul(x.read_value(), w.read_value()).op
        elements = cell.size_bytes // cell.tensors // 4
        shape = [elements]
        remote = [variable(shape, there, 0.0, f"{scope}_remote_{k}") for k in range(cell.tensors)]
        if cell.quantity == "fetch":
            return tf.group(*[tf.identity(r.read_value()) for r in remote])
        local = [variable(shape, here, GRADIENT, f"{scope}_local_{k}") for k in range(cell.tensors)]
        gradients = [v.read_value() for v in local]
        with tf.device(there):
            rate = tf.constant(0.1)
            return tf.group(
                *[
                    tf.raw_ops.ResourceApplyGradientDescent(var=r.handle, alpha=rate, delta=g)
                    for r, g in zip(remote, gradients, strict=True)
                ]
            )


def verify(session: Any, cell: Cell, op: Any, *, product: bool) -> Any:
    """Run a cell once, traced; raise HardwareError unless its work is in the partition graphs.

    Returns what the session returns for ``op``.
    """
    import tensorflow as tf

    metadata = tf.compat.v1.RunMetadata()
    options = tf.compat.v1.RunOptions(output_partition_graphs=True)
    fetched = session.run(op, options=options, run_metadata=metadata)
    kinds = [[node.op for node in part.node] for part in metadata.partition_graphs]
    require_work(cell, kinds, product=product)
    return fetched


def require_work(cell: Cell, partitions: Sequence[Sequence[str]], *, product: bool) -> None:
    """Raise HardwareError where ``missing_work`` finds something."""
    missing = missing_work(cell, partitions, product=product)
    if missing:
        raise HardwareError(
            f"cell '{cell.name}' does not measure what it says: TensorFlow's graphs "
            f"hold no {missing}"
        )


def function_ops(concrete: Any) -> list[list[str]]:
    """Op types of a traced ``tf.function`` and of the functions that it calls."""
    graph = concrete.graph.as_graph_def()
    bodies = [graph.node, *(function.node_def for function in graph.library.function)]
    return [[node.op for node in nodes] for nodes in bodies]


def missing_work(cell: Cell, partitions: Sequence[Sequence[str]], *, product: bool) -> str:
    """The first op that the cell must run but the partition graphs lack; "" if all are there.

    Args:
        partitions: op types of each partition graph.
        product: whether the cell multiplies matrices.
    """
    ops = [op for part in partitions for op in part]
    wanted: list[tuple[str, int]] = []
    if product:
        wanted.append(("MatMul", 1))
    if cell.quantity == "fetch_gemm":
        wanted += [("_Send", 1), ("_Recv", 1)]
    if cell.quantity in ("fetch", "push"):
        wanted += [("_Send", cell.tensors), ("_Recv", cell.tensors)]
    if cell.quantity == "push":
        wanted.append(("ResourceApplyGradientDescent", cell.tensors))
    if cell.path == "mirrored" and cell.quantity != "noop":
        wanted.append(("CollectiveReduceV2", 1))
    elif cell.quantity == "allreduce":
        wanted.append(("CollectiveReduce", 1))
    if cell.quantity == "step":
        wanted.append(("ResourceApplyGradientDescent", 1))
    for kind, count in wanted:
        # oneDNN renames a product to _MklMatMul, Grappler to _FusedMatMul.
        if sum(op.endswith(kind) for op in ops) < count:
            return kind
    return ""
