"""Proof: a cell's partition graphs hold the work that its name says, in the order that it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nworkers.models.base.errors import HardwareError
from nworkers.models.records.calibration import Cell

_APPLY = {
    "": "ResourceApplyGradientDescent",
    "sgd": "ResourceApplyGradientDescent",
    "momentum": "ResourceApplyMomentum",
    "adam": "ResourceApplyAdam",
}
#: On a GPU: what a step has done before a number is brought back to the host; empty for nothing.
_WORK = {
    "noop": "",
    "gemm": "MatMul",
    "fetch_gemm": "MatMul",
    "gradient": "MatMul",
    "step": "ResourceApply",
    "copy_in": "_Recv",
    "fetch": "_Recv",
}
#: (type, names of the nodes that it waits for) by the name of a node.
Nodes = Mapping[str, tuple[str, Sequence[str]]]


def verify(session: Any, cell: Cell, op: Any, *, product: bool) -> Any:
    """Run a cell once, traced; raise HardwareError unless its work is in the partition graphs.

    Returns what the session returns for ``op``.
    """
    import tensorflow as tf

    metadata = tf.compat.v1.RunMetadata()
    options = tf.compat.v1.RunOptions(output_partition_graphs=True)
    fetched = session.run(op, options=options, run_metadata=metadata)
    partitions: list[Nodes] = [
        {node.name: (node.op, [_source(i) for i in node.input]) for node in part.node}
        for part in metadata.partition_graphs
    ]
    require_work(cell, [[kind for kind, _ in part.values()] for part in partitions], product)
    if cell.quantity == "fetch_push" and not any(map(push_waits, partitions)):
        raise _unproven(cell, "push that waits for every fetch")
    if cell.device and cell.quantity in _WORK:
        work = _WORK[cell.quantity]
        if not any(brought_back_after(work, part) for part in partitions):
            raise _unproven(cell, "number that is brought back after the work")
    return fetched


def require_work(cell: Cell, partitions: Sequence[Sequence[str]], product: bool) -> None:
    """Raise HardwareError where ``missing_work`` finds something."""
    missing = missing_work(cell, partitions, product=product)
    if missing:
        raise _unproven(cell, missing)


def _unproven(cell: Cell, missing: str) -> HardwareError:
    return HardwareError(
        f"cell '{cell.name}' does not measure what it says: TensorFlow's graphs hold no {missing}"
    )


def function_ops(concrete: Any) -> list[list[str]]:
    """Op types of a traced ``tf.function`` and of the functions that it calls."""
    graph = concrete.graph.as_graph_def()
    bodies = [graph.node, *(function.node_def for function in graph.library.function)]
    return [[node.op for node in nodes] for nodes in bodies]


def _source(edge: str) -> str:
    """The node that an input such as ``^name`` or ``name:1`` comes from."""
    return edge.removeprefix("^").partition(":")[0]


def missing_work(cell: Cell, partitions: Sequence[Sequence[str]], *, product: bool) -> str:
    """The first op that the cell must run but the partition graphs lack; "" if all are there.

    Args:
        partitions: op types of each partition graph.
        product: whether the cell multiplies matrices.
    """
    ops = [op for part in partitions for op in part]
    quantity, tensors = cell.quantity, cell.tensors
    wanted: list[tuple[str, int]] = []
    if product:
        wanted.append(("MatMul", 1))
    crossing = 0
    if quantity in ("fetch_gemm", "copy_in", "copy_out"):
        crossing = 1
    if quantity in ("fetch", "push", "soak"):
        crossing = tensors
    if quantity in ("exchange", "fetch_push"):
        crossing = 2 * tensors
    if quantity == "step" and cell.path == "ps":
        # A variable at least comes, and its gradient goes.
        crossing = 2
    if cell.device and quantity in _WORK:
        crossing += 1
    wanted += [("_Send", crossing), ("_Recv", crossing)]
    if quantity in ("push", "exchange", "fetch_push", "apply"):
        wanted.append((_APPLY[cell.optimizer], tensors))
    if cell.path == "mirrored" and quantity != "noop":
        wanted.append(("CollectiveReduceV2", 1))
    elif quantity == "allreduce":
        wanted.append(("CollectiveReduce", tensors))
    if quantity == "step":
        wanted.append((_APPLY[cell.optimizer], 1))
    for kind, count in wanted:
        if _count(ops, kind) < count:
            return kind
    if quantity in ("exchange", "fetch_push"):
        both = [p for p in partitions if _count(p, "_Send") and _count(p, "_Recv")]
        if len(both) < 1 + cell.ps:
            return "_Send and _Recv at both ends"
    if quantity == "apply" and _count(ops, "_Recv"):
        return "apply of a gradient that lies on the ps already"
    holders = sum(_count(part, "VarHandleOp") > 0 for part in partitions)
    if quantity == "fetch" and cell.ps > 1 and holders < cell.ps:
        return f"variables on {cell.ps} ps"
    return ""


def _count(ops: Sequence[str], kind: str) -> int:
    # oneDNN renames a product to _MklMatMul, Grappler to _FusedMatMul.
    return sum(op.endswith(kind) for op in ops)


def brought_back_after(work: str, nodes: Nodes) -> bool:
    """Whether a partition sends something after all of its work, of which it has some."""
    done = {name for name, (kind, _) in nodes.items() if work and work in kind}
    sent = [name for name, (kind, _) in nodes.items() if kind == "_Send"]
    return bool(done or not work) and any(done <= _before(name, nodes) for name in sent)


def push_waits(nodes: Nodes) -> bool:
    """Whether a partition receives, and sends nothing before it has received everything."""
    received = {name for name, (kind, _) in nodes.items() if kind == "_Recv"}
    sent = [name for name, (kind, _) in nodes.items() if kind == "_Send"]
    return bool(received and sent) and all(received <= _before(name, nodes) for name in sent)


def _before(name: str, nodes: Nodes) -> set[str]:
    """All nodes that must have run before this one."""
    seen: set[str] = set()
    open_: list[str] = [name]
    while open_:
        kind_inputs = nodes.get(open_.pop())
        for source in kind_inputs[1] if kind_inputs else ():
            if source not in seen:
                seen.add(source)
                open_.append(source)
    return seen
