"""What a task does before it serves, so that it fails where the others do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nworkers.calibrate.probes.probe import Context, Probe
from nworkers.calibrate.tensorflow import collectives
from nworkers.models.records.calibration import Cell

SPOILT_BYTES = 2**12


def impatient() -> None:
    """A collective gives up soon."""
    collectives.TIMEOUT_S = 3.0


def failing() -> None:
    """An all-reduce of `SPOILT_BYTES` fails from its fourth call on, in TensorFlow."""
    impatient()
    build = collectives.build

    def spoilt(cells: Sequence[Cell], context: Context) -> list[Probe]:
        return [_spoilt(probe) for probe in build(cells, context)]

    collectives.build = spoilt


def _spoilt(probe: Probe) -> Probe:
    calls = 0

    def step() -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            _invalid()
        probe.step()

    return replace(probe, step=step) if probe.cell.size_bytes == SPOILT_BYTES else probe


def _invalid() -> None:
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default(), tf.device("/gpu:0"):
        product = tf.matmul(tf.ones([2, 2]), tf.ones([2, 2]))
    with tf.compat.v1.Session(graph=graph, config=tf.compat.v1.ConfigProto()) as session:
        session.run(product)
