"""Section parts: what sections of a profile for processors and for GPUs are made of alike."""

from __future__ import annotations

from collections.abc import Sequence

from nworkers.models.fitting.laws import AllReduces, LocalProducts, Steps
from nworkers.models.fitting.observations import FittedLaw
from nworkers.models.records.calibration import Burst, Cell, Quantity
from nworkers.models.records.profile import (
    Collective,
    Device,
    Parameter,
    StepTime,
    WorkloadTime,
)


def device(
    name: str,
    bursts: Sequence[Burst],
    gemm: FittedLaw[LocalProducts[Parameter]],
    workload: WorkloadTime[Parameter] | None,
) -> Device[Parameter]:
    flops = [cell.flops for cell in _plain(bursts, "gemm")]
    return Device(
        name=name,
        dispatch_s=gemm.record.dispatch_s,
        products=gemm.record.products,
        gemm_flops=(min(flops), max(flops)),
        workloads=(workload,) if workload else (),
    )


def workload_time(
    name: str,
    bursts: Sequence[Burst],
    steps: FittedLaw[Steps[Parameter]] | None,
    processor: FittedLaw[StepTime[Parameter]] | None,
) -> WorkloadTime[Parameter] | None:
    # An interrupted calibration may hold one without the other.
    if steps is None or processor is None:
        return None
    batches = [cell.batch for cell in _plain(bursts, "step") if cell.path == "process"]
    return WorkloadTime(
        workload=name,
        batches=(min(batches), max(batches)),
        step=steps.record.step,
        gradient_floor_s=steps.record.gradient_floor_s,
        processor=processor.record,
    )


def collective(
    bursts: Sequence[Burst], fitted: FittedLaw[AllReduces[Parameter]]
) -> Collective[Parameter]:
    """As sessions have it: it stands for the strategy's where that was not measured."""
    found, cells = fitted.record, _plain(bursts, "allreduce")
    workers, sizes = [c.workers for c in cells], [float(c.size_bytes) for c in cells]
    return Collective(
        measured=True,
        latency_s=found.session_latency_s,
        bandwidth_bytes_per_s=found.bandwidth_bytes_per_s,
        workers=(min(workers), max(workers)),
        size_bytes=(min(sizes), max(sizes)),
        algorithm=found.algorithm,
        dispatch_s=found.session_dispatch_s,
        session_latency_s=found.session_latency_s,
    )


def _plain(bursts: Sequence[Burst], quantity: Quantity) -> list[Cell]:
    return [b.cell for b in bursts if b.cell.plain and b.cell.quantity == quantity]
