"""Synthetic records for tests: round numbers that were never measured on anything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from nworkers.models.records.profile import (
    Apply,
    Collective,
    Coordinator,
    Copy,
    Demand,
    Device,
    FitRow,
    FlowWeights,
    GemmSegment,
    GpuSection,
    Host,
    Identified,
    Link,
    Noise,
    NotIdentified,
    Parameter,
    Products,
    Profile,
    Segment,
    StepTime,
    ThreadedProducts,
    Threads,
    TransferPath,
    WorkloadTime,
    straight_path,
)
from nworkers.simulator.step.noise import VARYING

DRAWS = 16
WORKLOAD = "gemm:128,256"
#: One whose products are on more threads in larger batches.
THREADED = "mlp:784,32,10"


def parameter(estimate: float, unit: str = "s", spread: float = 0.02, seed: int = 0) -> Identified:
    """A parameter whose draws lie around the estimate, ``spread`` wide in the logarithm."""
    deviates = np.random.default_rng(seed).permutation(np.linspace(-1.8, 1.8, DRAWS))
    draws = tuple(float(d) for d in estimate * np.exp(spread * deviates))
    low, high = np.quantile(draws, [0.05, 0.95])
    return Identified(estimate, (float(low), float(high)), unit, 100, draws)


def estimate(parameter: Parameter | None) -> float:
    """The number of a parameter that is there and identified."""
    assert isinstance(parameter, Identified)
    return parameter.estimate


def interval(parameter: Parameter) -> tuple[float, float]:
    """The interval of a parameter that is identified."""
    assert isinstance(parameter, Identified)
    return parameter.interval


def with_first(path: TransferPath[Parameter], **changes: Any) -> TransferPath[Parameter]:
    """A path with numbers of its first segment changed."""
    small, *larger = path.segments
    return replace(path, segments=(replace(small, **changes), *larger))


def factors(spread: float) -> tuple[float, ...]:
    """A right-skewed factor with median 1, as equally probable values."""
    p = np.linspace(-1.0, 1.0, 41)
    return tuple(float(f) for f in np.exp(spread * (p + 0.5 * np.abs(p) ** 3 * (p > 0))))


def profile(**changes: Any) -> Profile:
    """A synthetic profile with some fields changed, a section's as ``section__field``.

    ``profile(link__discipline="fifo", rounds=3)``
    """
    made = _profile()
    for name, value in changes.items():
        made = _changed(made, name, value)
    return made


def every_feature(**changes: Any) -> Profile:
    """A synthetic network with every optional feature on; changes as in `profile`.

    Small tensors pass through a buffer, at a rate that is not identified; large ones have a token
    bucket's credit.
    """
    seeds = iter(range(100, 300))

    def p(estimate: float, unit: str = "s", spread: float = 0.02) -> Identified:
        return parameter(estimate, unit, spread, seed=next(seeds))

    def path(latency_s: float, after_fetch_s: float | None) -> TransferPath[Parameter]:
        small = NotIdentified(7e14, "bytes/s", 100, (7e14,) * DRAWS)
        return TransferPath(
            p(1e-4),
            p(5e-5),
            (
                Segment(0.0, p(latency_s), small),
                Segment(16e3, p(0.8 * latency_s), p(2e8, "bytes/s")),
            ),
            None if after_fetch_s is None else p(after_fetch_s),
            credit_bytes=8e3,
        )

    def threads(alone_s: float, join_s: float, joins: int) -> Threads[Parameter]:
        products = (ThreadedProducts(joins, 0.6, 2), ThreadedProducts(3 * joins, 0.4, 3))
        return Threads(p(alone_s), p(join_s), products)

    base = _profile()
    (known,) = base.device.workloads
    within: dict[str, tuple[float, ...]] = {
        name: factors(0.1) for name in VARYING if name != "round"
    }
    made = replace(
        base,
        device=replace(
            base.device,
            products=Products(
                (
                    GemmSegment(0.0, p(5e-5), p(5e10, "flop/s")),
                    GemmSegment(1e8, p(8e-5), p(8e10, "flop/s")),
                ),
                "sum",
                p(1e10, "bytes/s"),
            ),
            workloads=(
                replace(
                    known,
                    step=replace(known.step, plateau_s=p(1e-3)),
                    processor=replace(known.processor, plateau_s=p(1e-3)),
                    activation_bytes_per_sample=1e4,
                ),
                WorkloadTime(
                    THREADED,
                    (1, 512),
                    StepTime(p(3e-4), p(3e-5), threads=threads(8e-5, 5e-5, 200)),
                    p(2e-4),
                    StepTime(p(4e-4), p(4e-5), threads=threads(8e-5, 2e-5, 40)),
                    1e4,
                ),
            ),
        ),
        host=replace(
            base.host,
            apply=tuple(Apply(o, p(2e-5), p(1e-10)) for o in ("sgd", "momentum", "adam")),
            python=Copy(p(1e-4), p(1e10, "bytes/s")),
            coordinator=Coordinator(p(8e-4), p(5e-4)),
            input=StepTime(p(1e-4), p(2e-5), p(5e-4)),
            memory_bytes=64e9,
        ),
        link=replace(
            base.link,
            fetch=path(6e-4, None),
            push=path(7e-4, 4e-4),
            shared_bandwidth_bytes_per_s=p(2.2e8, "bytes/s"),
            wire_latency_s=p(5e-5),
            duplex="full",
            both_ways_bandwidth_bytes_per_s=p(1.7e8, "bytes/s"),
            flow_weights=(FlowWeights(2, 1e6, 0.4), FlowWeights(8, 1e6, 0.6)),
        ),
        collective=Collective(
            True,
            p(9e-4),
            p(1.5e8, "bytes/s"),
            workers=(2, 4),
            size_bytes=(4.0, 1.6e7),
            dispatch_s=p(1e-4),
            session_latency_s=p(5e-4),
            processor_per_hop_s=p(1e-4),
            processor_per_byte_s=p(2e-9),
            compute_loss=0.5,
        ),
        noise=Noise(within, base.noise.between, dict.fromkeys(within, 0.3)),
    )
    for name, value in changes.items():
        made = _changed(made, name, value)
    return made


def gpu_section(**changes: Any) -> GpuSection[Parameter]:
    """A made-up GPU whose transfers were measured."""
    seeds = iter(range(300, 400))

    def p(estimate: float, unit: str = "s") -> Identified:
        return parameter(estimate, unit, seed=next(seeds))

    def path(latency_s: float, after_fetch_s: Parameter | None) -> TransferPath[Parameter]:
        segment: Segment[Parameter] = Segment(0.0, p(latency_s), p(1e9, "bytes/s"))
        return TransferPath(p(2e-4), p(1e-4), (segment,), after_fetch_s)

    known: WorkloadTime[Parameter] = WorkloadTime(
        "mlp:784,64,64,10",
        (1, 128),
        StepTime(p(3e-4), p(1e-6)),
        p(2.5e-4),
        StepTime(p(3e-4), p(1e-6)),
    )
    made: GpuSection[Parameter] = GpuSection(
        count=1,
        device=Device(
            name="synthetic GPU",
            dispatch_s=p(5e-5),
            products=Products(
                (GemmSegment(0.0, p(3e-5), p(1e13, "flop/s")),), "sum", p(1e12, "bytes/s")
            ),
            gemm_flops=(1e6, 1e9),
            workloads=(known,),
            kind="gpu",
            busy_share=0.9,
            discipline="fair",
        ),
        noise=Noise({"compute": (0.9, 1.1)}, ({"compute": 1.02}, {"compute": 0.98})),
        fit=(),
        copy_in=Copy(p(9e-5), p(1e10, "bytes/s")),
        copy_out=Copy(p(3e-4), p(3e10, "bytes/s")),
        server_dispatch_s=p(4e-4),
        ps_dispatch_s=p(6e-4),
        fetch=path(7e-4, None),
        push=path(8e-4, p(5e-4)),
        collective=Collective(
            True,
            p(3e-4),
            p(2e9, "bytes/s"),
            workers=(2, 4),
            size_bytes=(4.0, 1.6e7),
            dispatch_s=p(2e-4),
            session_latency_s=p(3e-4),
        ),
    )
    return replace(made, **changes)


def _changed(made: Profile, name: str, value: Any) -> Profile:
    section, _, entry = name.partition("__")
    if entry:
        value = replace(getattr(made, section), **{entry: value})
    return replace(made, **{section: value})


def _profile() -> Profile:
    seeds = iter(range(1, 100))

    def p(estimate: float, unit: str = "s", spread: float = 0.02) -> Identified:
        return parameter(estimate, unit, spread, seed=next(seeds))

    def demand(per_request_s: float) -> Demand[Parameter]:
        return Demand(p(per_request_s), p(per_request_s / 10), p(1e-10, "s/B"))

    def step(floor_s: float, per_sample_s: float) -> StepTime[Parameter]:
        return StepTime(p(floor_s), p(per_sample_s))

    return Profile(
        name="synthetic",
        hardware="none: made up for tests",
        measured_at="2026-01-01T00:00:00Z",
        samples_sha256="0" * 64,
        rounds=5,
        provisional=False,
        device=Device(
            name="synthetic device",
            dispatch_s=p(2e-4),
            products=Products((GemmSegment(0.0, p(5e-5), p(5e10, "1/s")),)),
            gemm_flops=(1e6, 1e9),
            workloads=(
                WorkloadTime(
                    WORKLOAD,
                    (1, 128),
                    step(4e-4, 2e-4),
                    p(3.5e-4),
                    step(4e-4, 2.2e-4),
                ),
            ),
        ),
        host=Host(
            cores=2.0,
            server_dispatch_s=p(3e-4),
            dispatch_worker_s=p(2e-4),
            dispatch_ps_s=p(5e-5),
            fetch_worker=demand(2e-4),
            fetch_ps=demand(2e-4),
            push_worker=demand(2e-4),
            push_ps=demand(2e-4),
            os_overhead_share=0.1,
            concurrency=2,
        ),
        link=Link(
            kind="network",
            evidence="emulated hosts",
            dispatch_s=p(2e-4),
            fetch=straight_path(p(6e-4), p(1e-4), p(2.5e8, "B/s")),
            push=straight_path(p(6e-4), p(1e-4), p(2.5e8, "B/s")),
            shared_bandwidth_bytes_per_s=p(2.5e8, "B/s"),
            discipline="fair",
            discipline_evidence="measured",
            size_bytes=(4.0, 64e6),
            tensors=(1, 32),
        ),
        collective=Collective(measured=False),
        noise=Noise(
            within={name: factors(0.1) for name in ("dispatch", "fetch", "compute", "push")},
            between=tuple(
                {"dispatch": d, "fetch": f, "compute": c, "push": f}
                for d, f, c in (
                    (1.00, 1.02, 0.99),
                    (0.97, 0.98, 1.01),
                    (1.03, 1.00, 1.00),
                    (1.01, 0.97, 1.02),
                    (0.99, 1.03, 0.98),
                )
            ),
        ),
        fit=(FitRow("fetch", 10, 3, 0.02, 0.06),),
        workload=WORKLOAD,
    )
