"""Scaled link: a profile whose latency or dispatch is so many times what it was."""

from __future__ import annotations

from dataclasses import replace

from nworkers.models.records.profile import Parameter, Profile, Segment, TransferPath, scaled


def with_latency(profile: Profile, factor: float) -> Profile:
    """Every request's latency times ``factor``; what it takes of the processors stays."""

    def each(of: tuple[Segment[Parameter], ...]) -> tuple[Segment[Parameter], ...]:
        return tuple(replace(one, latency_s=scaled(one.latency_s, factor)) for one in of)

    def path(of: TransferPath[Parameter]) -> TransferPath[Parameter]:
        return replace(
            of,
            per_tensor_s=scaled(of.per_tensor_s, factor),
            several_s=_scaled(of.several_s, factor),
            after_fetch_s=_scaled(of.after_fetch_s, factor),
            segments=each(of.segments),
        )

    link, collective = profile.link, profile.collective
    inner = collective.inner
    return replace(
        profile,
        link=replace(link, fetch=path(link.fetch), push=path(link.push)),
        collective=replace(
            collective,
            latency_s=_scaled(collective.latency_s, factor),
            segments=each(collective.segments),
            inner=None if inner is None else replace(inner, segments=each(inner.segments)),
        ),
    )


def with_dispatch(profile: Profile, factor: float) -> Profile:
    """Every worker's dispatch of a step times ``factor``, at the wall and of the processors."""
    host, link, collective = profile.host, profile.link, profile.collective
    coordinator = host.coordinator
    if coordinator is not None:
        coordinator = replace(
            coordinator,
            latency_s=scaled(coordinator.latency_s, factor),
            serial_s=scaled(coordinator.serial_s, factor),
        )
    return replace(
        profile,
        host=replace(
            host,
            server_dispatch_s=scaled(host.server_dispatch_s, factor),
            dispatch_worker_s=scaled(host.dispatch_worker_s, factor),
            dispatch_ps_s=scaled(host.dispatch_ps_s, factor),
            coordinator=coordinator,
        ),
        link=replace(link, dispatch_s=scaled(link.dispatch_s, factor)),
        # One process keeps its own.
        collective=replace(
            collective,
            dispatch_s=scaled(collective.dispatch_s or profile.device.dispatch_s, factor),
        ),
    )


def _scaled(parameter: Parameter | None, factor: float) -> Parameter | None:
    return None if parameter is None else scaled(parameter, factor)
