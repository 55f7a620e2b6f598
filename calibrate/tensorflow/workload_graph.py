"""What a workload computes: the values, inputs and gradients that are measured and trained."""

from __future__ import annotations

from typing import Any

from nworkers.models.base.errors import HardwareError
from nworkers.models.records.workload import Workload, check_workload

LEARNING_RATE = 0.01
#: What TensorFlow's optimisers can update.
TRAINABLE = ("float16", "bfloat16", "float32", "float64")


def check_trainable(workload: Workload) -> None:
    """Raise InputError or HardwareError where the workload is none that can be trained."""
    check_workload(workload)
    for spec in workload.variables:
        if spec.dtype not in TRAINABLE:
            raise HardwareError(
                f"workload {workload.name} cannot be trained: variable {spec.name} is "
                f"{spec.dtype}; TensorFlow updates {', '.join(TRAINABLE)}"
            )


def initial_value(workload: Workload, k: int) -> Any:
    """What variable ``k`` starts from: the same for every task, scaled so that the loss falls."""
    import tensorflow as tf

    spec = workload.variables[k]
    scale = (2.0 / spec.shape[0]) ** 0.5 if len(spec.shape) > 1 else 0.0
    return tf.cast(tf.random.stateless_normal(spec.shape, seed=[7, k], stddev=scale), spec.dtype)


def variables_of(workload: Workload) -> list[Any]:
    """The variables of TensorFlow 2, where the strategy whose scope this is puts them."""
    import tensorflow as tf

    return [
        tf.Variable(initial_value(workload, k), name=spec.name)
        for k, spec in enumerate(workload.variables)
    ]


def inputs_of(workload: Workload, batch: int, seed: int) -> list[Any]:
    """Synthetic data of a replica, as tensors: what ``differentiate`` reads besides variables.

    For a timed wait these are the gradients, since nothing computes them.
    """
    import tensorflow as tf

    widths = workload.widths
    dtype = workload.precision
    if not widths:
        return [tf.ones(spec.shape, spec.dtype) for spec in workload.variables]
    x = tf.cast(tf.random.stateless_normal([batch, widths[0]], seed=[11, seed]), dtype)
    if workload.name.startswith("gemm"):
        y = tf.random.stateless_normal([batch, widths[1]], seed=[13, seed])
        return [x, tf.cast(y, dtype)]
    # Not int32, of which a GPU holds no variables: TensorFlow has no kernel to assign one there.
    labels = tf.random.stateless_uniform(
        [batch], seed=[13, seed], maxval=widths[-1], dtype=tf.int64
    )
    return [x, labels]


def differentiate(
    workload: Workload, values: list[Any], inputs: list[Any], batch: int
) -> tuple[Any, list[Any]]:
    """The loss on ``inputs`` and its gradients, of graphs and of ``tf.function`` alike."""
    import tensorflow as tf

    if not workload.widths:
        return _timed_wait(workload, values, inputs, batch)
    loss = _loss(workload, values, inputs)
    return loss, tf.gradients(loss, values)


def _loss(workload: Workload, values: list[Any], inputs: list[Any]) -> Any:
    """``gemm`` is trained by least squares, ``mlp`` by softmax cross-entropy."""
    import tensorflow as tf

    x, y = inputs
    if workload.name.startswith("gemm"):
        return tf.reduce_mean(tf.square(tf.matmul(x, values[0]) - y))
    layers = len(workload.widths) - 1
    for layer in range(layers):
        x = tf.matmul(x, values[2 * layer]) + values[2 * layer + 1]
        if layer < layers - 1:
            x = tf.nn.relu(x)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=x))


def _timed_wait(
    workload: Workload, values: list[Any], inputs: list[Any], batch: int
) -> tuple[Any, list[Any]]:
    """A wait in place of the compute: it stands for an accelerator that this host lacks."""
    import tensorflow as tf

    if workload.cost is None:
        raise HardwareError(
            f"workload {workload.name} cannot be trained: real training needs gemm:…, mlp:… or "
            "a file with [cost] floor_s and per_sample_s"
        )
    seconds = workload.cost.floor_s + workload.cost.per_sample_s * batch

    # Datasets have kernels of processors alone.
    with tf.control_dependencies(values), tf.device("/device:CPU:0"):
        waited = _sleep(seconds)
    with tf.control_dependencies([waited]):
        gradients = [tf.identity(value) for value in inputs]
    return tf.reduce_mean(tf.cast(values[0], tf.float64)), gradients


def _sleep(seconds: float) -> Any:
    """An op that waits in TensorFlow's runtime, on the task where it is placed.

    A Python function would have to run in the process that made it, which under the coordinator is
    the chief and not the worker. The ``take`` spares the second wait, for the end of the data.
    """
    import tensorflow as tf

    kinds = {"output_types": [tf.int64], "output_shapes": [[]]}
    data = tf.raw_ops.RangeDataset(
        start=tf.constant(0, tf.int64),
        stop=tf.constant(1, tf.int64),
        step=tf.constant(1, tf.int64),
        **kinds,
    )
    slow = tf.raw_ops.SleepDataset(
        input_dataset=data, sleep_microseconds=tf.constant(round(seconds * 1e6), tf.int64), **kinds
    )
    one = tf.raw_ops.TakeDataset(input_dataset=slow, count=tf.constant(1, tf.int64), **kinds)
    return tf.raw_ops.DatasetToSingleElement(dataset=one, **kinds)[0]
