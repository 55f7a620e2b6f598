"""Scenario: the training job that is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from scale.models.errors import InputError
from scale.models.profile import Discipline
from scale.models.workload import MAX_BATCH, Workload

Strategy = Literal["ps-async", "ps-sync", "allreduce"]
Runtime = Literal["session", "coordinator", "mirrored"]
Scaling = Literal["strong", "weak"]
PsPlacement = Literal["own", "shared"]

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
#: More take minutes to simulate, and nobody has trained with them.
MAX_WORKERS = 10_000


@dataclass(frozen=True)
class Scenario:
    """N workers training one workload.

    ``batch`` is the global batch under strong scaling and the per-worker batch under weak scaling.
    ``hosts`` counts the machines that hold workers; worker i is on host i // workers_per_host.
    A ps is on a host of its own (``own``) or on a worker's host (``shared``).
    """

    workload: Workload
    workers: int
    strategy: Strategy = "ps-async"
    runtime: Runtime = "session"
    scaling: Scaling = "strong"
    batch: int = 32
    ps: int = 1
    workers_per_host: int = 1
    ps_placement: PsPlacement = "own"
    discipline: Discipline | None = None

    @property
    def per_worker_batch(self) -> int:
        """⌈B/N⌉ under strong scaling, b under weak."""
        return -(-self.batch // self.workers) if self.scaling == "strong" else self.batch

    @property
    def global_batch(self) -> int:
        return self.batch if self.scaling == "strong" else self.batch * self.workers

    @property
    def worker_hosts(self) -> tuple[int, ...]:
        """The host of each worker."""
        return tuple(i // self.workers_per_host for i in range(self.workers))

    @property
    def ps_hosts(self) -> tuple[int, ...]:
        """The host of each ps; none under all-reduce."""
        if self.strategy == "allreduce":
            return ()
        used = self.worker_hosts[-1] + 1
        if self.ps_placement == "shared":
            return tuple(k % used for k in range(self.ps))
        return tuple(used + k for k in range(self.ps))

    @property
    def hosts(self) -> int:
        return max(self.worker_hosts + self.ps_hosts) + 1

    @property
    def placement(self) -> str:
        """``shared`` if all is on one host, ``separate`` if each task has one, else ``mixed``."""
        if self.hosts == 1:
            return "shared"
        tasks = self.workers + len(self.ps_hosts)
        return "separate" if self.hosts == tasks else "mixed"


def check_scenario(scenario: Scenario) -> Scenario:
    """Refuse what cannot be trained, naming the option.

    Raises:
        InputError
    """
    workers, batch = scenario.workers, scenario.batch
    if not 1 <= workers <= MAX_WORKERS:
        raise InputError("--workers", workers, f"an integer from 1 to {MAX_WORKERS}")
    if not 1 <= batch <= MAX_BATCH:
        raise InputError("--batch", batch, f"an integer from 1 to {MAX_BATCH}")
    if scenario.strategy == "allreduce" and workers < 2:
        raise InputError("--workers", workers, "at least 2 with --strategy allreduce")
    if scenario.scaling == "strong" and workers > batch:
        raise InputError(
            "--workers", workers, f"at most the global batch ({batch}) under strong scaling"
        )
    if not 1 <= scenario.ps <= MAX_WORKERS:
        raise InputError("--ps", scenario.ps, f"an integer from 1 to {MAX_WORKERS}")
    if scenario.workers_per_host < 1:
        raise InputError("--workers-per-host", scenario.workers_per_host, "an integer from 1")
    wanted: Runtime = "mirrored" if scenario.strategy == "allreduce" else "session"
    if scenario.runtime != wanted:
        raise InputError(
            "--runtime", scenario.runtime, f"{wanted} with --strategy {scenario.strategy}"
        )
    return scenario
