"""Training under ParameterServerStrategy: steps that a ClusterCoordinator schedules on workers.

Which worker runs a scheduled function is the coordinator's choice, so each run puts the time of its
begin into a queue on its own worker, which costs no message. A worker begins its next function when
the last one has ended and the coordinator has dispatched another to it: between two begins lies one
step, its dispatch included, and the mean time between begins is that between ends.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from functools import partial
from itertools import pairwise
from typing import Any

from nworkers.calibrate.tensorflow.coordinator import connect
from nworkers.calibrate.tensorflow.devices import only_gpu
from nworkers.calibrate.tensorflow.trained import trained_model
from nworkers.calibrate.training.trainer import Place, StepProgress, Trainer, TrainingJob, Window

#: So many steps of each worker are timed before the window, to tell how many to schedule at once.
PILOT = 3
#: Functions wait in the coordinator's queue for about so long, and the training's end for them.
AHEAD_S = 0.05
MOST_AHEAD = 32
TRIPS = 5


def build(job: TrainingJob, place: Place) -> Trainer:
    """Connect to the cluster, make the variables on the ps, and run every worker's first steps."""
    return _Coordinated(job, place)


class _Coordinated:
    def __init__(self, job: TrainingJob, place: Place) -> None:
        import tensorflow as tf

        self._workers = job.workers
        model = trained_model(job, 0)
        # Of constants in the function: what it captures would be copied from the chief each time.
        data = [tensor.numpy() for tensor in model.inputs()]
        # Of whichever worker it runs on, which sees no other.
        placed = partial(tf.device, only_gpu()) if job.device == "gpu" else nullcontext
        strategy, self._coordinator = connect(place.cluster)
        with strategy.scope():
            # First all variables, which go to the ps in turn; then what belongs beside each.
            self._variables = [
                tf.Variable(model.initial(k), name=name) for k, name in enumerate(model.names)
            ]
            slots = []
            for variable in self._variables:
                with strategy.extended.colocate_vars_with(variable):
                    slots.append([tf.Variable(v) for v in model.rule.slots(variable)])

        def forward() -> tuple[Any, list[Any]]:
            with placed():
                values = [tf.identity(variable.read_value()) for variable in self._variables]
                return model.differentiate(values, [tf.constant(a) for a in data])

        @tf.function  # type: ignore[untyped-decorator]
        def step() -> None:
            tf.raw_ops.QueueEnqueueV2(handle=_begins(), components=[tf.timestamp()])
            gradients = forward()[1]
            for variable, own, gradient in zip(self._variables, slots, gradients, strict=True):
                with tf.device(variable.device):
                    model.rule.apply(variable, own, gradient)

        @tf.function  # type: ignore[untyped-decorator]
        def loss() -> Any:
            return forward()[0]

        self._step, self._loss = step, loss
        self._ahead = 1
        self._schedule(1).get()
        self._coordinator.join()

    def loss(self) -> float:
        return float(self._coordinator.schedule(self._loss).fetch())

    def train(self, window: Window, progress: StepProgress) -> list[list[float]]:
        """Schedule steps so that one is always waiting for whichever worker is free.

        Two lots are under way; when the last step of the older one has ended, another lot follows.
        """
        began = time.perf_counter()
        self._schedule(PILOT)
        self._coordinator.join()
        step_s = (time.perf_counter() - began) / PILOT
        ahead = min(MOST_AHEAD, max(1, round(AHEAD_S / step_s)))
        older = self._schedule(ahead)
        while time.perf_counter() < window.until:
            newer = self._schedule(ahead)
            older.get()
            progress.step(time.perf_counter())
            older = newer
        self._coordinator.join()
        return [self._steps_of(worker, window) for worker in range(self._workers)]

    def _schedule(self, each: int) -> Any:
        """Schedule so many steps for each worker; what the last of them will return."""
        for _ in range(each * self._workers):
            last = self._coordinator.schedule(self._step)
        return last

    def _steps_of(self, worker: int, window: Window) -> list[float]:
        """Seconds between begins on a worker, of steps that lie whole within the window."""
        import tensorflow as tf

        with tf.device(f"/job:worker/task:{worker}/device:CPU:0"):
            queue = _begins()
            count = tf.raw_ops.QueueSizeV2(handle=queue)
            (begins,) = tf.raw_ops.QueueDequeueManyV2(
                handle=queue, n=count, component_types=[tf.float64]
            )
            offset_s = _offset_s()
        times = [float(moment) - offset_s for moment in begins.numpy()]
        return [
            end - begin
            for begin, end in pairwise(times)
            if begin >= window.opens and end <= window.closes
        ]


def _begins() -> Any:
    """The queue of begins on the task where this runs."""
    import tensorflow as tf

    return tf.raw_ops.FIFOQueueV2(
        component_types=[tf.float64], shapes=[[]], shared_name="scale_begins"
    )


def _offset_s() -> float:
    """The wall clock of the current device's host, less this process's ``time.perf_counter``.

    Of the quickest of some round trips, half of which is its error.
    """
    import tensorflow as tf

    trips: list[tuple[float, float]] = []
    for _ in range(TRIPS):
        asked = time.perf_counter()
        theirs = float(tf.timestamp().numpy())
        answered = time.perf_counter()
        trips.append((answered - asked, theirs - (asked + answered) / 2))
    return min(trips)[1]
