"""A cluster of task processes: started together, watched together, ended together."""

from __future__ import annotations

import multiprocessing
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from scale.calibrate.task import serve
from scale.models.errors import HardwareError

LOOPBACK = "127.0.0.1"
#: A task that has not answered for this long is taken for hung.
ANSWER_S = 15.0
#: An error waits for so long to be explained by a death.
DEATH_SHOWS_S = 0.5
#: Importing TensorFlow on a slow disk, without bytecode, has been seen to take 40 s.
START_S = 120.0


@dataclass(frozen=True)
class Site:
    """Where a task runs: an address of its host, and what its process does before it serves.

    ``prepare`` must be importable by name; the testbed enters a network namespace with it.
    """

    address: str = LOOPBACK
    prepare: Callable[[], None] | None = None


@dataclass
class Task:
    """A running task, or the process without a cluster (job ``single``)."""

    name: str
    process: ForkServerProcess
    connection: Connection
    log: Path


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


def context() -> ForkServerContext:
    """The start method of all tasks: forks of a process that has imported TensorFlow."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["scale.calibrate.preload"])
    return made


def mirrored_job(workers: int) -> str:
    """The job of the tasks that train together under one MultiWorkerMirroredStrategy.

    A strategy spans all tasks of its cluster, so each number of workers has tasks of its own.
    """
    return f"mirrored{workers}-"


class Cluster:
    """Tasks that answer calls. A call fails as soon as any task of the cluster has died."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = {task.name: task for task in tasks}

    def names(self, job: str) -> list[str]:
        """Names of the tasks of a job, in order: ``worker0``, ``worker1``, …"""
        return [name for name in self._tasks if name.rstrip("0123456789") == job]

    def pid(self, name: str) -> int:
        return self._tasks[name].process.pid or 0

    def call(
        self,
        names: Sequence[str],
        method: str,
        *arguments: Any,
        timeout_s: float = ANSWER_S,
    ) -> list[Any]:
        """Have the named tasks run a method of theirs, all at once, and gather the answers.

        Raises:
            HardwareError: a task died, hung, or answered with an error; it is named, with its log.
        """
        for name in names:
            self._send(name, (method, arguments))
        return self.gather(names, method, timeout_s=timeout_s)

    def call_each(
        self, calls: dict[str, tuple[Any, ...]], method: str, *, timeout_s: float = ANSWER_S
    ) -> list[Any]:
        """As ``call``, with arguments of its own for each task."""
        for name, arguments in calls.items():
            self._send(name, (method, arguments))
        return self.gather(list(calls), method, timeout_s=timeout_s)

    def _send(self, name: str, message: object) -> None:
        try:
            self._tasks[name].connection.send(message)
        except OSError:
            self._raise_dead()
            raise HardwareError(self._describe(name, "does not listen any more")) from None

    def gather(self, names: Sequence[str], method: str, *, timeout_s: float) -> list[Any]:
        """Wait for one answer of each named task."""
        answers: dict[str, Any] = {}
        deadline = time.monotonic() + timeout_s
        sentinels = [task.process.sentinel for task in self._tasks.values()]
        while len(answers) < len(names):
            pending = {self._tasks[name].connection: name for name in names if name not in answers}
            ready = wait([*pending, *sentinels], timeout=max(0.0, deadline - time.monotonic()))
            if not ready:
                late = next(iter(pending.values()))
                raise HardwareError(
                    self._describe(late, f"gave no answer to '{method}' for {timeout_s:.0f} s")
                )
            for item in ready:
                if isinstance(item, Connection) and item in pending:
                    try:
                        verdict, value = item.recv()
                    except (EOFError, ConnectionError):
                        self._raise_dead(wait_s=5.0)
                        raise HardwareError(
                            self._describe(pending[item], "closed its connection")
                        ) from None
                    if verdict == "error":
                        # A worker whose peer died in a collective may be the first to answer.
                        self._raise_dead(wait_s=DEATH_SHOWS_S)
                        raise HardwareError(self._describe(pending[item], value))
                    answers[pending[item]] = value
            self._raise_dead()
        return [answers[name] for name in names]

    def _raise_dead(self, wait_s: float = 0.0) -> None:
        wait([task.process.sentinel for task in self._tasks.values()], timeout=wait_s)
        for task in self._tasks.values():
            code = task.process.exitcode
            if code is not None:
                raise HardwareError(self._describe(task.name, _exit_words(code)))

    def _describe(self, name: str, what: str) -> str:
        return f"task {name} {what}; its log: {self._tasks[name].log}"

    def close(self) -> None:
        """End every task. TensorFlow's servers know no clean end, so they are killed."""
        for task in self._tasks.values():
            task.process.kill()
        for task in self._tasks.values():
            task.process.join(5.0)
            task.connection.close()


def _exit_words(code: int) -> str:
    if code < 0:
        return f"was ended by signal {-code} ({signal.Signals(-code).name})"
    return f"ended with exit status {code}"


@contextmanager
def running(
    *,
    ps: Sequence[Site],
    workers: Sequence[Site],
    logs: Path,
    single: bool = False,
    chief: Site | None = None,
    mirrored: Sequence[Sequence[Site]] = (),
) -> Iterator[Cluster]:
    """Start tasks, wait until all serve, and end them however the block is left.

    Args:
        ps: a site for each parameter server.
        workers: a site for each worker.
        logs: a folder; each task appends to a file of its name.
        single: also start a process without any cluster, named ``single0``.
        chief: also start a process at this site that has no server and knows those of the ps and
            the workers, named ``chief0``.
        mirrored: also start groups of tasks that know each other alone, one group of each size,
            as jobs of ``mirrored_job(size)``.

    Raises:
        HardwareError: a task did not come up.
    """
    logs.mkdir(parents=True, exist_ok=True)
    sites = [("ps", k, site) for k, site in enumerate(ps)]
    sites += [("worker", k, site) for k, site in enumerate(workers)]
    ports = free_ports(len(sites))
    spec: dict[str, list[str]] = {}
    for (job, _, site), port in zip(sites, ports, strict=True):
        spec.setdefault(job, []).append(f"{site.address}:{port}")
    if single:
        sites.append(("single", 0, Site()))
    if chief:
        sites.append(("chief", 0, chief))
    starts = [(f"{job}{index}", job, index, spec, site) for job, index, site in sites]
    for group in mirrored:
        ports = free_ports(len(group))
        peers = [f"{site.address}:{port}" for site, port in zip(group, ports, strict=True)]
        for index, site in enumerate(group):
            name = f"{mirrored_job(len(group))}{index}"
            starts.append((name, "mirrored", index, {"mirrored": peers}, site))
    made = context()
    tasks: list[Task] = []
    try:
        for name, job, index, known, site in starts:
            ours, theirs = made.Pipe()
            log = logs / f"{name}.log"
            process = made.Process(
                target=serve,
                args=(job, index, known, theirs, str(log), site.prepare),
                name=f"scale-{name}",
                daemon=True,
            )
            process.start()
            theirs.close()
            tasks.append(Task(name, process, ours, log))
        cluster = Cluster(tasks)
        cluster.gather([task.name for task in tasks], "start", timeout_s=START_S)
        yield cluster
    finally:
        Cluster(tasks).close()
