from __future__ import annotations

import pytest

from nworkers.cli.asked.setting_options import settings
from nworkers.models.base.errors import InputError
from nworkers.models.records.setting import Setting

LATENCY, RATE = "link.fetch.latency_s", "link.shared_bandwidth_bytes_per_s"


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        (f"{LATENCY}=50us", Setting(LATENCY, value=50e-6)),
        (f" {LATENCY} = 5e-05 ", Setting(LATENCY, value=5e-5)),
        (f"{LATENCY}=0.5x", Setting(LATENCY, factor=0.5)),
        (f"{LATENCY}=×0.5", Setting(LATENCY, factor=0.5)),
        (f"{LATENCY}=0.5×", Setting(LATENCY, factor=0.5)),
        (f"{RATE}=10Gbit/s", Setting(RATE, value=1.25e9)),
        ("host.push_ps.per_byte_s=3ns/B", Setting("host.push_ps.per_byte_s", value=3e-9)),
        ("host.push_ps.per_tensor_s=3us", Setting("host.push_ps.per_tensor_s", value=3e-6)),
        ("host.memory_bytes=64GiB", Setting("host.memory_bytes", value=2.0**36)),
        ("device.gemm_flops_per_s=10TFLOP/s", Setting("device.gemm_flops_per_s", value=1e13)),
        ("noise.compute=3%", Setting("noise.compute", value=0.03)),
        ("host.cores=8", Setting("host.cores", value=8.0)),
        (
            "device.workloads[a=b].step.floor_s=1ms",
            Setting("device.workloads[a=b].step.floor_s", value=1e-3),
        ),
    ],
)
def test_what_is_set(text: str, setting: Setting) -> None:
    (found,) = settings([text])
    assert found.path == setting.path
    assert found.factor == setting.factor
    assert found.value == pytest.approx(setting.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "PATH=VALUE"),
        (LATENCY, "PATH=VALUE"),
        (f"{LATENCY}=", "PATH=VALUE"),
        ("=50us", "PATH=VALUE"),
        (f"{LATENCY}=10GB/s", "a time such as 50us"),
        (f"{LATENCY}=3%", "a time such as 50us"),
        (f"{RATE}=5us", "a rate such as 10Gbit/s"),
        (f"{LATENCY}=nan", "a time such as 50us"),
        (f"{LATENCY}=1e999", "a time such as 50us"),
        (f"{LATENCY}=0x", "a factor above 0"),
        (f"{LATENCY}=-2x", "a factor above 0"),
        (f"{LATENCY}=infx", "a factor above 0"),
    ],
)
def test_what_sets_nothing(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        settings([text])
