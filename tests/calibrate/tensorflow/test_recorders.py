"""Recorders: step times of real training, written as it goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nworkers.calibrate.tensorflow.recorders import StepLog
from nworkers.models.base.errors import InputError
from nworkers.models.files.step_csv import read_steps

KERAS = """
import time, keras, numpy as np, nworkers
keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse", steps_per_execution={at_once})
class Slow(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.02)
x = np.zeros((240, 4), "float32")
began = time.perf_counter()
model.fit(x, x[:, :1], batch_size=8, epochs=2, verbose=0, validation_data=(x, x[:, :1]),
          callbacks=[nworkers.keras_recorder("run.csv"), Slow()])
print(time.perf_counter() - began)
"""
SESSION = """
import time, nworkers, tensorflow.compat.v1 as tf
tf.disable_eager_execution()
step = tf.train.get_or_create_global_step()
train = tf.assign_add(step, 1)
began = time.perf_counter()
with tf.train.MonitoredTrainingSession(hooks=[nworkers.session_recorder("run.csv")]) as session:
    for _ in range(40):
        session.run(train)
        time.sleep(0.01)
print(time.perf_counter() - began)
"""


def trained(code: str, folder: Path) -> float:
    """How long the training took."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False,
        timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return float(done.stdout.splitlines()[-1])


@pytest.mark.tensorflow
@pytest.mark.parametrize("at_once", [1, 5])
def test_every_batch_of_a_fit_is_a_step_and_epochs_are_apart(tmp_path: Path, at_once: int) -> None:
    took_s = trained(KERAS.format(at_once=at_once), tmp_path)
    run = read_steps(tmp_path / "run.csv")
    assert len(run.steps_s) == 60
    assert run.between_s is not None
    assert sum(run.steps_s) < took_s
    # The other callback sleeps between batches, but for the first of an epoch.
    between_s = np.array(run.between_s).reshape(2, 30)
    assert not between_s[:, :at_once].any()
    assert (between_s[:, at_once:] > 0.02 / at_once).all()
    assert np.all(np.array(run.steps_s) >= run.between_s)


@pytest.mark.tensorflow
def test_every_run_of_a_session_is_a_step(tmp_path: Path) -> None:
    took_s = trained(SESSION, tmp_path)
    run = read_steps(tmp_path / "run.csv")
    assert len(run.steps_s) == 40
    assert run.between_s is not None
    assert run.between_s[0] == 0.0
    assert min(run.between_s[1:]) > 0.01
    assert 0.4 < sum(run.steps_s) < took_s


def test_a_step_lasts_from_the_end_of_the_one_before(tmp_path: Path) -> None:
    times = iter((1.0, 3.0, 3.5, 4.0, 10.0, 14.0))
    log = StepLog(tmp_path / "run.csv", force=False, clock=lambda: next(times))
    for steps in (1, 1):
        log.begin()
        log.end(steps)
    log.close()
    log.begin()
    log.end(2)
    log.close()
    rows = (tmp_path / "run.csv").read_text().splitlines()
    assert rows[0] == "step_time_s,between_s"
    assert [tuple(map(float, row.split(","))) for row in rows[1:]] == [
        (2.0, 0.0), (1.0, 0.5), (2.0, 0.0), (2.0, 0.0)
    ]  # fmt: skip


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "run.csv").write_text("mine")
    with pytest.raises(InputError, match=r"run\.csv"):
        StepLog(tmp_path / "run.csv", force=False)
    StepLog(tmp_path / "run.csv", force=True)
    assert (tmp_path / "run.csv").read_text() == "mine"
