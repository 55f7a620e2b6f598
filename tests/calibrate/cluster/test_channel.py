"""Calls over TensorFlow's channel: what goes in comes out."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest

from nworkers.calibrate.cluster.channel import (
    decode_arguments,
    decode_result,
    encode_arguments,
    encode_result,
)
from nworkers.calibrate.cluster.task import TaskMethods
from nworkers.calibrate.probes.sampling import Limits, Samples
from nworkers.calibrate.training.tasks import Role
from nworkers.calibrate.training.trainer import TrainingJob
from nworkers.models.records.calibration import Cell
from nworkers.models.records.workload import named_workload

GEMM = named_workload("mlp:8,4,2")


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        (
            TaskMethods.build,
            [[Cell("fetch", "ps", 4), Cell("noop", "process", rest_s=0.002)], GEMM],
        ),
        (TaskMethods.burst, [3, Limits(0.02, 100, 0.25, start_at=12345.678901234567)]),
        (TaskMethods.train, [TrainingJob(GEMM, "ps-sync", "session", 32, workers=2, ps=1)]),
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
        (TaskMethods.steps, [[0.1, 0.2], [0.3]]),
    ],
)
def test_results_survive_to_the_last_digit(method: Any, result: Any) -> None:
    assert decode_result(method, encode_result(method, result)) == result


def test_a_text_of_another_type_is_refused() -> None:
    with pytest.raises(ValueError, match="Limits"):
        decode_arguments(TaskMethods.burst, ["3", '{"precision": "narrow"}'])


SILENT = """
import socket, sys, time
from nworkers.calibrate.cluster.task import TaskMethods
from nworkers.calibrate.cluster.channel import Line, Unreachable

with socket.create_server(("127.0.0.1", 0)) as silent:
    address = f"127.0.0.1:{silent.getsockname()[1]}"
    line = Line(address, "us", TaskMethods, lambda: None)
    import tensorflow
    began = time.monotonic()
    try:
        line.hello(2.0)
    except Unreachable as problem:
        print(f"{time.monotonic() - began:.1f} {problem}")
"""


@pytest.mark.tensorflow
def test_a_server_that_takes_connections_and_says_nothing_is_given_up() -> None:
    """As one is that dies between its connection and its first answer."""
    done = subprocess.run(
        [sys.executable, "-c", SILENT], capture_output=True, text=True, check=False, timeout=90
    )
    seconds, _, words = done.stdout.partition(" ")
    assert "takes no calls" in words, done.stderr
    assert float(seconds) < 20


def test_a_role_survives() -> None:
    role = Role("worker", 1, {"ps": ["a:1"], "worker": ["b:2", "c:3"]}, "session")
    assert Role.from_text(role.text) == role
    assert (role.name, role.tasks) == ("worker1", 3)
