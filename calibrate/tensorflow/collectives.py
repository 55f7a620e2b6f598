"""Collectives: all-reduce between workers' servers, alone, several in flight and beside gradients.

All members of a group build and call its cells in the same order, equally often. A member that is
missing makes the others fail after ``TIMEOUT_S``; their collectives are then unusable until the
tasks are started again, so nothing is tried twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from nworkers.calibrate.probes.beside import beside
from nworkers.calibrate.probes.probe import Context, Probe
from nworkers.calibrate.probes.sampling import nothing
from nworkers.calibrate.tensorflow.devices import HOST, NO_GPU, gpu, gpus
from nworkers.calibrate.tensorflow.graphs import session_config
from nworkers.calibrate.tensorflow.proof import verify
from nworkers.calibrate.tensorflow.training_probes import build as training_probes
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.calibration import Cell

#: How long a member waits for the others; longer than building a round's graphs sets them apart.
TIMEOUT_S = 30.0
_FLOAT_BYTES = 4
#: More than a cell has all-reduces.
_KEYS = 100


def build(cells: Sequence[Cell], context: Context) -> list[Probe]:
    """A session for each group, which holds an all-reduce for each of its cells."""
    made: dict[Cell, Probe] = {
        cell: Probe(cell, nothing, unavailable=NO_GPU)
        for cell in cells
        if cell.device and len(gpus()) <= context.gpu
    }
    possible = [c for c in cells if c not in made]
    for members in sorted({c.workers for c in possible}):
        group = [c for c in possible if c.workers == members]
        for cell, reduce in zip(group, _reduces(group, context), strict=True):
            if cell.quantity == "allreduce":
                made[cell] = reduce
            else:
                made[cell] = _beside(cell, reduce, context)
    return [made[cell] for cell in cells]


def _reduces(cells: Sequence[Cell], context: Context) -> list[Probe]:
    """All-reduces of one group, in the order of the cells, which all of its members share.

    Those of a cell's tensors go on at the same time.
    """
    import tensorflow as tf

    members = cells[0].workers
    worker = f"/job:worker/task:{context.index}"
    graph = tf.Graph()
    with graph.as_default(), tf.device(f"{worker}/cpu:0"):
        initializers: list[Any] = []
        totals: list[list[Any]] = []
        for key, cell in enumerate(cells):
            # NCCL is TensorFlow's ring on GPUs. No machine of ours could try that branch.
            own = gpu(context.gpu) if cell.device else HOST
            size_bytes = (cell.overlap_bytes or cell.size_bytes) // cell.tensors
            elements = max(1, size_bytes // _FLOAT_BYTES)
            with tf.device(f"{worker}{own}"):
                mine = tf.compat.v1.Variable(
                    tf.fill([elements], float(context.index + 1)), use_resource=True
                )
                initializers.append(mine.initializer)
                totals.append(
                    [
                        # Not V2: the leader numbers steps by the graph's instance keys, which in
                        # V2 are tensors that it cannot read, so that all graphs share one
                        # sequence. With groups of 2 and of 3 the third worker is then at another
                        # number and waits.
                        tf.raw_ops.CollectiveReduce(
                            input=mine.read_value(),
                            group_size=members,
                            group_key=members,
                            # Of the same place in every member's list, so the same in all.
                            instance_key=_KEYS * (1000 * members + key) + tensor,
                            subdiv_offsets=[0],
                            merge_op="Add",
                            final_op="Id",
                            communication_hint="nccl" if cell.device else "ring",
                            timeout_seconds=TIMEOUT_S,
                        )
                        for tensor in range(cell.tensors)
                    ]
                )
        ends = [[tf.reduce_min(tf.stack(sums)), tf.reduce_max(tf.stack(sums))] for sums in totals]
        calls = [tf.group(*sums) for sums in totals]
        init = tf.group(*initializers)
    session = tf.compat.v1.Session(
        context.target, graph=graph, config=session_config(grappler=False, group=members)
    )
    session.run(init)
    return [
        Probe(cell, session.make_callable(call), partial(_verify_sum, session, cell, end))
        for cell, call, end in zip(cells, calls, ends, strict=True)
    ]


def _verify_sum(session: Any, cell: Cell, ends: list[Any]) -> None:
    """Member k gives k + 1 in every element, so every element of the sum is K(K + 1)/2."""
    wanted = cell.workers * (cell.workers + 1) / 2
    reduction = Cell("allreduce", "collective", tensors=cell.tensors, workers=cell.workers)
    low, high = verify(session, reduction, ends, product=False)
    if not low == high == wanted:
        raise HardwareError(
            f"cell '{cell.name}' gave sums from {low:g} to {high:g}, not {wanted:g}"
        )


def _beside(cell: Cell, reduce: Probe, context: Context) -> Probe:
    """The workload's gradients while an all-reduce is in flight."""
    alone = Cell("gradient", "process", batch=cell.batch, device=cell.device)
    (gradients,) = training_probes([alone], context)
    return replace(beside(gradients, reduce), cell=cell)
