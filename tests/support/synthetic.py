"""A synthetic calibration: what every cell would take on a machine whose parameters are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nworkers.calibrate.campaigns.plan import plan
from nworkers.calibrate.campaigns.scope import Scope
from nworkers.models.base.all_reduce_terms import ring_terms
from nworkers.models.records.calibration import Burst, Calibration, Cell, Environment, Processor
from nworkers.models.records.workload import named_workload

TRUE = {
    "device.dispatch_s": 20e-6,
    "device.gemm_overhead_s": 15e-6,
    "device.gemm_flops_per_s": 5e10,
    "host.server_dispatch_s": 100e-6,
    "host.dispatch_worker_s": 300e-6,
    "host.fetch_worker.per_request_s": 500e-6,
    "host.fetch_ps.per_byte_s": 0.4e-9,
    "link.dispatch_s": 300e-6,
    "link.fetch.latency_s": 500e-6,
    "link.fetch.per_tensor_s": 50e-6,
    "link.fetch.bandwidth_bytes_per_s": 1.5e9,
    "link.push.latency_s": 600e-6,
    "link.push.after_fetch_s": 350e-6,
    "link.push.bandwidth_bytes_per_s": 1e9,
    "host.apply[sgd].per_byte_s": 0.2e-9,
    "host.apply[adam].floor_s": 90e-6,
    "host.python.latency_s": 70e-6,
    "host.python.bandwidth_bytes_per_s": 2e9,
    "host.coordinator.latency_s": 2e-3,
    "host.coordinator.serial_s": 300e-6,
    "collective.latency_s": 400e-6,
    "collective.bandwidth_bytes_per_s": 8e8,
    "collective.dispatch_s": 700e-6,
    "collective.session_latency_s": 250e-6,
}
STEP_FLOOR_S, STEP_PER_SAMPLE_S = 80e-6, 3e-6
COMPUTE_LOSS = 0.4
APPLY_FLOOR_S = {"sgd": 60e-6, "momentum": 80e-6, "adam": 90e-6}
APPLY_PER_BYTE_S = {"sgd": 0.2e-9, "momentum": 0.3e-9, "adam": 0.5e-9}


def true_seconds(cell: Cell, shared: float | None) -> float:
    """Seconds of a cell on the synthetic machine; ``shared`` is its link's total rate."""
    match cell.quantity, cell.path:
        case (("step" | "gradient"), _):
            seconds = STEP_FLOOR_S + STEP_PER_SAMPLE_S * cell.batch
            if cell.overlap_bytes:
                reduce = replace(cell, quantity="allreduce", size_bytes=cell.overlap_bytes)
                # As long as the shorter of both goes on, compute loses so much of its time.
                seconds = min(
                    seconds + COMPUTE_LOSS * true_seconds(reduce, shared),
                    seconds / (1 - COMPUTE_LOSS),
                )
            return seconds
        case "noop", "coordinator":
            serial_s = TRUE["host.coordinator.serial_s"]
            return TRUE["host.coordinator.latency_s"] + serial_s * (cell.workers - 1)
        case (("noop" | "allreduce"), ("collective" | "mirrored")):
            mirrored = cell.path == "mirrored"
            seconds = TRUE["collective.dispatch_s" if mirrored else "host.server_dispatch_s"]
            if cell.quantity == "allreduce":
                hops, moved = ring_terms(cell.size_bytes, cell.workers)
                seconds += (
                    hops
                    * TRUE["collective.latency_s" if mirrored else "collective.session_latency_s"]
                )
                seconds += moved / TRUE["collective.bandwidth_bytes_per_s"]
            return seconds
        case ("to_python", "server"):
            rate = TRUE["host.python.bandwidth_bytes_per_s"]
            return TRUE["host.python.latency_s"] + cell.size_bytes / rate
        case (("noop" | "gemm" | "to_python"), "process"):
            return TRUE["device.dispatch_s"] + _product_s(cell)
    seconds = TRUE["host.server_dispatch_s"] + _product_s(cell)
    if cell.path == "ps":
        seconds += TRUE["link.dispatch_s"]
    match cell.quantity:
        case "fetch" | "fetch_gemm":
            seconds += _moved_s("fetch", cell, shared)
        case "push":
            seconds += _moved_s("push", cell, shared)
        case "exchange":
            seconds += max(_moved_s(kind, cell, shared) for kind in ("fetch", "push"))
        case "fetch_push":
            saved_s = TRUE["link.push.latency_s"] - TRUE["link.push.after_fetch_s"]
            seconds += _moved_s("fetch", cell, shared) + _moved_s("push", cell, shared) - saved_s
        case "apply":
            seconds += APPLY_FLOOR_S[cell.optimizer]
            seconds += APPLY_PER_BYTE_S[cell.optimizer] * cell.size_bytes
    return seconds


def _product_s(cell: Cell) -> float:
    if not cell.hidden:
        return 0.0
    return TRUE["device.gemm_overhead_s"] + cell.flops / TRUE["device.gemm_flops_per_s"]


def _moved_s(kind: str, cell: Cell, shared: float | None) -> float:
    rate = TRUE[f"link.{kind}.bandwidth_bytes_per_s"]
    if shared is not None:
        rate = min(rate, shared / cell.workers)
    seconds = TRUE[f"link.{kind}.latency_s"] + cell.size_bytes / rate
    if kind == "push":
        seconds += APPLY_PER_BYTE_S["sgd"] * cell.size_bytes
    return seconds + TRUE["link.fetch.per_tensor_s"] * (cell.tensors - 1)


def demand(cell: Cell) -> float:
    """Processor seconds of one operation at either end."""
    seconds = TRUE["host.dispatch_worker_s"]
    if cell.quantity in ("fetch", "push"):
        seconds += TRUE["host.fetch_worker.per_request_s"]
        seconds += TRUE["host.fetch_ps.per_byte_s"] * cell.size_bytes
        seconds += 40e-6 * (cell.tensors - 1)
    return seconds


def synthetic(
    rounds: int = 5, noise: float = 0.03, shared: float | None = None, seed: int = 1
) -> Calibration:
    rng = np.random.default_rng(seed)
    workload = named_workload("mlp:64,32,10")
    bursts: list[Burst] = []
    for number in range(rounds):
        shift = np.exp(0.02 * rng.standard_normal())
        for cell in plan(Scope(), workload).cells:
            for worker in range(cell.workers):
                jitter = np.exp(noise * rng.standard_normal(60))
                samples = true_seconds(cell, shared) * shift * jitter
                taken = float(demand(cell) * 60 * cell.workers * shift)
                alone = cell.path == "process"
                bursts.append(
                    Burst(
                        cell,
                        number,
                        worker,
                        cold_s=0.01,
                        warmup_s=(0.002,),
                        samples_s=tuple(float(s) for s in samples),
                        outliers=(),
                        stop="samples",
                        processor=Processor(
                            60 * cell.workers,
                            taken,
                            0.0 if alone else taken,
                            (1.0 if alone else 2.2) * taken,
                            1.0,
                        )
                        if worker == 0
                        else None,
                    )
                )
    return Calibration(
        environment=Environment("2026-01-01T00:00:00Z", "a synthetic machine"),
        link_kind="loopback",
        evidence="one host",
        cores=2.0,
        ps=1,
        workers=2,
        rounds=rounds,
        complete=True,
        workload=workload,
        bursts=tuple(bursts),
    )
