"""The training graph of a replica: the one that is measured, predicted and trained for real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nworkers.calibrate.tensorflow.trained import Synthetic, TrainedModel
from nworkers.models.records.workload import Workload


@dataclass(frozen=True)
class Shared:
    """A variable that the replicas share, with what its update rule keeps beside it."""

    variable: Any
    slots: list[Any]


@dataclass(frozen=True)
class ReplicaGraph:
    """What a worker computes, before anything is done with its gradients.

    ``gradients`` has one for each of the ``shared`` variables; ``own_initializer`` is of what lies
    on the worker alone, ``initializer`` of that and of all that is shared.
    """

    shared: list[Shared]
    gradients: list[Any]
    loss: Any
    own_initializer: Any
    initializer: Any


@dataclass(frozen=True)
class TrainingGraph:
    """TensorFlow ops: ``step`` fetches, computes and applies; ``gradients`` stops before the apply.

    ``gradients`` is a list, each a target of its own: of a group of them Grappler removes all.
    """

    initializer: Any
    step: Any
    gradients: list[Any]
    loss: Any


def replica_graph(
    model: TrainedModel, *, worker: str, ps: tuple[str, ...], seed: int
) -> ReplicaGraph:
    """Build a worker's fetch and compute in the default graph.

    Each variable is read once a step and copied to the worker once, since every further use of a
    resource variable would be a transfer of its own. Variables go to the ps round-robin. The input
    is a variable of the worker, so that it costs nothing.
    """
    import tensorflow as tf

    def made(value: Any, name: str) -> Any:
        return tf.compat.v1.Variable(value, use_resource=True, trainable=False, name=name)

    shared: list[Shared] = []
    for k, name in enumerate(model.names):
        with tf.device(ps[k % len(ps)]):
            variable = made(model.initial(k), name)
            slots = [made(value, f"{name}_slot") for value in model.rule.slots(variable)]
            shared.append(Shared(variable, slots))
    with tf.device(worker):
        values = [tf.identity(s.variable.read_value()) for s in shared]
        inputs = [made(value, f"input_{k}_{seed}") for k, value in enumerate(model.inputs())]
        loss, gradients = model.differentiate(values, [v.read_value() for v in inputs])
    own = [v.initializer for v in inputs]
    theirs = [v.initializer for s in shared for v in (s.variable, *s.slots)]
    return ReplicaGraph(
        shared=shared,
        gradients=gradients,
        loss=loss,
        own_initializer=tf.group(*own),
        initializer=tf.group(*theirs, *own),
    )


def asynchronous_graph(
    model: TrainedModel, *, worker: str, ps: tuple[str, ...], seed: int
) -> TrainingGraph:
    """Build the asynchronous step of one worker in the default graph.

    Its gradients are pushed once each, and applied where the variables are.
    """
    import tensorflow as tf

    replica = replica_graph(model, worker=worker, ps=ps, seed=seed)
    applies = []
    for k, (shared, gradient) in enumerate(zip(replica.shared, replica.gradients, strict=True)):
        with tf.device(ps[k % len(ps)]):
            applies.append(model.rule.apply(shared.variable, shared.slots, gradient))
    return TrainingGraph(
        initializer=replica.initializer,
        step=tf.group(*applies),
        gradients=[g.op for g in replica.gradients],
        loss=replica.loss,
    )


def training_graph(
    workload: Workload, batch: int, *, worker: str, ps: tuple[str, ...], seed: int
) -> TrainingGraph:
    """The asynchronous step of a workload."""
    model = Synthetic(workload, batch, seed)
    return asynchronous_graph(model, worker=worker, ps=ps, seed=seed)
