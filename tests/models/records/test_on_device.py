"""A profile as a worker on another device sees it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.files.shipped import shipped_profile
from nworkers.models.records.on_device import on_gpu, through_host_memory, with_device
from nworkers.models.records.profile import GpuSection, Parameter, Profile, value_at
from tests.support.factories import parameter, profile

H100 = shipped_profile("h100")


def gpu_of(made: Profile) -> GpuSection[Parameter]:
    assert made.gpu is not None
    return made.gpu


def test_a_tensor_on_its_way_into_a_gpu_is_copied_once_more() -> None:
    gpu, there = gpu_of(H100), on_gpu(H100)
    assert gpu.copy_in is not None
    copied_s = value_at(gpu.copy_in.latency_s, None) - value_at(gpu.device.dispatch_s, None)
    for before, after in (
        (H100.link.fetch.segments[0].latency_s, there.link.fetch.segments[0].latency_s),
        (H100.link.fetch.per_tensor_s, there.link.fetch.per_tensor_s),
    ):
        assert value_at(after, None) == pytest.approx(value_at(before, None) + copied_s)
        assert value_at(after, 7) > value_at(before, 7)
    rates = [
        value_at(rate, None)
        for rate in (
            H100.link.fetch.segments[-1].bandwidth_bytes_per_s,
            gpu.copy_in.bandwidth_bytes_per_s,
            there.link.fetch.segments[-1].bandwidth_bytes_per_s,
        )
    ]
    assert 1 / rates[2] == pytest.approx(1 / rates[0] + 1 / rates[1])


def test_what_was_measured_into_a_gpu_is_taken_as_it_is() -> None:
    measured = replace(
        gpu_of(H100),
        fetch=H100.link.push,
        push=H100.link.fetch,
        server_dispatch_s=parameter(1e-3),
        ps_dispatch_s=parameter(2e-3),
    )
    there = on_gpu(replace(H100, gpu=measured))
    assert there.link.fetch == H100.link.push
    assert there.link.push == H100.link.fetch
    assert value_at(there.host.server_dispatch_s, None) == 1e-3
    assert value_at(there.link.dispatch_s, None) == 2e-3


def test_compute_and_its_variation_are_the_gpu_s_and_the_rest_the_host_s() -> None:
    there = on_gpu(H100)
    assert there.device.kind == "gpu"
    assert there.noise.within["compute"] == gpu_of(H100).noise.within["compute"]
    assert there.noise.within["fetch"] == H100.noise.within["fetch"]
    assert len(there.noise.between) == len(H100.noise.between)
    assert there.host == H100.host


def test_without_a_gpu_the_error_says_what_there_is() -> None:
    with pytest.raises(InputError, match="got gpu; allowed: cpu: synthetic has no GPU measured"):
        on_gpu(profile())


def test_another_host_s_device_comes_with_its_gpu_and_this_link() -> None:
    wire = shipped_profile("emulated-1gbit")
    made = with_device(wire, H100)
    assert made.device == H100.device
    assert made.link == wire.link
    assert made.noise.within["compute"] == H100.noise.within["compute"]
    assert made.noise.within["fetch"] == wire.noise.within["fetch"]
    assert made.stand_ins.keys() == {"host", "link", "collective"}
    there = on_gpu(made)
    assert value_at(there.link.fetch.per_tensor_s, None) > value_at(
        wire.link.fetch.per_tensor_s, None
    )


def test_transfers_measured_over_another_link_are_not_taken() -> None:
    measured = replace(H100, gpu=replace(gpu_of(H100), fetch=H100.link.fetch))
    assert gpu_of(through_host_memory(measured)).fetch is None
    assert through_host_memory(profile()) == profile()
