"""Tasks: the processes that train or are measured together, where each runs and which it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from nworkers.models.records.runtimes import Runtime

LOOPBACK = "127.0.0.1"
#: Importing TensorFlow on a slow disk, without bytecode, has been seen to take 40 s.
START_S = 120.0


@dataclass(frozen=True)
class TaskAddress:
    """Where a task runs: an address of its host, and what its process does before it serves.

    ``prepare`` must be importable by name; the testbed enters a network namespace with it. Without
    a ``port`` a free one is taken. A ``remote`` task is not started here: `scale serve` or the same
    command runs on its host and waits for its role.
    """

    host: str = LOOPBACK
    prepare: Callable[[], None] | None = None
    port: int | None = None
    remote: bool = False
    connect_timeout_s: float = START_S


@dataclass(frozen=True)
class TaskAddresses:
    """Where the tasks of a job run; the chief is the process that schedules the workers' steps."""

    ps: tuple[TaskAddress, ...]
    workers: tuple[TaskAddress, ...]
    chief: TaskAddress


@dataclass(frozen=True)
class TaskGroup:
    """Tasks of one job, such as ``worker``, which are named by it and a number.

    Args:
        runtime: whose server its tasks start.
        cluster: groups of one cluster know each other's addresses.
        member: whether its tasks are known to the others; else they only know those.
        gpu: whether its tasks see the GPUs.
        workers_per_gpu: how many of its tasks on one host have the same GPU for their own.
    """

    job: str
    addresses: tuple[TaskAddress, ...]
    runtime: Runtime
    cluster: str = ""
    member: bool = True
    gpu: bool = False
    workers_per_gpu: int = 1

    def gpu_of(self, index: int) -> int | None:
        """The number of a task's own GPU on its host; None where it sees none."""
        if not self.gpu:
            return None
        hosts = [address.host for address in self.addresses]
        return hosts[:index].count(hosts[index]) // self.workers_per_gpu


@dataclass(frozen=True)
class Role:
    """Which task of which cluster a process is.

    ``cluster`` has the addresses of every job; ``threads`` is the size of the framework's pools,
    None for its default; ``gpu`` is the number of its own GPU on its host, None where it sees none.
    """

    job: str
    index: int
    cluster: dict[str, list[str]]
    runtime: Runtime
    threads: int | None = None
    gpu: int | None = None

    @property
    def name(self) -> str:
        return f"{self.job}{self.index}"

    @property
    def tasks(self) -> int:
        """How many tasks the cluster has."""
        return sum(len(addresses) for addresses in self.cluster.values())

    @property
    def beside(self) -> int:
        """How many tasks of its job are on its host, itself included."""
        hosts = [address.rpartition(":")[0] for address in self.cluster.get(self.job, ())]
        return hosts.count(hosts[self.index]) if hosts else 1

    @property
    def member(self) -> bool:
        """Whether the others know this task's address."""
        return self.job in self.cluster

    @property
    def text(self) -> str:
        facts = [self.job, self.index, self.cluster, self.runtime, self.threads, self.gpu]
        return json.dumps(facts, sort_keys=True)

    @staticmethod
    def from_text(text: str) -> Role:
        return Role(*json.loads(text))
