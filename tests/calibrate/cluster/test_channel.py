"""Calls over a channel: what goes in comes out, whatever carries it."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nworkers.calibrate.cluster import channel
from nworkers.calibrate.cluster.channel import (
    ChannelBusy,
    ClientChannel,
    ServerChannel,
    Unreachable,
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
from tests.support.in_memory_channel import InMemoryChannel

GEMM = named_workload("mlp:8,4,2")


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        (
            TaskMethods.build,
            [[Cell("fetch", "ps", 4), Cell("noop", "process", idle_s=0.002)], GEMM],
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


class Doubling:
    """What a task of these tests answers."""

    def double(self, numbers: list[float]) -> list[float]:
        return [2 * number for number in numbers]

    def fail(self) -> None:
        raise ValueError("as asked")


class Served:
    """A task behind an in-memory channel, and what it was told at its end."""

    def __init__(self) -> None:
        self.channel = InMemoryChannel()
        self.ended: list[str] = []
        self.answered = 0
        self._server = ServerChannel(
            self.channel, Doubling, {"scale": "1", "role": "idle"}, self.ended.append
        )
        threading.Thread(target=self._serve, daemon=True).start()

    def client(self, sender: str = "us", reach: Callable[[], None] = lambda: None) -> ClientChannel:
        return ClientChannel(self.channel, sender, Doubling, reach)

    def _serve(self) -> None:
        while True:
            method, arguments = self._server.recv()
            try:
                answer = ("ok", getattr(Doubling(), method)(*arguments))
            except ValueError as error:
                answer = ("error", str(error))
            self.answered += 1
            self._server.send(answer)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    monkeypatch.setattr(channel, "BEAT_S", 0.05)
    return Served()


def test_a_call_needs_no_framework(served: Served) -> None:
    client = served.client()
    assert client.hello(5.0) == {"scale": "1", "role": "idle"}
    assert client.call("double", [[0.1, math.pi]]) == ("ok", [0.2, 2 * math.pi])
    assert client.call("fail", []) == ("error", "as asked")
    assert client.call("double", [[]]) == ("ok", [])


def test_an_answer_that_is_lost_is_sent_again_and_the_call_runs_once(served: Served) -> None:
    client = served.client()
    client.hello(5.0)
    served.channel.lose = 2
    assert client.call("double", [[1.0]]) == ("ok", [2.0])
    assert served.answered == 1


def test_a_task_has_one_coordinator_and_hears_no_other(served: Served) -> None:
    first, second = served.client("first"), served.client("second")
    first.hello(5.0)
    with pytest.raises(ChannelBusy):
        second.hello(5.0)
    second.end("leave")
    assert first.call("double", [[1.0]]) == ("ok", [2.0])
    assert served.ended == []
    first.end("again")
    first.hello(5.0)
    assert served.ended == ["again"]


def test_what_is_no_call_is_passed_over(served: Served) -> None:
    served.channel.put(channel.CALLS, "no call")
    assert served.client().hello(5.0)["role"] == "idle"


def test_a_task_that_cannot_be_reached_any_more_ends_the_call(served: Served) -> None:
    def gone() -> None:
        raise Unreachable("is not there")

    client = served.client(reach=gone)
    client.hello(5.0)
    served.channel.lose = 100
    with pytest.raises(Unreachable, match="is not there"):
        client.call("double", [[1.0]])
    with pytest.raises(Unreachable, match="is not there"):
        client.beat()


def test_a_channel_that_breaks_is_told_in_its_own_words(served: Served) -> None:
    client = served.client()
    client.hello(5.0)
    served.channel.broken = "cable cut"
    with pytest.raises(Unreachable, match=r"takes no calls \(cable cut\)"):
        client.call("double", [[1.0]])
    client.end("leave")


SILENT = """
import socket, sys, time
from nworkers.calibrate.cluster.channel import ClientChannel, Unreachable
from nworkers.calibrate.cluster.task import TaskMethods
from nworkers.calibrate.tensorflow.queue_channel import client

with socket.create_server(("127.0.0.1", 0)) as silent:
    address = f"127.0.0.1:{silent.getsockname()[1]}"
    line = ClientChannel(client(address, 3.0), "us", TaskMethods, lambda: None)
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
    assert Role.from_text(replace(role, gpu=1).text) == replace(role, gpu=1)
    assert replace(role, gpu=1).text != role.text
    assert (role.name, role.tasks) == ("worker1", 3)
