from __future__ import annotations

import pytest

from nworkers.models.findings.environment_diff import differences

HERE = {
    "cpu_model": "A",
    "cores_usable": "2",
    "machine": "x86_64",
    "memory_total": "8000000 kB",
    "tensorflow-cpu": "2.21.0",
    "python": "3.12.3",
}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ()),
        ({"python": "3.12.9", "memory_total": "8000100 kB", "load_1min_before": "9"}, ()),
        ({"python": "3.11.3"}, ("python was 3.12, is 3.11",)),
        ({"cpu_model": "B"}, ("processor was A, is B",)),
        ({"cores_usable": "4"}, ("cores was 2, is 4",)),
        ({"memory_total": "4000000 kB"}, ("memory was 8000000 kB, is 4000000 kB",)),
        (
            {"tensorflow-cpu": "2.20.0", "machine": "aarch64"},
            ("machine was x86_64, is aarch64", "tensorflow-cpu was 2.21.0, is 2.20.0"),
        ),
    ],
)
def test_differences_are_named(changed: dict[str, str], said: tuple[str, ...]) -> None:
    assert differences(HERE, HERE | changed) == said


H100 = {
    "gpu": "NVIDIA H100 80GB HBM3",
    "gpus": "1",
    "gpu_memory": "81559",
    "gpu_power_limit": "700",
    "gpu_driver": "570.86.15",
}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"gpu_driver": "580.65.06", "gpu_memory": "81079"}, ()),
        (
            {"gpu": "NVIDIA A100-SXM4-80GB", "gpu_power_limit": "400"},
            (
                "GPU was NVIDIA H100 80GB HBM3, is NVIDIA A100-SXM4-80GB",
                "GPU power limit was 700, is 400",
            ),
        ),
        ({"gpus": "8"}, ("GPUs was 1, is 8",)),
    ],
)
def test_another_gpu_is_another_machine(changed: dict[str, str], said: tuple[str, ...]) -> None:
    assert differences(HERE | H100, HERE | H100 | changed) == said


def test_a_gpu_that_was_not_there_is_another_machine() -> None:
    first, *_ = differences(HERE, HERE | H100)
    assert first == "GPU was not installed, is NVIDIA H100 80GB HBM3"
