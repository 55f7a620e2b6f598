"""MultiWorkerMirroredStrategy: every task holds the variables and all-reduces the gradients.

The strategy starts the task's server itself and spans all tasks of its cluster, so each number of
workers has tasks of its own. All of them build and call their cells in the same order, equally
often. Its empty step exchanges nothing, so it says what the strategy adds to a local step and not
what it costs to meet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from nworkers.calibrate.probes.probe import Context, Probe
from nworkers.calibrate.tensorflow.collectives import TIMEOUT_S
from nworkers.calibrate.tensorflow.devices import gpu_number
from nworkers.calibrate.tensorflow.proof import function_ops, require_work
from nworkers.calibrate.tensorflow.workload_graph import (
    LEARNING_RATE,
    differentiate,
    inputs_of,
    variables_of,
)
from nworkers.calibrate.training.tasks import Role
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.calibration import Cell

_FLOAT_BYTES = 4


_joined: list[tuple[Any, Any]] = []


def join(role: Role) -> str:
    """Start this task's part of the strategy, whose server listens at its address from then on.

    Returns when every task of the cluster has come up: "", for no session runs on that server.
    """
    import tensorflow as tf

    distribute = tf.distribute
    kinds = distribute.experimental.CommunicationImplementation
    # The ring on processors, NCCL on GPUs; the latter could not be tried on a machine of ours.
    kind = kinds.AUTO
    if role.gpu is not None:
        own = gpu_number(role.gpu)
        found = tf.config.list_physical_devices("GPU")
        # The strategy takes a replica to each GPU that it sees.
        tf.config.set_visible_devices(found[own], "GPU")
        if len(found) < role.beside:
            # NCCL takes no two members on one GPU.
            kind = kinds.RING
    options = distribute.experimental.CommunicationOptions(
        implementation=kind, timeout_seconds=TIMEOUT_S
    )
    strategy = distribute.MultiWorkerMirroredStrategy(
        cluster_resolver=distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": role.cluster[role.job]}),
            task_type="worker",
            task_id=role.index,
            rpc_layer="grpc",
        ),
        communication_options=options,
    )
    _joined.append((strategy, options))
    return ""


def joined() -> tuple[Any, Any]:
    """The strategy that this task has joined, and its options for communication."""
    (found,) = _joined
    return found


def build(cells: Sequence[Cell], context: Context) -> list[Probe]:
    """Trace a function for each cell under the strategy that this task has joined."""
    strategy, options = joined()
    variables: list[Any] = []
    if any(c.quantity == "step" for c in cells):
        with strategy.scope():
            variables += variables_of(context.workload)
    probes = []
    for cell in cells:
        if cell.quantity == "noop":
            function = _empty(strategy)
        elif cell.quantity == "allreduce":
            function = _all_reduce(strategy, options, cell, context.index)
        else:
            function = _training_step(strategy, options, variables, cell, context)
        probes.append(Probe(cell, function, partial(_verify, cell, function, variables, context)))
    return probes


def _empty(strategy: Any) -> Any:
    import tensorflow as tf

    @tf.function  # type: ignore[untyped-decorator]
    def step() -> None:
        strategy.run(lambda: None)

    return step


def _all_reduce(strategy: Any, options: Any, cell: Cell, index: int) -> Any:
    """A sum over the replicas' own tensors; returns the first and last element of it."""
    import tensorflow as tf

    mine = tf.fill([max(1, cell.size_bytes // _FLOAT_BYTES)], float(index + 1))

    def replica() -> Any:
        here = tf.distribute.get_replica_context()
        total = here.all_reduce(tf.distribute.ReduceOp.SUM, mine, options)
        return tf.stack([total[0], total[-1]])

    @tf.function  # type: ignore[untyped-decorator]
    def step() -> Any:
        return strategy.run(replica)

    return step


def _training_step(
    strategy: Any, options: Any, variables: list[Any], cell: Cell, context: Context
) -> Any:
    """Gradients of a replica's batch, their mean over all replicas, and the update of each copy."""
    import tensorflow as tf

    inputs = inputs_of(context.workload, cell.batch, seed=context.index + 1)

    def replica() -> list[Any]:
        here = tf.distribute.get_replica_context()
        values = [tf.identity(variable.read_value()) for variable in variables]
        _, gradients = differentiate(context.workload, values, inputs, cell.batch)
        return list(here.all_reduce(tf.distribute.ReduceOp.MEAN, gradients, options))

    @tf.function  # type: ignore[untyped-decorator]
    def step() -> None:
        updates(strategy, variables, strategy.run(replica))

    return step


def updates(strategy: Any, variables: Sequence[Any], gradients: Sequence[Any]) -> None:
    """Apply gradients, which are the same on all workers, to each worker's copy."""
    import tensorflow as tf

    def update(variable: Any, gradient: Any) -> Any:
        return tf.raw_ops.ResourceApplyGradientDescent(
            var=variable.handle, alpha=tf.constant(LEARNING_RATE, variable.dtype), delta=gradient
        )

    for variable, gradient in zip(variables, gradients, strict=True):
        strategy.extended.update(variable, update, args=(gradient,), group=False)


def _verify(
    cell: Cell, function: Callable[[], Any], variables: Sequence[Any], context: Context
) -> None:
    """An all-reduce gives the sum; a training step changes the variables."""
    if cell.quantity != "noop" and cell.workers > 1:
        ops = function_ops(function.get_concrete_function())  # type: ignore[attr-defined]
        product = cell.quantity == "step" and bool(context.workload.widths)
        require_work(cell, ops, product=product)
    before = variables[0].numpy() if cell.quantity == "step" else None
    ends = function()
    if cell.quantity == "allreduce":
        wanted = cell.workers * (cell.workers + 1) / 2
        if not (ends.numpy() == wanted).all():
            raise HardwareError(f"cell '{cell.name}' gave {ends.numpy()}, not {wanted:g}")
    if before is not None and (variables[0].numpy() == before).all():
        raise HardwareError(f"cell '{cell.name}' trains nothing: its variables do not change")
