"""ParameterServerStrategy: functions that a ClusterCoordinator schedules on the workers.

The chief has no server of its own; it connects to those of the ps and the workers. Their v1
sessions ran as before while a chief was connected and after it had been killed, and they took a
second chief, but their next collective ended them with SIGSEGV. So the path has a phase of its own.

A cell of K workers schedules K functions at once and waits for all. The coordinator dispatches from
one Python process, so with t(K) the time of a call, t(1) is what a user waits for one function and
(t(K) − t(1))/(K − 1) its serial cost, as far as the workers' own cores allow. Which K of the
connected workers run them is the coordinator's choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from nworkers.calibrate.probes.probe import Context, Probe
from nworkers.calibrate.tensorflow.proof import function_ops, require_work
from nworkers.calibrate.tensorflow.workload_graph import (
    LEARNING_RATE,
    differentiate,
    inputs_of,
    variables_of,
)
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.calibration import Cell


def connect(tasks: Mapping[str, Sequence[str]]) -> tuple[Any, Any]:
    """The strategy of the ps and the workers with these addresses, and its coordinator."""
    import tensorflow as tf

    cluster = tf.train.ClusterSpec({job: tasks[job] for job in ("ps", "worker")})
    strategy = tf.distribute.ParameterServerStrategy(
        tf.distribute.cluster_resolver.SimpleClusterResolver(cluster, rpc_layer="grpc")
    )
    return strategy, tf.distribute.coordinator.ClusterCoordinator(strategy)


def build(cells: Sequence[Cell], context: Context) -> list[Probe]:
    """Connect to the cluster, once, and trace a function for each batch."""
    import tensorflow as tf

    strategy, coordinator = connect(context.cluster)
    variables: list[Any] = []
    if any(c.quantity == "step" for c in cells):
        with strategy.scope():
            variables += variables_of(context.workload)
    steps = {
        batch: _training_step(variables, context, batch)
        for batch in sorted({c.batch for c in cells if c.quantity == "step"})
    }

    @tf.function  # type: ignore[untyped-decorator]
    def empty() -> None:
        return None

    def run(function: Any, times: int) -> None:
        for _ in range(times):
            coordinator.schedule(function)
        coordinator.join()

    probes = []
    for cell in cells:
        function = steps[cell.batch] if cell.quantity == "step" else empty
        step = partial(run, function, cell.workers)
        check = partial(_verify, cell, function, step, variables, context)
        probes.append(Probe(cell, step, check))
    return probes


def _training_step(variables: list[Any], context: Context, batch: int) -> Any:
    """The step of a worker; reads and updates as the step of v1 sessions does."""
    import tensorflow as tf

    # Of constants in the function: what it captures would be copied from the chief at every call.
    data = [tensor.numpy() for tensor in inputs_of(context.workload, batch, seed=1)]

    @tf.function  # type: ignore[untyped-decorator]
    def step() -> None:
        values = [tf.identity(variable.read_value()) for variable in variables]
        inputs = [tf.constant(array) for array in data]
        _, gradients = differentiate(context.workload, values, inputs, batch)
        updates(variables, gradients)

    return step


def updates(variables: Sequence[Any], gradients: Sequence[Any]) -> None:
    """Apply gradients where the variables are."""
    import tensorflow as tf

    for variable, gradient in zip(variables, gradients, strict=True):
        with tf.device(variable.device):
            tf.raw_ops.ResourceApplyGradientDescent(
                var=variable.handle,
                alpha=tf.constant(LEARNING_RATE, variable.dtype),
                delta=gradient,
            )


def _verify(
    cell: Cell,
    function: Any,
    step: Callable[[], object],
    variables: Sequence[Any],
    context: Context,
) -> None:
    """A training step holds its work, and changes the variables, which lie on the ps."""
    if cell.quantity == "noop":
        step()
        return
    ops = function_ops(function.get_concrete_function())
    require_work(cell, ops, product=bool(context.workload.widths))
    before = variables[0].numpy()
    step()
    if "/job:ps/" not in variables[0].device:
        raise HardwareError(f"cell '{cell.name}' trains a variable on {variables[0].device}")
    if (variables[0].numpy() == before).all():
        raise HardwareError(f"cell '{cell.name}' trains nothing: its variables do not change")
