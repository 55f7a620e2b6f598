"""Phase: a part of a worker's step, and what it asks of every resource."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from nworkers.models.records.prediction import Cause

#: What varies together. Requests (``fetch``, ``push``) vary apart from the bytes that they move.
#: ``compute`` is the step of one process too. A synchronous round's end is one event for all
#: workers, and does not vary.
Operation = Literal[
    "dispatch",
    "fetch",
    "compute",
    "push",
    "collective",
    "fetch_transfer",
    "push_transfer",
    "round",
]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)
Direction = Literal["to_worker", "to_ps"]


@dataclass(frozen=True)
class Phase:
    """A part of a step that asks for several resources at once and ends with the slowest.

    Alone it takes ``wall_s``. ``worker_s`` and ``ps_s`` are the processor seconds that it asks of
    the worker's and the ps's host; ``size_bytes`` cross the link in ``direction``. ``layer`` is the
    one whose forward pass needs what a fetch brings, or whose backward pass gives what a push or a
    collective takes.
    """

    cause: Cause
    operation: Operation
    wall_s: float
    worker_s: float = 0.0
    ps_s: float = 0.0
    size_bytes: float = 0.0
    direction: Direction | None = None
    layer: int = 0


#: Phases one after the other.
Chain = tuple[Phase, ...]
