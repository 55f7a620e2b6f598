"""Channel: calls to a task on another machine, and its answers, as texts in queues of that task.

The coordinator puts a call, as JSON, into the task's queue of calls. The task puts its answer into
a queue of the coordinator's. What carries the texts is a `Channel` of the task's framework.

A call to a task that has died may never end by itself. So every wait here has a limit, and after
each the coordinator sends a beat. A beat also has a task repeat an answer that was lost when a wait
ran out. A task that hears none for ``LOST_S`` ends.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, get_type_hints

from nworkers.models.files.validate_json import decode, encode

#: Time between beats; a death is noticed after about as long.
BEAT_S = 3.0
#: A task that hears nothing for this long takes its coordinator for gone.
LOST_S = 12.0
CALLS = "scale_calls"
ANSWERS = "scale_answers_{}"

Answer = tuple[str, Any]


@dataclass(frozen=True)
class Call:
    """One line to a task. ``arguments`` are JSON texts, one a parameter of the method."""

    number: int
    sender: str
    method: str
    arguments: tuple[str, ...] = ()


def _hints(method: Callable[..., Any]) -> tuple[list[Any], Any]:
    """Types of a method's parameters, in order, and of what it returns."""
    hints = get_type_hints(method)
    returned = hints.pop("return")
    return list(hints.values()), returned


def encode_arguments(method: Callable[..., Any], arguments: Sequence[Any]) -> tuple[str, ...]:
    """Arguments as JSON, by the types that the method states."""
    kinds, _ = _hints(method)
    return tuple(encode(kind, value) for kind, value in zip(kinds, arguments, strict=False))


def decode_arguments(method: Callable[..., Any], texts: Sequence[str]) -> list[Any]:
    """The inverse of `encode_arguments`; raises ValueError where a text is not of the type."""
    kinds, _ = _hints(method)
    return [decode(kind, text) for kind, text in zip(kinds, texts, strict=False)]


def encode_result(method: Callable[..., Any], value: Any) -> str:
    return encode(_hints(method)[1], value)


def decode_result(method: Callable[..., Any], text: str) -> Any:
    return decode(_hints(method)[1], text)


class Channel(Protocol):
    """Queues of texts, by name, which one task holds and others reach."""

    def put(self, queue: str, text: str, timeout_s: float | None = None) -> bool:
        """Append a text; whether it was taken in time.

        Raises:
            ConnectionError: the task takes none; the text says in which way.
        """
        ...

    def get(self, queue: str, timeout_s: float | None = None) -> str | None:
        """The next text, or None where none came in time.

        Raises:
            ConnectionError: the task gives none; the text says in which way.
        """
        ...


class ServerChannel:
    """The task's end: ``recv`` gives the next call, ``send`` answers it.

    Args:
        channel: the task's own queues.
        methods: where the methods live, for their types.
        facts: what a coordinator is told when it says hello.
        end: called with the argument of an ``end``; it does not return.
    """

    def __init__(
        self, channel: Channel, methods: type, facts: dict[str, str], end: Callable[[str], None]
    ) -> None:
        self._channel = channel
        self._methods = methods
        self._facts = facts
        self._end = end
        self._owner = ""
        self._heard_s = time.monotonic()
        self._calls: queue.Queue[Call] = queue.Queue()
        self._current = Call(0, "", "")
        self._last = (0, "")
        threading.Thread(target=self._listen, daemon=True).start()

    def recv(self) -> tuple[str, list[Any]]:
        """Wait for the next call: the method and its arguments."""
        self._current = self._calls.get()
        method = getattr(self._methods, self._current.method)
        return self._current.method, decode_arguments(method, self._current.arguments)

    def send(self, answer: Answer) -> None:
        verdict, value = answer
        method = getattr(self._methods, self._current.method)
        text = encode_result(method, value) if verdict == "ok" else json.dumps(value)
        self._last = (self._current.number, self._answer(self._current, verdict, text))

    @property
    def owned(self) -> bool:
        """Whether a coordinator has said hello."""
        return bool(self._owner)

    def silent_s(self) -> float:
        """Seconds since the coordinator was last heard; 0 while there is none."""
        return time.monotonic() - self._heard_s if self._owner else 0.0

    def _answer(self, call: Call, verdict: str, value: str) -> str:
        text = json.dumps({"number": call.number, "verdict": verdict, "value": value})
        self._channel.put(ANSWERS.format(call.sender), text)
        return text

    def _listen(self) -> None:
        received = 0
        while True:
            text = self._channel.get(CALLS)
            try:
                call = decode(Call, text or "")
            except ValueError:
                continue  # anybody may write to a server's queues; only calls count
            if call.method == "hello":
                if self._owner in ("", call.sender):
                    self._owner, self._heard_s = call.sender, time.monotonic()
                    self._answer(call, "ok", json.dumps(self._facts))
                else:
                    self._answer(call, "busy", "")
            elif call.sender == self._owner:
                self._heard_s = time.monotonic()
                if call.method == "end":
                    self._end(call.arguments[0])
                elif call.method == "beat":
                    if call.number == self._last[0]:
                        self._channel.put(ANSWERS.format(call.sender), self._last[1])
                elif call.number > received:
                    received = call.number
                    self._calls.put(call)


class ChannelBusy(Exception):
    """The task serves another coordinator."""


class Unreachable(Exception):
    """The task's server does not answer; the text says in which way."""


class ClientChannel:
    """The coordinator's end: calls to one task.

    Args:
        channel: the task's queues.
        sender: names this coordinator.
        methods: where the methods live, for their types.
        reach: raises Unreachable where nobody listens at the address.
    """

    def __init__(
        self, channel: Channel, sender: str, methods: type, reach: Callable[[], None]
    ) -> None:
        self._channel = channel
        self._sender = sender
        self._methods = methods
        self._reach = reach
        # Numbers go on growing over the sessions that one coordinator has with one task.
        self._number = time.monotonic_ns()
        self._answers = ANSWERS.format(sender)

    def hello(self, timeout_s: float) -> dict[str, str]:
        """Become the task's coordinator; its facts.

        Raises:
            ChannelBusy: it has another one.
            Unreachable: no answer in time.
        """
        call = self._put("hello", (), timeout_s)
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            answer = self._get(call, left)
            if answer is not None:
                verdict, value = answer
                if verdict == "busy":
                    raise ChannelBusy
                return dict(json.loads(value))
        raise Unreachable("does not answer")

    def call(self, method: str, arguments: Sequence[Any]) -> Answer:
        """Have the task run a method of its own; waits as long as the task lives.

        Raises:
            Unreachable: the task is gone.
        """
        known = getattr(self._methods, method)
        call = self._put(method, encode_arguments(known, arguments), BEAT_S)
        while True:
            answer = self._get(call, BEAT_S)
            if answer is not None:
                verdict, value = answer
                result = decode_result(known, value) if verdict == "ok" else json.loads(value)
                return verdict, result
            self._reach()
            self._beat(call.number)

    def beat(self) -> None:
        """Say that the coordinator lives; raises Unreachable where the task does not."""
        self._reach()
        self._beat(0)

    def end(self, how: str) -> None:
        """Have the task's process end; it may be gone before it can confirm the call."""
        with suppress(Unreachable):
            self._put("end", (how,), BEAT_S)

    def _beat(self, number: int) -> None:
        self._send(Call(number, self._sender, "beat"), BEAT_S)

    def _put(self, method: str, arguments: tuple[str, ...], timeout_s: float) -> Call:
        self._number += 1
        call = Call(self._number, self._sender, method, arguments)
        self._send(call, timeout_s)
        return call

    def _send(self, call: Call, timeout_s: float) -> None:
        """Put a call. A busy host may take its time, so a wait that runs out is tried again.

        A call that arrives twice is run once, by its number.
        """
        text = encode(Call, call)
        deadline = time.monotonic() + LOST_S
        try:
            while not self._channel.put(CALLS, text, timeout_s):
                self._reach()
                if time.monotonic() > deadline:
                    raise Unreachable("takes no calls")
        except ConnectionError as error:
            raise Unreachable(f"takes no calls ({error})") from None

    def _get(self, call: Call, timeout_s: float) -> Answer | None:
        """The answer to this call; None where none came in time. Older ones are passed over."""
        try:
            text = self._channel.get(self._answers, timeout_s)
        except ConnectionError as error:
            raise Unreachable(f"gives no answers ({error})") from None
        if text is None:
            return None
        answer = json.loads(text)
        if answer["number"] != call.number:
            return self._get(call, timeout_s)
        return answer["verdict"], answer["value"]
