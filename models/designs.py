"""Designs: which parameters make up the time, or the processor time, of a measured cell.

A row holds the coefficient of each named parameter; None where the model says nothing of the cell,
as of every cell that is not ``plain``. Bandwidths and rates stand as their inverses, so that every
model is linear.
"""

from __future__ import annotations

from collections.abc import Sequence

from scale.models.calibration import Cell

SESSION = (
    "host.server_dispatch_s",
    "link.dispatch_s",
    "link.fetch.latency_s",
    "link.fetch.per_tensor_s",
    "link.fetch.per_byte_s",
    "link.push.latency_s",
    "link.push.per_tensor_s",
    "link.push.per_byte_s",
)
PROCESS = ("device.dispatch_s", "device.gemm_overhead_s", "device.per_flop_s")
DEMAND = (
    "dispatch_{}_s",
    "fetch_{}.per_request_s",
    "fetch_{}.per_tensor_s",
    "fetch_{}.per_byte_s",
    "push_{}.per_request_s",
    "push_{}.per_tensor_s",
    "push_{}.per_byte_s",
)


def session_row(cell: Cell) -> Sequence[float] | None:
    if not cell.plain or cell.path not in ("server", "ps"):
        return None
    if cell.quantity == "noop":
        return (1, float(cell.path == "ps"), 0, 0, 0, 0, 0, 0)
    transfer = (1, cell.tensors - 1, cell.size_bytes)
    if cell.quantity == "fetch":
        return (1, 1, *transfer, 0, 0, 0)
    return (1, 1, 0, 0, 0, *transfer) if cell.quantity == "push" else None


def process_row(cell: Cell) -> Sequence[float] | None:
    if not cell.plain or cell.path != "process":
        return None
    if cell.quantity == "noop":
        return (1, 0, 0)
    return (1, 1, cell.flops) if cell.quantity == "gemm" else None


def demand_row(cell: Cell) -> Sequence[float] | None:
    if not cell.plain or cell.path != "ps":
        return None
    transfer = (1, cell.tensors - 1, cell.size_bytes)
    if cell.quantity == "noop":
        return (1, 0, 0, 0, 0, 0, 0)
    if cell.quantity == "fetch":
        return (1, *transfer, 0, 0, 0)
    return (1, 0, 0, 0, *transfer) if cell.quantity == "push" else None


def step_row(cell: Cell) -> Sequence[float]:
    return (1, cell.batch)


def together_row(cell: Cell) -> Sequence[float]:
    return (1, cell.size_bytes)
