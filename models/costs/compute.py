"""Compute: the seconds of a step's arithmetic, from the best source there is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from nworkers.models.base.draws import larger, smaller
from nworkers.models.base.errors import InputError
from nworkers.models.costs.laws import product_s, step_s
from nworkers.models.costs.layers import product_bytes
from nworkers.models.records.profile import Drawn
from nworkers.models.records.workload import StepSeconds, Workload

#: Log-deviation added to a compute time that comes from the GEMM rate instead of a measured step:
#: a stated judgement, since kernels of real layers reach between half and twice that rate.
GEMM_RATE_LOG_SPREAD = 0.35
#: The same for each doubling beyond a measured range.
RANGE_LOG_SPREAD = 0.10


#: How compute varies about a time: as it was measured about its median; as that, about its mean;
#: not at all, where a file states nothing but the time.
Chance = Literal["about median", "about mean", "none"]


@dataclass(frozen=True)
class ComputeTime:
    """One step's compute at one batch: with dispatch and apply (``step_s``), and without them."""

    source: str
    chance: Chance
    step_s: float
    gradient_s: float
    processor_s: float
    log_spread: float


def as_fast(computed: ComputeTime, factor: float | None, dispatch_s: float) -> ComputeTime:
    """The same where the device computes so many times as fast; a step's dispatch stays."""
    if factor is None:
        return computed
    saved_s = larger(0.0, computed.step_s - dispatch_s) * (1.0 - 1.0 / factor)
    return replace(
        computed,
        step_s=computed.step_s - saved_s,
        gradient_s=computed.gradient_s / factor,
        processor_s=computed.processor_s / factor,
    )


def doublings_outside(value: float, low: float, high: float) -> float:
    """How many doublings ``value`` lies beyond [low, high]; 0 inside."""
    if value > high:
        return math.log2(value / high)
    return math.log2(low / value) if value < low else 0.0


def _between(rows: Sequence[StepSeconds], batch: int, dispatch_s: float) -> tuple[float, float]:
    """Seconds and processor seconds of a table at a batch.

    Linear between its rows, in proportion above. Below it is constant, since the floor may have
    been reached; but a single row tells of none, and then all but the dispatch is in proportion.
    """
    first, last = rows[0], rows[-1]
    if batch <= first.batch and len(rows) == 1:
        share = batch / first.batch
        floor_s = smaller(dispatch_s, first.seconds)
        return floor_s + share * (first.seconds - floor_s), share * first.processor_s
    if batch <= first.batch:
        return first.seconds, first.processor_s
    for low, high in pairwise(rows):
        if batch <= high.batch:
            share = (batch - low.batch) / (high.batch - low.batch)
            return (
                low.seconds + share * (high.seconds - low.seconds),
                low.processor_s + share * (high.processor_s - low.processor_s),
            )
    more = batch / last.batch
    return last.seconds * more, last.processor_s * more


def _from_table(
    source: str, rows: Sequence[StepSeconds], batch: int, dispatch_s: float
) -> ComputeTime:
    seconds, processor_s = _between(rows, batch, dispatch_s)
    return ComputeTime(
        source,
        "about mean",
        seconds,
        larger(0.0, seconds - dispatch_s),
        processor_s,
        RANGE_LOG_SPREAD * doublings_outside(batch, rows[0].batch, rows[-1].batch),
    )


def compute_time(known: Drawn, workload: Workload, batch: int) -> ComputeTime:
    """The compute of one step from the best source there is.

    In order: what a step is stated to take; the step measured on this device, or the file's own
    table; the file's cost; FLOPs over the fitted GEMM rate.

    Raises:
        InputError: the workload states no cost and is unknown to the device.
    """
    device = known.device
    dispatch_s = device.dispatch_s
    if workload.stated_step:
        return _from_table("stated", workload.stated_step, batch, dispatch_s)
    for measured in device.workloads:
        if measured.workload == workload.name:
            low, high = measured.batches
            return ComputeTime(
                "step_table",
                "about median",
                step_s(measured.step, batch),
                larger(0.0, step_s(measured.gradient, batch) - dispatch_s),
                step_s(measured.processor, batch),
                RANGE_LOG_SPREAD * doublings_outside(batch, low, high),
            )
    if workload.step:
        return _from_table("step_table", workload.step, batch, dispatch_s)
    if workload.cost:
        seconds = workload.cost.floor_s + workload.cost.per_sample_s * batch
        return ComputeTime("workload_file", "none", dispatch_s + seconds, seconds, 0.0, 0.0)
    if workload.flops_per_sample:
        flops = workload.flops_per_sample * batch
        seconds = product_s(device.products, flops, product_bytes(workload, batch))
        # A processor computes on all its cores; for a GPU one thread queues kernels and waits.
        threads = known.host.cores if device.kind == "cpu" else 1.0
        return ComputeTime(
            "gemm_rate",
            "about median",
            dispatch_s + seconds,
            seconds,
            seconds * threads,
            GEMM_RATE_LOG_SPREAD,
        )
    raise InputError(
        "workload", workload.name, "a workload with [cost], [[step]] or flops_per_sample"
    )
