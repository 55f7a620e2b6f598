"""Runtimes: names of what trains, and which strategies each of them trains."""

from __future__ import annotations

from typing import Literal, get_args

Strategy = Literal["ps-async", "ps-sync", "allreduce"]
Runtime = Literal["session", "coordinator", "mirrored"]

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)
#: What trains each strategy; the first unless another is asked for.
RUNTIMES_OF: dict[Strategy, tuple[Runtime, ...]] = {
    "ps-async": ("session", "coordinator"),
    "ps-sync": ("session",),
    "allreduce": ("mirrored",),
}
#: Runtimes of which one process schedules the steps of all workers, one after the other.
SCHEDULED: tuple[Runtime, ...] = ("coordinator",)
