"""Transfers between a worker and the parameter servers, and updates there, as ops of one step.

A cell's targets are ops grouped by device: one group over several devices would end in an op on
one of them, and every edge that crosses to it is a transfer that nobody asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nworkers.calibrate.probes.probe import Context
from nworkers.calibrate.tensorflow.devices import HOST
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.calibration import Cell

#: Gradients are this small so that thousands of applies leave the variable finite.
GRADIENT = 1e-9
LEARNING_RATE = 0.1


@dataclass(frozen=True)
class Remembered:
    """A resource variable: two ops, where tf.Variable makes seven and takes ten times as long."""

    handle: Any
    dtype: str

    def read_value(self) -> Any:
        import tensorflow as tf

        with tf.device(self.handle.device):
            return tf.raw_ops.ReadVariableOp(resource=self.handle, dtype=self.dtype)


class Variables:
    """Makes the variables of a task's cells; ``initializers`` set them."""

    def __init__(self) -> None:
        self.initializers: list[Any] = []
        self._values: dict[tuple[object, ...], Any] = {}

    def constant(self, value: float, device: str) -> Any:
        """A scalar on a device; the same one whenever it is asked for again."""
        import tensorflow as tf

        key = (device, value)
        if key not in self._values:
            with tf.device(device):
                self._values[key] = tf.constant(value)
        return self._values[key]

    def make(
        self, shape: Sequence[int], device: str, value: float, name: str, dtype: str = "float32"
    ) -> Remembered:
        import tensorflow as tf

        with tf.device(device):
            handle = tf.raw_ops.VarHandleOp(dtype=dtype, shape=shape, shared_name=name)
            key = (device, dtype, value, *shape)
            if key not in self._values:
                self._values[key] = tf.fill(shape, tf.constant(value, dtype))
            self.initializers.append(
                tf.raw_ops.AssignVariableOp(resource=handle, value=self._values[key])
            )
        return Remembered(handle, dtype)


def scope(cell: Cell) -> str:
    """One name for all workers: they share the ps's variables, as replicas of one job do."""
    return cell.name.replace("/", "_").replace(" ", "_")


def servers(cell: Cell, context: Context) -> list[str]:
    """Devices of the ps tasks that a cell's tensors are spread over, round-robin.

    ``flows`` connections between two hosts are as many ps tasks on one host: TensorFlow opens one
    connection from a task to each other task, whatever ``RPCOptions`` say. With
    ``num_channels_per_target`` 4, in the server's ConfigProto and the session's, with and without
    ``disable_session_connection_sharing``, 65 fetches of 8 tensors of 2 MiB moved all of their
    1.09 GB over one established connection (2.21; its channels are made without the options, and
    gRPC lets channels of equal arguments share a connection).

    Raises:
        HardwareError: the cluster has too few ps, or too few of them on one host.
    """
    addresses = list(context.cluster.get("ps", ()))
    wanted = max(cell.ps, cell.flows)
    chosen = list(range(len(addresses)))
    if cell.flows > 1:
        host = addresses[0].rpartition(":")[0] if addresses else ""
        chosen = [k for k in chosen if addresses[k].rpartition(":")[0] == host]
    if len(chosen) < wanted:
        where = " on one host" if cell.flows > 1 else ""
        raise HardwareError(
            f"cell '{cell.name}' needs {wanted} ps{where}; the cluster has {len(chosen)}"
        )
    if cell.tensors < wanted:
        raise HardwareError(f"cell '{cell.name}' has fewer tensors than the {wanted} ps it uses")
    # To the device: what is read within a worker's would else be asked of a GPU of the ps.
    return [f"/job:ps/task:{k}{HOST}" for k in chosen[:wanted]]


def transfer(cell: Cell, here: str, there: Sequence[str], variables: Variables) -> Any:
    """Targets of ``fetch``, ``push``, ``exchange`` and ``fetch_push``.

    In ``fetch_push`` every gradient waits for every fetched value, as in training, where all
    variables enter the loss. A control dependency does that without touching the bytes; one read
    and one send of each variable remain.
    """
    import tensorflow as tf

    devices = [there[k % len(there)] for k in range(cell.tensors)]
    shape = [cell.size_bytes // cell.tensors // 4]
    name = scope(cell)
    remote = [variables.make(shape, d, 0.0, f"{name}_remote_{k}") for k, d in enumerate(devices)]
    fetched: list[Any] = []
    with tf.device(here):
        if cell.quantity != "push":
            fetched = [tf.identity(r.read_value()) for r in remote]
        if cell.quantity in ("fetch", "soak"):
            return tf.group(*fetched)
    # Each read is a tensor, and a transfer, of its own.
    local = variables.make(shape, here, GRADIENT, f"{name}_local")
    waits = fetched if cell.quantity == "fetch_push" else []
    with tf.device(here), tf.control_dependencies(waits):
        gradients = [local.read_value() for _ in remote]
    targets = _by_device(
        devices,
        [_descend(r, g, d, variables) for r, g, d in zip(remote, gradients, devices, strict=True)],
    )
    if cell.quantity == "exchange":
        with tf.device(here):
            targets.append(tf.group(*fetched))
    return targets[0] if len(targets) == 1 else targets


def apply(cell: Cell, there: Sequence[str], variables: Variables) -> Any:
    """Targets of ``apply``: updates of variables on the ps by gradients that lie there already."""
    import tensorflow as tf

    devices = [there[k % len(there)] for k in range(cell.tensors)]
    shape = [cell.size_bytes // cell.tensors // 4]
    updates: list[Any] = []
    for k, device in enumerate(devices):

        def slot(name: str, value: float = 0.0, k: int = k, device: str = device) -> Any:
            return variables.make(shape, device, value, f"{scope(cell)}_{name}_{k}")

        var, source = slot("var"), slot("gradient", GRADIENT)
        with tf.device(device):
            gradient = source.read_value()
            if cell.optimizer == "momentum":
                update = tf.raw_ops.ResourceApplyMomentum(
                    var=var.handle,
                    accum=slot("accum").handle,
                    lr=tf.constant(LEARNING_RATE),
                    grad=gradient,
                    momentum=tf.constant(0.9),
                )
            elif cell.optimizer == "adam":
                # Powers of β as after some steps; they are scalars and change no cost.
                update = tf.raw_ops.ResourceApplyAdam(
                    var=var.handle,
                    m=slot("m").handle,
                    v=slot("v").handle,
                    beta1_power=tf.constant(0.5),
                    beta2_power=tf.constant(0.9),
                    lr=tf.constant(1e-3),
                    beta1=tf.constant(0.9),
                    beta2=tf.constant(0.999),
                    epsilon=tf.constant(1e-7),
                    grad=gradient,
                )
            else:
                update = _descend(var, gradient, device, variables)
        updates.append(update)
    targets = _by_device(devices, updates)
    return targets[0] if len(targets) == 1 else targets


def brought_back(after: Sequence[Any], gpu: str, host: str, name: str, variables: Variables) -> Any:
    """The op that is done when the host has a number of the GPU's memory, read after all these."""
    import tensorflow as tf

    mark = variables.make([1], gpu, 0.0, f"{name}_mark")
    with tf.control_dependencies(after):
        value = mark.read_value()
    with tf.device(host):
        return tf.identity(value).op


def _descend(variable: Remembered, gradient: Any, device: str, variables: Variables) -> Any:
    import tensorflow as tf

    rate = variables.constant(LEARNING_RATE, device)
    with tf.device(device):
        return tf.raw_ops.ResourceApplyGradientDescent(
            var=variable.handle, alpha=rate, delta=gradient
        )


def _by_device(devices: Sequence[str], ops: Sequence[Any]) -> list[Any]:
    """One target on each device: the group of its ops."""
    import tensorflow as tf

    groups: list[Any] = []
    for device in dict.fromkeys(devices):
        with tf.device(device):
            groups.append(tf.group(*[o for o, d in zip(ops, devices, strict=True) if d == device]))
    return groups
