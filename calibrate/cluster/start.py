"""Start: task processes brought up together, here or through a relay, and ended together."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import (
    ForkServerContext,
    ForkServerProcess,
    SpawnContext,
    SpawnProcess,
)
from pathlib import Path

from nworkers.calibrate.cluster.cluster import ANSWER_S, Cluster, Task
from nworkers.calibrate.cluster.relay import relay
from nworkers.calibrate.cluster.task import serve
from nworkers.calibrate.host.scratch import in_scratch
from nworkers.calibrate.training.runtime import RUNTIMES, Framework
from nworkers.calibrate.training.tasks import LOOPBACK, Role, TaskAddress, TaskGroup

#: A task elsewhere that was there in the last round is back within this time.
COMEBACK_S = 6.0


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now; held together so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for held in sockets:
            held.bind((LOOPBACK, 0))
        return [int(held.getsockname()[1]) for held in sockets]
    finally:
        for held in sockets:
            held.close()


def context(framework: Framework, *, gpu: bool = False) -> ForkServerContext | SpawnContext:
    """The start method of a task: a fork of a process that has imported the framework.

    That process hides GPUs from itself and its forks, since a CUDA context does not survive a fork;
    a task that is to see them is spawned, and imports the framework for itself.
    """
    if gpu:
        return multiprocessing.get_context("spawn")
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload([framework.preload])
    return made


@contextmanager
def running(
    groups: Sequence[TaskGroup],
    *,
    logs: Path,
    first: bool = True,
    again: bool = False,
    threads: int | None = None,
) -> Iterator[Cluster]:
    """Start tasks, wait until all serve, and end them however the block is left.

    Args:
        logs: a folder; each task appends to a file of its name.
        first: tasks on other machines may still be coming up; later they are there, or gone.
        again: tasks on other machines are needed once more afterwards.
        threads: of every task's pools; None for the framework's default.

    Raises:
        HardwareError: a task did not come up.
    """
    logs.mkdir(parents=True, exist_ok=True)
    clusters = _addresses(groups)
    roles = [
        (_role(group, k, clusters, threads), at)
        for group in groups
        for k, at in enumerate(group.addresses)
    ]
    tasks: list[Task] = []
    ended_well = False
    longest_s = COMEBACK_S
    try:
        for role, at in roles:
            # One that is to see a GPU imports its framework anew.
            there_s = at.connect_timeout_s if first or role.gpu is not None else COMEBACK_S
            longest_s = max(longest_s, there_s)
            tasks.append(_start(role, at, logs, there_s))
        cluster = Cluster(tasks, again=again)
        cluster.await_all(longest_s + ANSWER_S)
        yield cluster
        ended_well = True
    finally:
        Cluster(tasks).close(again=ended_well and cluster.again)


def _role(
    group: TaskGroup, index: int, clusters: dict[str, dict[str, list[str]]], threads: int | None
) -> Role:
    cluster = clusters.get(group.cluster, {})
    return Role(group.job, index, cluster, group.runtime, threads, group.gpu_of(index))


def _addresses(groups: Sequence[TaskGroup]) -> dict[str, dict[str, list[str]]]:
    """``host:port`` of every member, by cluster and job."""
    members = [(group, at) for group in groups if group.member for at in group.addresses]
    found: dict[str, dict[str, list[str]]] = {}
    for (group, at), port in zip(members, free_ports(len(members)), strict=True):
        jobs = found.setdefault(group.cluster, {})
        jobs.setdefault(group.job, []).append(f"{at.host}:{at.port or port}")
    return found


#: Names this coordinating process to tasks on other machines.
_SENDER = os.urandom(8).hex()


def _start(role: Role, at: TaskAddress, logs: Path, connect_timeout_s: float) -> Task:
    """Start a task here, or the relay of one that runs elsewhere."""
    made = context(RUNTIMES[role.runtime].framework, gpu=role.gpu is not None and not at.remote)
    ours, theirs = made.Pipe()
    log = logs / f"{role.name}.log"
    target: Callable[..., None] = serve
    arguments: tuple[object, ...] = (role, theirs, str(log), at.prepare)
    if at.remote:
        address = role.cluster[role.job][role.index]
        target = relay
        arguments = (address, role, _SENDER, connect_timeout_s, theirs, str(log))
    process = made.Process(target=target, args=arguments, name=f"scale-{role.name}", daemon=True)
    begin(process)
    theirs.close()
    return Task(role.name, process, ours, log, at.host, at.remote)


def begin(process: ForkServerProcess | SpawnProcess) -> None:
    """Start a task, with its temporary files in our folder and no part in Ctrl-C.

    The terminal tells all processes of the command, and this one decides what becomes of the rest.
    The fork server has SIGINT blocked from its first moment, and so have its forks.
    """
    with in_scratch():
        # It would unblock the signal when it starts.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            if isinstance(process, ForkServerProcess):
                forkserver.ensure_running()
            else:
                process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        # A fork waits until its framework has been imported, which may be interrupted.
        if isinstance(process, ForkServerProcess):
            process.start()
