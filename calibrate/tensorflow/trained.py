"""Learner: what is trained, as every runtime needs it: values to start from, inputs, gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nworkers.calibrate.tensorflow.workload_graph import (
    LEARNING_RATE,
    check_trainable,
    differentiate,
    initial_value,
    inputs_of,
)
from nworkers.models.records.workload import Workload


@dataclass(frozen=True)
class Rule:
    """How gradients change variables: TensorFlow's fused update of that name, and its numbers."""

    name: str = "sgd"
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


class Learner(Protocol):
    """What is trained. Its variables are made by the runtime, where that places them."""

    rule: Rule
    #: Names of the variables.
    names: list[str]

    def initial(self, k: int) -> Any:
        """What variable ``k`` starts from, the same in every task."""
        ...

    def inputs(self) -> list[Any]:
        """A worker's batch, as tensors."""
        ...

    def differentiate(self, values: list[Any], inputs: list[Any]) -> tuple[Any, list[Any]]:
        """The loss, and its gradients by the values of the variables."""
        ...


class Synthetic:
    """A workload by name, or one whose compute is a wait."""

    def __init__(self, workload: Workload, batch: int, seed: int) -> None:
        check_trainable(workload)
        self._workload = workload
        self._batch = batch
        self._seed = seed
        self.rule = Rule()
        self.names = [spec.name for spec in workload.variables]

    def initial(self, k: int) -> Any:
        return initial_value(self._workload, k)

    def inputs(self) -> list[Any]:
        return inputs_of(self._workload, self._batch, self._seed)

    def differentiate(self, values: list[Any], inputs: list[Any]) -> tuple[Any, list[Any]]:
        return differentiate(self._workload, values, inputs, self._batch)
