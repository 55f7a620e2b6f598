"""Recorders: what writes the step times of the user's own training to a CSV, as it goes on.

For `scale explain --measured`. Each process of a cluster writes a file of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from nworkers.models.files.atomic_write import check_output
from nworkers.models.files.step_csv import BETWEEN, STEP

#: Rows reach the file so often, so that a run that is killed leaves them.
_FLUSH_S = 1.0


class StepLog:
    """Rows of a step CSV: from the end of the step before to that of this one, in seconds.

    The first step after `pause` is timed from its own begin.
    """

    def __init__(
        self, path: Path, *, force: bool, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        check_output(path, force=force, field="output")
        self._path, self._clock = path, clock
        self._file: IO[str] | None = None
        self._is_begun = False
        self._began_s = self._flushed_s = 0.0
        self._ended_s: float | None = None

    def begin(self) -> None:
        """A step begins."""
        self._began_s = self._clock()

    def end(self, steps: int = 1) -> None:
        """So many steps that began together have ended."""
        now_s = self._clock()
        if self._file is None:
            self._file = self._path.open("a" if self._is_begun else "w", encoding="utf-8")
            self._file.write("" if self._is_begun else f"{STEP},{BETWEEN}\n")
            self._is_begun = True
        before_s = self._began_s if self._ended_s is None else self._ended_s
        step_s, between_s = (now_s - before_s) / steps, (self._began_s - before_s) / steps
        self._file.write(f"{step_s:.9f},{between_s:.9f}\n" * steps)
        self._ended_s = now_s
        if now_s - self._flushed_s > _FLUSH_S:
            self._file.flush()
            self._flushed_s = now_s

    def pause(self) -> None:
        """What comes until the next step begins is no part of one."""
        self._ended_s = None

    def close(self) -> None:
        """All rows are in the file; training that goes on adds to them."""
        self.pause()
        if self._file is not None:
            self._file.close()
            self._file = None


def keras_recorder(path: Path | str, *, force: bool = False) -> Any:
    """A callback for `model.fit` that writes each step's time to a CSV.

    What happens between epochs, such as validation, is in no step. Of several batches in one
    execution (``steps_per_execution``) each has the mean.

    Raises:
        InputError: the file is there, and not to be replaced.
    """
    import keras

    log = StepLog(Path(path), force=force)

    class KerasRecorder(keras.callbacks.Callback):  # type: ignore[misc]
        """Times batches."""

        def __init__(self) -> None:
            super().__init__()
            self._done = -1

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._done = -1
            log.pause()

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            log.begin()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            log.end(max(1, batch - self._done))
            self._done = batch

        def on_test_begin(self, logs: Any = None) -> None:
            log.pause()

        def on_train_end(self, logs: Any = None) -> None:
            log.close()

    return KerasRecorder()


def session_recorder(path: Path | str, *, force: bool = False) -> Any:
    """A hook for a `MonitoredSession` of TensorFlow's v1 that writes each step's time to a CSV.

    Raises:
        InputError: the file is there, and not to be replaced.
    """
    import tensorflow as tf

    log = StepLog(Path(path), force=force)

    class SessionRecorder(tf.compat.v1.train.SessionRunHook):  # type: ignore[misc]
        """Times runs of the session."""

        def before_run(self, run_context: Any) -> None:
            log.begin()

        def after_run(self, run_context: Any, run_values: Any) -> None:
            log.end()

        def end(self, session: Any) -> None:
            log.close()

    return SessionRecorder()
