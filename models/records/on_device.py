"""On device: a profile as a worker on another device sees it, or with another profile's device."""

from __future__ import annotations

from dataclasses import replace

from nworkers.models.base.errors import InputError
from nworkers.models.records.combined_parameter import combined
from nworkers.models.records.profile import (
    Copy,
    Noise,
    Parameter,
    Profile,
    Section,
    Segment,
    TransferPath,
)

#: What is left at least of a copy's latency when an empty step's is taken out of it.
_LEAST_S = 1e-9


def on_gpu(profile: Profile) -> Profile:
    """The profile with the GPU as its device, and with transfers that end in its memory.

    Where those were not measured, each tensor is in the host's memory on its way: by Hockney's law
    latencies add up, and so do the times of bytes.

    Raises:
        InputError: it has no GPU.
    """
    gpu = profile.gpu
    if gpu is None:
        raise InputError(
            "device", "gpu", f"cpu: {profile.name} has no GPU measured, or a <calibration> that has"
        )
    host, link = profile.host, profile.link
    dispatch_s = gpu.device.dispatch_s
    if gpu.server_dispatch_s is not None:
        host = replace(host, server_dispatch_s=gpu.server_dispatch_s)
    if gpu.ps_dispatch_s is not None:
        # Fitted beside the others: together they are what a step with a ps takes.
        link = replace(link, dispatch_s=gpu.ps_dispatch_s)
    fetch, push = gpu.fetch, gpu.push
    if fetch is None:
        fetch = _through(link.fetch, gpu.copy_in, dispatch_s, profile.draws)
    if push is None:
        push = _through(link.push, gpu.copy_out, profile.device.dispatch_s, profile.draws)
    measured = {row.operation for row in gpu.fit}
    return replace(
        profile,
        device=gpu.device,
        host=host,
        link=replace(link, fetch=fetch, push=push),
        collective=gpu.collective or profile.collective,
        noise=_noise(profile.noise, gpu.noise),
        fit=(*gpu.fit, *(row for row in profile.fit if row.operation not in measured)),
    )


def _through(
    path: TransferPath[Parameter], copy: Copy[Parameter] | None, step_s: Parameter, draws: int
) -> TransferPath[Parameter]:
    """A path to the host's memory with a copy of each tensor after it, or before.

    Args:
        step_s: the empty step that is in the copy's latency.
    """
    if copy is None:
        return path

    def later(latency_s: Parameter) -> Parameter:
        return combined(
            lambda wire_s, copied_s, empty_s: wire_s + max(_LEAST_S, copied_s - empty_s),
            "s",
            latency_s,
            copy.latency_s,
            step_s,
            draws=draws,
        )

    def slower(rate: Parameter) -> Parameter:
        return combined(
            lambda one, other: 1 / (1 / one + 1 / other),
            "bytes/s",
            rate,
            copy.bandwidth_bytes_per_s,
            draws=draws,
        )

    return replace(
        path,
        per_tensor_s=later(path.per_tensor_s),
        after_fetch_s=None if path.after_fetch_s is None else later(path.after_fetch_s),
        segments=tuple(
            Segment(s.from_bytes, later(s.latency_s), slower(s.bandwidth_bytes_per_s))
            for s in path.segments
        ),
    )


def _noise(host: Noise, gpu: Noise) -> Noise:
    """The host's variation, and in its place the GPU's of what was measured there."""
    between = tuple(
        of | gpu.between[number % len(gpu.between)] for number, of in enumerate(host.between)
    )
    return Noise(host.within | gpu.within, between, host.autocorrelation | gpu.autocorrelation)


def with_device(profile: Profile, other: Profile) -> Profile:
    """This profile with the devices of another's hosts: their processors' compute, and their GPUs.

    Transfers into a GPU were measured over the other's link; over this one they go through the
    host's memory.
    """
    sections: tuple[Section, ...] = ("device", "noise")
    return replace(
        profile,
        name=f"{profile.name} with the device of {other.name}",
        device=other.device,
        gpu=through_host_memory(other).gpu,
        noise=_noise(profile.noise, _of_compute(other.noise)),
        stand_ins={s: base for s, base in profile.stand_ins.items() if s not in sections},
        workload=other.workload or profile.workload,
        batch=other.batch if other.workload else profile.batch,
    )


def through_host_memory(profile: Profile) -> Profile:
    """The profile without the transfers into its GPU that were measured: over another link."""
    if profile.gpu is None:
        return profile
    gpu = replace(profile.gpu, ps_dispatch_s=None, fetch=None, push=None, collective=None)
    return replace(profile, gpu=gpu)


def _of_compute(noise: Noise) -> Noise:
    """The variation of compute alone."""

    def chosen(of: dict[str, float]) -> dict[str, float]:
        return {name: value for name, value in of.items() if name == "compute"}

    return Noise(
        {name: bins for name, bins in noise.within.items() if name == "compute"},
        tuple(chosen(of) for of in noise.between),
        chosen(noise.autocorrelation),
    )
