"""Calls over TensorFlow's channel: what goes in comes out."""

from __future__ import annotations

import math
from typing import Any

import pytest

from scale.calibrate.sampling import Limits, Samples
from scale.calibrate.task import Role, TaskMethods
from scale.calibrate.wire import (
    decode_arguments,
    decode_result,
    encode_arguments,
    encode_result,
)
from scale.models.calibration import Cell
from scale.models.workload import named_workload

GEMM = named_workload("mlp:8,4,2")


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        (
            TaskMethods.build,
            [[Cell("fetch", "ps", 4), Cell("noop", "process", rest_s=0.002)], GEMM],
        ),
        (TaskMethods.burst, [3, Limits(0.02, 100, 0.25, start_at=12345.678901234567)]),
        (TaskMethods.train, [GEMM, 32, 2]),
        (TaskMethods.processor, []),
    ],
)
def test_arguments_survive(method: Any, arguments: list[Any]) -> None:
    assert decode_arguments(method, encode_arguments(method, arguments)) == arguments


@pytest.mark.parametrize(
    ("method", "result"),
    [
        (TaskMethods.burst, (Samples((1e-9, 0.1), (math.pi,), "precision"), 0.25)),
        (TaskMethods.build, [(0.1, ""), (0.2, "a transfer took too long")]),
        (TaskMethods.train, None),
        (TaskMethods.steps, [0.1, 0.2]),
    ],
)
def test_results_survive_to_the_last_digit(method: Any, result: Any) -> None:
    assert decode_result(method, encode_result(method, result)) == result


def test_a_text_of_another_type_is_refused() -> None:
    with pytest.raises(ValueError, match="Limits"):
        decode_arguments(TaskMethods.burst, ["3", '{"precision": "narrow"}'])


def test_a_role_survives() -> None:
    role = Role("worker", 1, {"ps": ["a:1"], "worker": ["b:2", "c:3"]})
    assert Role.from_text(role.text) == role
    assert (role.name, role.tasks) == ("worker1", 3)
