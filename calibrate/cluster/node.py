"""Node: one task of a cluster on a machine of its own, serving a coordinator elsewhere.

The process that people start supervises. Each round it forks a fresh task, which runs the server of
its runtime, takes its role from the coordinator and answers its calls over a channel.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from nworkers.calibrate.cluster.channel import LOST_S, Channel, ServerChannel
from nworkers.calibrate.cluster.start import begin, context
from nworkers.calibrate.cluster.task import (
    TaskMethods,
    answer_calls,
    set_up,
    start_server,
    versions,
)
from nworkers.calibrate.training.runtime import RUNTIMES, UNASSIGNED, load
from nworkers.calibrate.training.tasks import Role
from nworkers.models.base.errors import HardwareError

#: Exit statuses of a task: start again (in a new role or the same), the coordinator is done, the
#: coordinator is gone.
AGAIN, LEAVE, LOST = 10, 11, 12
#: The coordinator gives up on a round's start long before.
PEERS_S = 120.0


def serve_node(
    port: int,
    *,
    logs: Path,
    connect_timeout_s: float | None,
    say: Callable[[str], None],
) -> None:
    """Serve one calibration on a port of this host, then return.

    Args:
        connect_timeout_s: how long to wait for a coordinator; None for ever.
        say: told what happens, a line at a time.

    Raises:
        HardwareError: the port is taken, no coordinator came, or it vanished.
    """
    _check_free(port)
    logs.mkdir(parents=True, exist_ok=True)
    # Nodes may share the folder.
    log = logs / f"{socket.gethostname()}-{port}.log"
    unassigned = Role("node", 0, {"node": [f"localhost:{port}"]}, UNASSIGNED.name)
    role = unassigned
    wait_s = connect_timeout_s
    while True:
        made = context(UNASSIGNED.framework, gpu=role.gpu is not None)
        ours, theirs = made.Pipe(duplex=False)
        process = made.Process(
            target=_run, args=(port, role, theirs, str(log), wait_s), daemon=True
        )
        begin(process)
        theirs.close()
        try:
            process.join()
            told = ours.recv() if ours.poll(0) else ""
        except EOFError:
            told = ""
        finally:
            process.kill()
            ours.close()
        code = process.exitcode
        if code == LEAVE:
            return
        if code == LOST:
            raise HardwareError(told or "the coordinator is gone")
        if code != AGAIN:
            raise HardwareError(f"this task {told or f'ended with exit status {code}'}; see {log}")
        if told:
            role = Role.from_text(told)
            say(f"task {role.name} of a cluster of {role.tasks}")
        elif RUNTIMES[role.runtime].meets_peers or role.gpu is not None:
            # Nothing can be said to a server before those of its peers come up, nor for long to a
            # task that is spawned and imports its framework first.
            role = unassigned
        # Between rounds the coordinator comes back within seconds, or not at all.
        wait_s = 4 * LOST_S


def _check_free(port: int) -> None:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("", port))
        except OSError as error:
            raise HardwareError(
                f"port {port} cannot be used ({error.strerror}); is another task running here?"
            ) from None


def _run(port: int, role: Role, told: Connection, log: str, wait_s: float | None) -> None:
    """A task process: start the server, answer until told to end or left alone."""
    set_up(log)

    def end(code: int, text: str = "") -> NoReturn:
        told.send(text)
        # Not sys.exit: threads of the framework's server would keep the process.
        os._exit(code)

    def asked(how: str) -> None:
        if how == "leave":
            end(LEAVE)
        end(AGAIN, "" if how == "again" else how)

    # A server may come up when all its peers do; until then nobody can be told to give up.
    alarm = threading.Timer(PEERS_S, end, (LOST, f"its peers did not come within {PEERS_S:.0f} s"))
    alarm.daemon = True
    alarm.start()
    try:
        target = start_server(role)
    except Exception as error:
        end(1, f"could not start: {error}")
    alarm.cancel()
    framework = RUNTIMES[role.runtime].framework
    facts = versions(framework) | {"role": role.text, "incarnation": os.urandom(8).hex()}
    own: Channel = load(framework.channel).server(target, port)
    channel = ServerChannel(own, TaskMethods, facts, asked)
    threading.Thread(target=_watch, args=(channel, wait_s, end), daemon=True).start()
    answer_calls(channel, TaskMethods(role, target))


def _watch(
    channel: ServerChannel, wait_s: float | None, end: Callable[[int, str], NoReturn]
) -> None:
    """End this process when its coordinator has fallen silent, whatever the main thread does."""
    began_s = time.monotonic()
    while True:
        time.sleep(1.0)
        if channel.silent_s() > LOST_S:
            end(LOST, f"nothing was heard of the coordinator for {LOST_S:.0f} s; it is gone")
        waited_s = time.monotonic() - began_s
        if wait_s is not None and not channel.owned and waited_s > wait_s:
            end(LOST, f"no coordinator came within {wait_s:.0f} s")
