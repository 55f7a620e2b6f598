"""Which ops of a graph a GPU could not run, by the list of kernels of a TensorFlow with CUDA."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "gpu_kernels.json.gz"


@cache
def kernels() -> dict[str, list[dict[str, list[str]]]]:
    """For every op with a kernel on a GPU: the types that each kernel takes, by attribute."""
    found: dict[str, list[dict[str, list[str]]]] = json.loads(gzip.decompress(FILE.read_bytes()))[
        "kernels"
    ]
    return found


def without_kernel(graph: Any) -> set[str]:
    """Ops that a graph places on a GPU, with their types, for which there is no kernel there.

    An op that takes a variable is placed where that is. One without a device of its own is left to
    TensorFlow, which places it where there is a kernel.
    """
    found: set[str] = set()
    for op in graph.get_operations():
        if placed_on_gpu(op):
            types = {name: _types(op, name) for name in op.node_def.attr}
            if not any(_takes(kernel, types) for kernel in kernels().get(op.type, [])):
                told = sorted({t for of in types.values() for t in of})
                found.add(f"{op.type}({', '.join(told)})")
    return found


def placed_on_gpu(op: Any) -> bool:
    """Whether TensorFlow has to run the op on a GPU."""
    handles = [tensor.op for tensor in op.inputs if tensor.dtype.name == "resource"]
    return "GPU" in (handles[0] if handles else op).device.upper()


def _types(op: Any, name: str) -> list[str]:
    """The types that an attribute names; none where it is of another kind."""
    import tensorflow as tf

    value = op.node_def.attr[name]
    kind = value.WhichOneof("value")
    named = [value.type] if kind == "type" else value.list.type if kind == "list" else []
    return [tf.as_dtype(t).name for t in named]


def _takes(kernel: dict[str, list[str]], types: dict[str, list[str]]) -> bool:
    return all(set(types.get(name, ())) <= set(allowed) for name, allowed in kernel.items())
