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
