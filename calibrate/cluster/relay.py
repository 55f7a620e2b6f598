"""Relay: a local process that stands for a task on another machine.

The coordinator talks to it as to a task of its own, through a pipe; it talks to the task over
a channel. So the coordinator imports no framework, and a task is a task wherever it runs.
"""

from __future__ import annotations

import os
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from nworkers.calibrate.cluster.channel import (
    BEAT_S,
    Channel,
    ChannelBusy,
    ClientChannel,
    Unreachable,
)
from nworkers.calibrate.cluster.membership import host_port
from nworkers.calibrate.cluster.task import TaskMethods, set_up, versions
from nworkers.calibrate.training.runtime import RUNTIMES, SPARE_JOB, Framework, load
from nworkers.calibrate.training.tasks import Role

#: A task starts anew within this time: a fork of a process that has imported its framework. One
#: that is to see a GPU imports it first, and has as long as at the very start.
RESTART_S = 12.0
TRY_EVERY_S = 0.2
HELLO_S = 4.0


@dataclass(frozen=True)
class _Remote:
    """A task elsewhere, as this coordinator reaches it."""

    address: str
    sender: str
    framework: Framework

    def client(self, reach: Callable[[], None]) -> ClientChannel:
        """A channel to it."""
        channel: Channel = load(self.framework.channel).client(self.address, BEAT_S)
        return ClientChannel(channel, self.sender, TaskMethods, reach)

    def reach(self) -> None:
        """Raise Unreachable unless somebody listens there."""
        listening(self.address)


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
    remote = _Remote(address, sender, RUNTIMES[role.runtime].framework)
    try:
        client, facts = _connect(remote, time.monotonic() + connect_timeout_s)
        for name, version in versions(remote.framework).items():
            theirs = facts.get(name, "none")
            if theirs != version:
                raise Unreachable(f"has {name} {theirs}, and the coordinator {version}")
        if role.job != SPARE_JOB and facts["role"] != role.text:
            client.end(role.text)
            restart_s = RESTART_S if role.gpu is None else connect_timeout_s
            client, facts = _anew(remote, facts["incarnation"], restart_s)
    except (Unreachable, ChannelBusy) as problem:
        connection.send(("gone", _words(problem)))
        return
    connection.send(("ok", 0))
    try:
        _pass_on(client, connection, remote, facts["incarnation"])
    except Unreachable as problem:
        connection.send(("gone", _words(problem)))
    except (EOFError, OSError):
        pass  # the coordinator has gone; it needs no answer
    except Exception as problem:
        traceback.print_exc()
        sys.stderr.flush()
        connection.send(("gone", f"cannot be talked to ({type(problem).__name__}: {problem})"))
    # Not sys.exit: threads of the framework's client would keep the process.
    os._exit(0)


def _pass_on(
    client: ClientChannel, connection: Connection, remote: _Remote, incarnation: str
) -> None:
    while True:
        if not connection.poll(BEAT_S):
            client.beat()
            continue
        method, arguments = connection.recv()
        if method == "end":
            client.end(arguments[0])
            if arguments[0] == "again":
                _await_end(remote, incarnation)
            return
        connection.send(client.call(method, arguments))


def _connect(remote: _Remote, deadline_s: float) -> tuple[ClientChannel, dict[str, str]]:
    """Connect until the deadline (of ``time.monotonic``)."""
    while True:
        try:
            remote.reach()
            client = remote.client(remote.reach)
            return client, client.hello(HELLO_S)
        except Unreachable:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(TRY_EVERY_S)


def _anew(remote: _Remote, old: str, within_s: float) -> tuple[ClientChannel, dict[str, str]]:
    """Wait until another process than the old one serves the address."""
    deadline_s = time.monotonic() + within_s
    while True:
        client, facts = _connect(remote, deadline_s)
        if facts["incarnation"] != old:
            return client, facts
        time.sleep(TRY_EVERY_S)


def _await_end(remote: _Remote, old: str) -> None:
    """Wait until the old process has gone: the next round must not meet it."""
    deadline_s = time.monotonic() + HELLO_S
    while time.monotonic() < deadline_s:
        try:
            remote.reach()
            if remote.client(lambda: None).hello(1.0)["incarnation"] != old:
                return
        except (Unreachable, ChannelBusy):
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
    if isinstance(problem, ChannelBusy):
        return "serves another coordinator; wait for its end, or end it"
    return str(problem)
