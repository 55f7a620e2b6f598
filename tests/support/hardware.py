"""Other hardware: a profile as it would be with a better link, host or device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from nworkers.models.base.leaves import mapped
from nworkers.models.records.profile import (
    PARAMETERS,
    Parameter,
    Profile,
    StepTime,
    TransferPath,
    WorkloadTime,
    scaled,
)

Better = Callable[[Profile, float], Profile]


def _times(parameter: Parameter | None, factor: float) -> Parameter | None:
    return None if parameter is None else scaled(parameter, factor)


def faster_link(profile: Profile, factor: float) -> Profile:
    """With so many times the bandwidth of every transfer."""

    def path(of: TransferPath[Parameter]) -> TransferPath[Parameter]:
        segments = tuple(
            replace(s, bandwidth_bytes_per_s=scaled(s.bandwidth_bytes_per_s, factor))
            for s in of.segments
        )
        return replace(of, segments=segments)

    link, collective = profile.link, profile.collective
    return replace(
        profile,
        link=replace(
            link,
            fetch=path(link.fetch),
            push=path(link.push),
            shared_bandwidth_bytes_per_s=_times(link.shared_bandwidth_bytes_per_s, factor),
            both_ways_bandwidth_bytes_per_s=_times(link.both_ways_bandwidth_bytes_per_s, factor),
        ),
        collective=replace(
            collective, bandwidth_bytes_per_s=_times(collective.bandwidth_bytes_per_s, factor)
        ),
    )


def less_latency(profile: Profile, factor: float) -> Profile:
    """With latencies of transfers and hops divided by the factor."""

    def path(of: TransferPath[Parameter]) -> TransferPath[Parameter]:
        segments = tuple(replace(s, latency_s=scaled(s.latency_s, 1 / factor)) for s in of.segments)
        return replace(of, segments=segments, after_fetch_s=_times(of.after_fetch_s, 1 / factor))

    link, collective = profile.link, profile.collective
    return replace(
        profile,
        link=replace(link, fetch=path(link.fetch), push=path(link.push)),
        collective=replace(collective, latency_s=_times(collective.latency_s, 1 / factor)),
    )


def more_cores(profile: Profile, factor: float) -> Profile:
    """With so many times the cores on every host."""
    return replace(profile, host=replace(profile.host, cores=profile.host.cores * factor))


def faster_device(profile: Profile, factor: float) -> Profile:
    """With workloads that take as much less time, and as much less of the processors."""

    def quicker(time: StepTime[Parameter]) -> StepTime[Parameter]:
        made: StepTime[Parameter] = mapped(time, PARAMETERS, lambda p: scaled(p, 1 / factor))
        return made

    def workload(of: WorkloadTime[Parameter]) -> WorkloadTime[Parameter]:
        return replace(
            of,
            step=quicker(of.step),
            gradient_floor_s=scaled(of.gradient_floor_s, 1 / factor),
            processor=quicker(of.processor),
        )

    device = profile.device
    segments = tuple(
        replace(s, gemm_flops_per_s=scaled(s.gemm_flops_per_s, factor))
        for s in device.products.segments
    )
    return replace(
        profile,
        device=replace(
            device,
            products=replace(device.products, segments=segments),
            workloads=tuple(workload(of) for of in device.workloads),
        ),
    )


BETTER: Mapping[str, Better] = {
    "a faster link": faster_link,
    "less latency": less_latency,
    "more cores": more_cores,
    "a faster device": faster_device,
}
