"""Training on v1 sessions: one process, or workers with ps, asynchronously or in step."""

from __future__ import annotations

from typing import Any

from nworkers.calibrate.probes.sampling import doubled
from nworkers.calibrate.tensorflow.devices import HOST
from nworkers.calibrate.tensorflow.graphs import session_config
from nworkers.calibrate.tensorflow.replica import asynchronous_graph
from nworkers.calibrate.tensorflow.step_trace import traced_run
from nworkers.calibrate.tensorflow.sync_replicas import Rounds, sync_graph
from nworkers.calibrate.tensorflow.trained import compute_device, trained_model
from nworkers.calibrate.training.trainer import (
    Place,
    StepProgress,
    Trainer,
    TrainingJob,
    Window,
    time_steps,
)


def build(job: TrainingJob, place: Place) -> Trainer:
    """Build this replica's step; it initialises its own part, and the chief (worker 0) the ps."""
    import tensorflow as tf

    alone = job.workers == 0
    task = "" if alone else f"/job:worker/task:{place.index}"
    here = f"{task}{compute_device(job, place)}"
    # To the device: what is read within the worker's would else be asked of a GPU of the ps.
    there = (here,) if alone else tuple(f"/job:ps/task:{k}{HOST}" for k in range(job.ps))
    model = trained_model(job, place.index)
    graph = tf.Graph()
    config = session_config(
        grappler=True,
        worker=None if alone else place.index,
        threads=place.threads,
        anywhere=bool(job.model),
    )
    session = tf.compat.v1.Session(place.target, graph=graph, config=config)
    with graph.as_default():
        if job.strategy == "ps-sync" and not alone:
            sync = sync_graph(
                model,
                workers=job.workers,
                worker=here,
                host=f"{task}{HOST}",
                ps=there,
                index=place.index,
            )
            rounds = Rounds(session, sync, place.index)
            return _Synchronous(session, sync.loss, sync.step, place.index, rounds)
        training = asynchronous_graph(model, worker=here, ps=there, seed=place.index + 1)
    session.run(training.initializer)
    return _Asynchronous(session, training.loss, training.step, place.index)


class _Asynchronous:
    """Steps that wait for nobody; also those of the single process."""

    def __init__(self, session: Any, loss: Any, step: Any, index: int) -> None:
        self._session = session
        self._loss = loss
        self._op = step
        self._index = index
        self._callable = session.make_callable(step)
        self._parts: list[list[float]] | None = None

    def loss(self) -> float:
        return float(self._session.run(self._loss))

    def train(self, window: Window, progress: StepProgress) -> list[list[float]]:
        self._parts = [] if window.traced else None
        steps_s = time_steps(self._step, window, progress)
        return [steps_s] if self._parts is None else self._parts

    def _step(self, over: bool) -> bool:
        if not over:
            self._run()
        return over

    def _run(self) -> None:
        try:
            self._once()
        except Exception as error:
            if not doubled(error):
                raise
            self._once()

    def _once(self) -> None:
        if self._parts is None:
            self._callable()
        elif parts := traced_run(self._session, self._op, self._index):
            self._parts.append(parts)


class _Synchronous(_Asynchronous):
    """Steps that end when a round's gradients have been applied."""

    def __init__(self, session: Any, loss: Any, step: Any, index: int, rounds: Rounds) -> None:
        super().__init__(session, loss, step, index)
        self._rounds = rounds

    def train(self, window: Window, progress: StepProgress) -> list[list[float]]:
        with self._rounds.going_on(window.until):
            return super().train(window, progress)

    def _step(self, over: bool) -> bool:
        import tensorflow as tf

        try:
            return super()._step(over)
        except (tf.errors.OutOfRangeError, tf.errors.CancelledError):
            # The rounds are over, here or at another worker's.
            self._rounds.check()
            return True
