"""The training graph of a workload: the one that is measured, predicted and trained for real."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from scale.models.errors import HardwareError
from scale.models.workload import Workload, check_workload

LEARNING_RATE = 0.01
#: What TensorFlow's optimisers can update.
TRAINABLE = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True)
class TrainingGraph:
    """TensorFlow ops: ``step`` fetches, computes and applies; ``gradients`` stops before the apply.

    ``gradients`` is a list, each a target of its own: of a group of them Grappler removes all.
    """

    initializer: Any
    step: Any
    gradients: list[Any]
    loss: Any


def training_graph(
    workload: Workload, batch: int, *, worker: str, ps: tuple[str, ...], seed: int
) -> TrainingGraph:
    """Build the step of one worker in the default graph.

    Each variable is read once a step and copied to the worker once, since every further use of a
    resource variable would be a transfer of its own; its gradient is pushed once. Variables go to
    the ps round-robin. The input is a variable of the worker, so that it costs nothing.
    """
    import tensorflow as tf

    check_workload(workload)
    variables = []
    for k, spec in enumerate(workload.variables):
        if spec.dtype not in TRAINABLE:
            raise HardwareError(
                f"workload {workload.name} cannot be trained: variable {spec.name} is "
                f"{spec.dtype}; TensorFlow updates {', '.join(TRAINABLE)}"
            )
        with tf.device(ps[k % len(ps)]):
            scale = (2.0 / spec.shape[0]) ** 0.5 if len(spec.shape) > 1 else 0.0
            initial = tf.random.stateless_normal(spec.shape, seed=[7, k], stddev=scale)
            variables.append(
                tf.compat.v1.Variable(
                    tf.cast(initial, spec.dtype), use_resource=True, name=spec.name
                )
            )
    with tf.device(worker):
        values = [tf.identity(v.read_value()) for v in variables]
        if workload.widths:
            loss, inputs = _network(workload, values, batch, seed)
            gradients = tf.gradients(loss, values)
        else:
            loss, gradients, inputs = _timed_wait(workload, values, batch)
    applies = []
    for k, (variable, gradient) in enumerate(zip(variables, gradients, strict=True)):
        with tf.device(ps[k % len(ps)]):
            rate = tf.constant(LEARNING_RATE, dtype=variable.dtype.base_dtype)
            applies.append(
                tf.raw_ops.ResourceApplyGradientDescent(
                    var=variable.handle, alpha=rate, delta=gradient
                )
            )
    return TrainingGraph(
        initializer=tf.group(*[v.initializer for v in [*variables, *inputs]]),
        step=tf.group(*applies),
        gradients=[g.op for g in gradients],
        loss=loss,
    )


def _network(workload: Workload, values: list[Any], batch: int, seed: int) -> tuple[Any, list[Any]]:
    """Loss of ``gemm`` (least squares) or ``mlp`` (softmax cross-entropy) on synthetic data.

    All of it is computed in the model's own precision.
    """
    import tensorflow as tf

    widths = workload.widths
    dtype = values[0].dtype.base_dtype
    noise = tf.cast(tf.random.stateless_normal([batch, widths[0]], seed=[11, seed]), dtype)
    x = tf.compat.v1.Variable(noise, use_resource=True, trainable=False, name=f"x_{seed}")
    if workload.name.startswith("gemm"):
        target = tf.cast(tf.random.stateless_normal([batch, widths[1]], seed=[13, seed]), dtype)
        y = tf.compat.v1.Variable(target, use_resource=True, trainable=False, name=f"y_{seed}")
        error = tf.matmul(x.read_value(), values[0]) - y.read_value()
        return tf.reduce_mean(tf.square(error)), [x, y]
    labels = tf.random.stateless_uniform(
        [batch], seed=[13, seed], maxval=widths[-1], dtype=tf.int32
    )
    y = tf.compat.v1.Variable(labels, use_resource=True, trainable=False, name=f"y_{seed}")
    activations = x.read_value()
    layers = len(widths) - 1
    for layer in range(layers):
        activations = tf.matmul(activations, values[2 * layer]) + values[2 * layer + 1]
        if layer < layers - 1:
            activations = tf.nn.relu(activations)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=y.read_value(), logits=activations
    )
    return tf.reduce_mean(losses), [x, y]


def _timed_wait(
    workload: Workload, values: list[Any], batch: int
) -> tuple[Any, list[Any], list[Any]]:
    """A wait in place of the compute: it stands for an accelerator that this host lacks."""
    import tensorflow as tf

    if workload.cost is None:
        raise HardwareError(
            f"workload {workload.name} cannot be trained: real training needs gemm:…, mlp:… or "
            "a file with [cost] floor_s and per_sample_s"
        )
    seconds = workload.cost.floor_s + workload.cost.per_sample_s * batch

    def wait() -> Any:
        time.sleep(seconds)
        return 0.0

    with tf.control_dependencies(values):
        done = tf.numpy_function(wait, [], tf.float64)
    sources = [
        tf.compat.v1.Variable(
            tf.fill(spec.shape, tf.constant(1.0, dtype=spec.dtype)),
            use_resource=True,
            trainable=False,
            name=f"gradient_{k}",
        )
        for k, spec in enumerate(workload.variables)
    ]
    with tf.control_dependencies([done]):
        gradients = [tf.identity(source.read_value()) for source in sources]
    loss = tf.reduce_mean(tf.cast(values[0], tf.float64))
    return loss, gradients, sources
