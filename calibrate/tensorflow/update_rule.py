"""Update rule: how gradients change variables, as one of TensorFlow's fused updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nworkers.calibrate.tensorflow.workload_graph import LEARNING_RATE
from nworkers.models.records.workload import Optimizer

#: Of a momentum optimizer whose user states none.
MOMENTUM = 0.9


@dataclass(frozen=True)
class UpdateRule:
    """TensorFlow's fused update of this name, and its numbers."""

    name: Optimizer = "sgd"
    rate: float = LEARNING_RATE
    momentum: float = 0.0
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    def slots(self, variable: Any) -> list[Any]:
        """Initial values of what the rule keeps beside a variable."""
        import tensorflow as tf

        zeros = tf.zeros(variable.shape, variable.dtype)
        if self.name == "adam":
            powers = [tf.constant(b, variable.dtype) for b in (self.beta_1, self.beta_2)]
            return [zeros, zeros, *powers]
        return [zeros] if self.name == "momentum" else []

    def apply(self, variable: Any, slots: Sequence[Any], gradient: Any) -> Any:
        """The op that updates one variable, where it is placed."""
        import tensorflow as tf

        def number(value: float) -> Any:
            return tf.constant(value, variable.dtype)

        if self.name == "sgd":
            return tf.raw_ops.ResourceApplyGradientDescent(
                var=variable.handle, alpha=number(self.rate), delta=gradient
            )
        if self.name == "momentum":
            return tf.raw_ops.ResourceApplyMomentum(
                var=variable.handle,
                accum=slots[0].handle,
                lr=number(self.rate),
                grad=gradient,
                momentum=number(self.momentum),
            )
        first, second, *powers = slots
        now = [power.read_value() for power in powers]
        applied = tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=first.handle,
            v=second.handle,
            beta1_power=now[0],
            beta2_power=now[1],
            lr=number(self.rate),
            beta1=number(self.beta_1),
            beta2=number(self.beta_2),
            epsilon=number(self.epsilon),
            grad=gradient,
        )
        with tf.control_dependencies([applied]):
            moved = [
                tf.raw_ops.AssignVariableOp(resource=power.handle, value=value * beta)
                for power, value, beta in zip(
                    powers, now, (number(self.beta_1), number(self.beta_2)), strict=True
                )
            ]
        return tf.group(*moved)
