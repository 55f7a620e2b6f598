"""The training step of a workload, and its gradients, as cells over the batch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import Any

from nworkers.calibrate.probes.probe import Context, Probe
from nworkers.calibrate.probes.sampling import nothing
from nworkers.calibrate.tensorflow.devices import HOST, gpu
from nworkers.calibrate.tensorflow.graphs import session_config
from nworkers.calibrate.tensorflow.proof import verify
from nworkers.calibrate.tensorflow.replica import TrainingGraph, training_graph
from nworkers.calibrate.tensorflow.transfers import Variables, brought_back, scope, servers
from nworkers.models.records.calibration import Cell


def build(cells: Sequence[Cell], context: Context) -> list[Probe]:
    """One session for each batch; Grappler is on, as it is for whoever trains."""

    def group(cell: Cell) -> tuple[str, int, int]:
        return cell.path, cell.ps, cell.batch

    return [
        probe
        for _, of in groupby(sorted(cells, key=group), key=group)
        for probe in _of_batch(list(of), context)
    ]


def _of_batch(cells: Sequence[Cell], context: Context) -> list[Probe]:
    """Cells of one batch, of a process or of a worker's server; variables are there or on ps."""
    import tensorflow as tf

    of = cells[0]
    alone = of.path == "process"
    task = "" if alone else f"/job:worker/task:{context.index}"
    here = f"{task}{gpu() if of.device else HOST}"
    graph = tf.Graph()
    # Sessions of one server share what has one name.
    with graph.as_default(), tf.name_scope(scope(of)):
        there = tuple(servers(of, context)) if of.path == "ps" else (here,)
        seed = 1 + (context.index if of.path == "ps" else 0)
        training = training_graph(context.workload, of.batch, worker=here, ps=there, seed=seed)
        marks = Variables()
        ops = {c: _ended(c, training, f"{task}{HOST}", here, marks) for c in cells}
        init = tf.group(training.initializer, *marks.initializers)
    config = session_config(
        grappler=True, worker=None if alone else context.index, threads=context.threads
    )
    session = tf.compat.v1.Session("" if alone else context.target, graph=graph, config=config)
    session.run(init)
    return [
        Probe(
            cell,
            session.make_callable(op),
            partial(verify, session, cell, op, product=bool(context.workload.widths)),
            before=partial(time.sleep, cell.idle_s) if cell.idle_s else nothing,
        )
        for cell, op in ops.items()
    ]


def _ended(cell: Cell, training: TrainingGraph, host: str, here: str, marks: Variables) -> Any:
    """What a session runs; on a GPU it ends when the host has a number that is read last."""
    step = cell.quantity == "step"
    if not cell.device:
        return training.step if step else training.gradients
    after = [training.step] if step else training.gradients
    back = brought_back(after, here, host, scope(cell), marks)
    return back if step else [*training.gradients, back]
