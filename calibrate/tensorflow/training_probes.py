"""The training step of a workload, and its gradients, as cells over the batch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from nworkers.calibrate.probes.probe import Context, Probe
from nworkers.calibrate.probes.sampling import nothing
from nworkers.calibrate.tensorflow.graphs import session_config
from nworkers.calibrate.tensorflow.proof import verify
from nworkers.calibrate.tensorflow.replica import training_graph
from nworkers.models.records.calibration import Cell


def build(cells: Sequence[Cell], context: Context) -> list[Probe]:
    """One session for each batch; Grappler is on, as it is for whoever trains."""
    import tensorflow as tf

    made: list[Probe] = []
    for batch in sorted({c.batch for c in cells}):
        graph = tf.Graph()
        with graph.as_default():
            training = training_graph(
                context.workload, batch, worker="/cpu:0", ps=("/cpu:0",), seed=1
            )
        session = tf.compat.v1.Session(
            graph=graph, config=session_config(grappler=True, threads=context.threads)
        )
        session.run(training.initializer)
        for cell in cells:
            if cell.batch == batch:
                op = training.step if cell.quantity == "step" else training.gradients
                made.append(
                    Probe(
                        cell,
                        session.make_callable(op),
                        partial(verify, session, cell, op, product=bool(context.workload.widths)),
                        before=partial(time.sleep, cell.idle_s) if cell.idle_s else nothing,
                    )
                )
    return made
