"""Sharding: which ps holds which variable, or which part of one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from nworkers.models.base.errors import InputError
from nworkers.models.records.what_if import WhatIf
from nworkers.models.records.workload import BYTES_PER_ELEMENT, Variable, Workload

_HALF_BYTES = 2


@dataclass(frozen=True)
class Piece:
    """A variable, or a part of it: one tensor to fetch, and one gradient to push."""

    variable: int
    size_bytes: float


def carried_bytes(variable: Variable, what_if: WhatIf) -> float:
    """What travels of a variable: in half precision, 16 bits of every longer number."""
    each = BYTES_PER_ELEMENT[variable.dtype]
    if what_if.half_precision and "float" in variable.dtype:
        each = min(each, _HALF_BYTES)
    return float(variable.elements * each)


def compressed(what_if: WhatIf) -> float:
    """Which share of its bytes a gradient has on the way."""
    return 1.0 if what_if.compression is None else what_if.compression.factor


@lru_cache
def pieces(workload: Workload, ps: int, what_if: WhatIf) -> tuple[Piece, ...]:
    """All tensors that travel, in the order of the variables.

    A variable is split as ``tf.compat.v1.min_max_variable_partitioner`` does: into as many parts as
    there are ps, or fewer so that none is smaller than the smallest allowed.
    """
    least = what_if.partition_bytes
    found: list[Piece] = []
    for k, variable in enumerate(workload.variables):
        size = carried_bytes(variable, what_if)
        parts = 1 if least is None else max(1, min(ps, int(size // least)))
        found += [Piece(k, size / parts)] * parts
    return tuple(found)


@lru_cache
def place(workload: Workload, ps: int, what_if: WhatIf) -> tuple[tuple[Piece, ...], ...]:
    """The tensors of each ps.

    In turn, as ``tf.compat.v1.train.replica_device_setter`` has it, or each to the ps with the
    fewest bytes (``GreedyLoadBalancingStrategy`` with ``byte_size_load_fn``).

    Raises:
        InputError: there are more ps than bytes.
    """
    if ps > workload.size_bytes:
        raise InputError(
            "ps", ps, f"at most {workload.size_bytes}, the bytes of workload {workload.name}"
        )
    shards: list[list[Piece]] = [[] for _ in range(ps)]
    loads = [0.0] * ps
    for k, piece in enumerate(pieces(workload, ps, what_if)):
        least = loads.index(min(loads)) if what_if.shard_by == "size" else k % ps
        loads[least] += piece.size_bytes
        shards[least].append(piece)
    return tuple(tuple(shard) for shard in shards)
