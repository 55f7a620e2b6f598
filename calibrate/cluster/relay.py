"""Relay: a local process that stands for a task on another machine.

The coordinator talks to it as to a task of its own, through a pipe; it talks to the task over
`wire`. So the coordinator imports no TensorFlow, and a task is a task wherever it runs.
"""

from __future__ import annotations

import os
import socket
import sys
import time
import traceback
from multiprocessing.connection import Connection

from nworkers.calibrate.cluster.channel import BEAT_S, Busy, Line, Unreachable
from nworkers.calibrate.cluster.membership import host_port
from nworkers.calibrate.cluster.task import TaskMethods, set_up, versions
from nworkers.calibrate.training.runtime import RUNTIMES, SPARE_JOB
from nworkers.calibrate.training.tasks import Role

#: A task starts anew within this time: a fork of a process that has imported TensorFlow.
RESTART_S = 12.0
TRY_EVERY_S = 0.2
HELLO_S = 4.0


def relay(
    address: str,
    role: Role,
    sender: str,
    connect_timeout_s: float,
    connection: Connection,
    log: str,
) -> None:
    """Entry point: reach the task, give it its role, pass calls and answers until told to close."""
    set_up(log)
    try:
        line, facts = _reach(address, sender, time.monotonic() + connect_timeout_s)
        ours = versions(RUNTIMES[role.runtime].framework)
        for name, version in ours.items():
            if facts[name] != version:
                raise Unreachable(f"has {name} {facts[name]}, and the coordinator {version}")
        if role.job != SPARE_JOB and facts["role"] != role.text:
            line.end(role.text)
            line, facts = _anew(address, sender, facts["incarnation"])
    except (Unreachable, Busy) as problem:
        connection.send(("gone", _words(problem)))
        return
    connection.send(("ok", 0))
    try:
        _pass_on(line, connection, address, sender, facts["incarnation"])
    except Unreachable as problem:
        connection.send(("gone", _words(problem)))
    except (EOFError, OSError):
        pass  # the coordinator has gone; it needs no answer
    except Exception as problem:
        traceback.print_exc()
        sys.stderr.flush()
        connection.send(("gone", f"cannot be talked to ({type(problem).__name__}: {problem})"))
    # Not sys.exit: TensorFlow's client threads would keep the process.
    os._exit(0)


def _pass_on(
    line: Line, connection: Connection, address: str, sender: str, incarnation: str
) -> None:
    while True:
        if not connection.poll(BEAT_S):
            line.beat()
            continue
        method, arguments = connection.recv()
        if method == "end":
            line.end(arguments[0])
            if arguments[0] == "again":
                _await_end(address, sender, incarnation)
            return
        connection.send(line.call(method, arguments))


def _reach(address: str, sender: str, deadline_s: float) -> tuple[Line, dict[str, str]]:
    """Connect until the deadline (of ``time.monotonic``)."""
    while True:
        try:
            listening(address)
            line = Line(address, sender, TaskMethods, lambda: listening(address))
            return line, line.hello(HELLO_S)
        except Unreachable:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(TRY_EVERY_S)


def _anew(address: str, sender: str, old: str) -> tuple[Line, dict[str, str]]:
    """Wait until another process than the old one serves the address."""
    deadline_s = time.monotonic() + RESTART_S
    while True:
        line, facts = _reach(address, sender, deadline_s)
        if facts["incarnation"] != old:
            return line, facts
        time.sleep(TRY_EVERY_S)


def _await_end(address: str, sender: str, old: str) -> None:
    """Wait until the old process has gone: the next round must not meet it."""
    deadline_s = time.monotonic() + HELLO_S
    while time.monotonic() < deadline_s:
        try:
            listening(address)
            if Line(address, sender, TaskMethods, lambda: None).hello(1.0)["incarnation"] != old:
                return
        except (Unreachable, Busy):
            return
        time.sleep(TRY_EVERY_S / 4)


def listening(address: str, timeout_s: float = HELLO_S) -> None:
    """Raise Unreachable, in words, unless somebody listens at the address."""
    host, port = host_port(address)
    try:
        socket.create_connection((host, port), timeout_s).close()
    except socket.gaierror:
        raise Unreachable(f"has the host name {host}, which does not resolve") from None
    except ConnectionRefusedError:
        raise Unreachable("is not there: its host refuses the connection") from None
    except OSError as error:
        why = error.strerror or "no answer"
        raise Unreachable(f"cannot be reached ({why})") from None


def _words(problem: Exception) -> str:
    if isinstance(problem, Busy):
        return "serves another coordinator; wait for its end, or end it"
    return str(problem)
