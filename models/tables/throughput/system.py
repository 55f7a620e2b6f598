"""System: a profile made of the few costs that throughput alone can tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, get_args

from nworkers.models.base.statistics import lognormal_bins
from nworkers.models.records.combined_parameter import combined
from nworkers.models.records.profile import (
    Collective,
    Demand,
    GemmSegment,
    Host,
    Link,
    Noise,
    NotIdentified,
    Parameter,
    Products,
    Profile,
    StepTime,
    WorkloadTime,
    straight_path,
)

#: What all rows of a system share:
#:
#: - ``spread``: standard deviation of the logarithm of a worker's compute from step to step, for
#:   which synchronous workers wait at the barrier.
#: - ``per_tensor_s``: seconds for each variable, in each direction between a worker and a ps.
#: - ``per_byte_s``: one over the bytes per second that a node passes in each direction.
#: - ``hop_s``, ``ring_per_byte_s``: latency of a step of the ring, and one over its bandwidth.
#: - ``inner_per_byte_s``: one over the bandwidth of a ring inside one node, if rows tell it apart.
Cost = Literal[
    "spread", "per_tensor_s", "per_byte_s", "hop_s", "ring_per_byte_s", "inner_per_byte_s"
]
COSTS: tuple[Cost, ...] = get_args(Cost)
PS_COSTS: tuple[Cost, ...] = ("per_tensor_s", "per_byte_s")
RING_COSTS: tuple[Cost, ...] = ("hop_s", "ring_per_byte_s", "inner_per_byte_s")
UNITS: dict[Cost, str] = {
    "spread": "",
    "per_tensor_s": "s",
    "per_byte_s": "s/byte",
    "hop_s": "s",
    "ring_per_byte_s": "s/byte",
    "inner_per_byte_s": "s/byte",
}
#: What is too small to see: a thousandth of a nanosecond, a byte at a billion gigabytes a second.
NOTHING: dict[Cost, float] = {
    "spread": 0.0,
    "per_tensor_s": 1e-12,
    "per_byte_s": 1e-18,
    "hop_s": 1e-12,
    "ring_per_byte_s": 1e-18,
    "inner_per_byte_s": 1e-18,
}
NOTHING_S = 1e-12


def constant(value: float, unit: str = "s", draws: int = 1) -> Parameter:
    """A parameter that is not identified: what no row tells, or a trial value."""
    return NotIdentified(value, unit, 0, (value,) * draws)


def trial(
    base: Profile, costs: Mapping[Cost, float], workload: str, batch: int, step_s: float
) -> Profile:
    """One draw's hardware, for one workload whose step at ``batch`` takes ``step_s`` alone."""
    fixed = {
        cost: constant(max(value, NOTHING[cost]), UNITS[cost]) for cost, value in costs.items()
    }
    line = StepTime(constant(NOTHING_S), constant(step_s / batch, "s/sample"))
    time = workload_time(workload, (batch, batch), line, line.floor_s, 1)
    return hardware(base, fixed, costs.get("spread", 0.0), (time,))


def workload_time(
    name: str,
    batches: tuple[int, int],
    step: StepTime[Parameter],
    gradient_floor_s: Parameter,
    draws: int,
) -> WorkloadTime[Parameter]:
    """A measured step; nothing is known of its processor time, and none is charged."""
    none = StepTime(constant(NOTHING_S, draws=draws), constant(NOTHING_S, "s/sample", draws))
    return WorkloadTime(name, batches, step, gradient_floor_s, none)


def hardware(
    base: Profile,
    costs: Mapping[Cost, Parameter],
    spread: float,
    workloads: Sequence[WorkloadTime[Parameter]],
    *,
    workers_per_host: int = 1,
    concurrency: int = 1,
    sizes: tuple[tuple[float, float], tuple[int, int]] = ((1.0, 1.0), (1, 1)),
) -> Profile:
    """The base with every section replaced of which throughput tells anything.

    The dispatch is within the measured step, and processors within every time, so neither is
    charged again. Without a cost of ps or of the ring, the link or the collective stays the base's.

    Args:
        workers_per_host: stands for the cores of a host, on which as many workers train at once.
        sizes: bytes and number of the tensors that were moved, from least to most.
    """
    draws = len(workloads[0].step.per_sample_s.draws)
    none, per_byte = constant(NOTHING_S, draws=draws), constant(1e-18, "s/byte", draws)
    demand = Demand(none, none, per_byte)
    link, collective = base.link, base.collective
    if "per_byte_s" in costs:
        bandwidth = _inverse(costs["per_byte_s"], draws)
        per_tensor = costs["per_tensor_s"]
        path = straight_path(per_tensor, per_tensor, bandwidth)
        link = Link(
            kind="network",
            evidence="imported",
            dispatch_s=none,
            fetch=path,
            push=path,
            shared_bandwidth_bytes_per_s=bandwidth,
            discipline=base.link.discipline,
            discipline_evidence="assumed",
            size_bytes=sizes[0],
            tensors=sizes[1],
        )
        collective = Collective(measured=False)
    if "hop_s" in costs:
        collective = Collective(
            measured=True,
            latency_s=costs["hop_s"],
            bandwidth_bytes_per_s=_inverse(costs["ring_per_byte_s"], draws),
            imported=True,
        )
    return replace(
        base,
        device=replace(
            base.device,
            dispatch_s=none,
            products=products(none, base.device.products.segments[0].gemm_flops_per_s),
            workloads=tuple(workloads),
        ),
        host=Host(
            cores=float(workers_per_host),
            server_dispatch_s=none,
            dispatch_worker_s=none,
            dispatch_ps_s=none,
            fetch_worker=demand,
            fetch_ps=demand,
            push_worker=demand,
            push_ps=demand,
            os_overhead_share=0.0,
            concurrency=concurrency,
        ),
        link=link,
        collective=collective,
        noise=Noise(within={"compute": lognormal_bins(spread)}, between=({"compute": 1.0},)),
    )


def products(overhead_s: Parameter, flops_per_s: Parameter) -> Products[Parameter]:
    """Products of one rate, whatever their size."""
    return Products((GemmSegment(0.0, overhead_s, flops_per_s),))


def _inverse(per_unit: Parameter, draws: int) -> Parameter:
    return combined(lambda s: 1.0 / s, "bytes/s", per_unit, draws=draws)
