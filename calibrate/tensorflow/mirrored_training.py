"""Training under MultiWorkerMirroredStrategy: every worker holds the variables.

All workers must make equally many steps, so whether one's time is over goes through the all-reduce
too: one more element beside the gradients, which TensorFlow puts into one buffer with them. All
see its mean after the same step, and end there.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import Any

from nworkers.calibrate.tensorflow.mirrored import joined
from nworkers.calibrate.tensorflow.trained import trained_model
from nworkers.calibrate.training.trainer import (
    Place,
    Stalled,
    StepProgress,
    Trainer,
    TrainingJob,
    Window,
    time_steps,
)


def build(job: TrainingJob, place: Place) -> Trainer:
    """Make the variables and trace the step; all workers run it once, which changes nothing yet."""
    return _Mirrored(job, place)


class _Mirrored:
    def __init__(self, job: TrainingJob, place: Place) -> None:
        import tensorflow as tf

        model = trained_model(job, place.index)
        self._strategy, self._options = joined()
        with self._strategy.scope():
            self._variables = [
                tf.Variable(model.initial(k), name=name) for k, name in enumerate(model.names)
            ]
            slots = [
                [tf.Variable(value) for value in model.rule.slots(variable)]
                for variable in self._variables
            ]
        inputs = model.inputs()
        self._words = {over: tf.constant(float(over)) for over in (False, True)}

        def replica(over: Any) -> tuple[Any, list[Any]]:
            values = [tf.identity(variable.read_value()) for variable in self._variables]
            _, gradients = model.differentiate(values, inputs)
            # A copy: what comes from outside of the replica is on no device to all-reduce from.
            mine = tf.identity(tf.cast(over, gradients[0].dtype))
            first, *others = self._means([mine, *gradients])
            return first, others

        def update(variable: Any, mean: Any, own: list[Any]) -> None:
            model.rule.apply(variable, own, mean)

        @tf.function  # type: ignore[untyped-decorator]
        def step(over: Any) -> Any:
            ended, means = self._strategy.run(replica, args=(over,))
            for variable, own, mean in zip(self._variables, slots, means, strict=True):
                self._strategy.extended.update(variable, update, args=(mean, own), group=False)
            return ended

        @tf.function  # type: ignore[untyped-decorator]
        def loss() -> Any:
            values = [tf.identity(variable.read_value()) for variable in self._variables]
            return model.differentiate(values, inputs)[0]

        self._run = step.get_concrete_function(self._words[False])
        self._loss = loss

    def _means(self, wanted: list[Any]) -> list[Any]:
        """Means over the replicas, one all-reduce for each type: a buffer holds but one."""
        import tensorflow as tf

        here = tf.distribute.get_replica_context()
        means: dict[int, Any] = {}
        for dtype in dict.fromkeys(tensor.dtype for tensor in wanted):
            places = [k for k, tensor in enumerate(wanted) if tensor.dtype == dtype]
            reduced: Sequence[Any] = here.all_reduce(
                tf.distribute.ReduceOp.MEAN, [wanted[k] for k in places], self._options
            )
            means |= dict(zip(places, reduced, strict=True))
        return [means[k] for k in range(len(wanted))]

    def loss(self) -> float:
        return float(self._loss())

    def train(self, window: Window, progress: StepProgress) -> list[list[float]]:
        return [time_steps(self._step, window, progress)]

    def _step(self, over: bool) -> bool:
        import tensorflow as tf

        try:
            return bool(self._run(self._words[over]).numpy() > 0)
        except tf.errors.OpError as error:
            traceback.print_exc()
            # TensorFlow's tasks beat for each other, and fail a collective that one is absent from.
            raise Stalled(f"could not all-reduce ({type(error).__name__})") from None
