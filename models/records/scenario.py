"""Scenario: the training job that is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nworkers.models.base.errors import InputError
from nworkers.models.records.added_workers import AddedWorkers
from nworkers.models.records.profile import DeviceKind, Discipline
from nworkers.models.records.runtimes import RUNTIMES_OF, SCHEDULED, Runtime, Strategy
from nworkers.models.records.what_if import PLAIN, WhatIf, check_what_if
from nworkers.models.records.workload import MAX_BATCH, Workload

Scaling = Literal["strong", "weak"]
PsPlacement = Literal["own", "shared"]

#: More take minutes to simulate, and nobody has trained with them.
MAX_WORKERS = 1_000_000
MAX_PS = 10_000


@dataclass(frozen=True)
class Scenario:
    """N workers training one workload.

    ``batch`` is the global batch under strong scaling and the per-worker batch under weak scaling.
    ``hosts`` counts the machines that hold workers; worker i is on host i // workers_per_host.
    A ps is on a host of its own (``own``) or on a worker's host (``shared``). ``workers_per_gpu``
    share one of their host's GPUs, the first workers the first; None where processors compute.
    The last workers may be ``added``, on hosts of their own.
    """

    workload: Workload
    workers: int
    strategy: Strategy = "ps-async"
    runtime: Runtime = RUNTIMES_OF["ps-async"][0]
    scaling: Scaling = "strong"
    batch: int = 32
    ps: int = 1
    workers_per_host: int = 1
    ps_placement: PsPlacement = "own"
    discipline: Discipline | None = None
    what_if: WhatIf = PLAIN
    workers_per_gpu: int | None = None
    added: AddedWorkers | None = None

    @property
    def added_workers(self) -> int:
        """How many are not among those that are owned."""
        return 0 if self.added is None else max(0, self.workers - self.added.owned)

    @property
    def device(self) -> DeviceKind:
        """What a worker computes on."""
        return "cpu" if self.workers_per_gpu is None else "gpu"

    @property
    def gpus(self) -> tuple[int | None, ...]:
        """Of each worker its GPU's number on its host; None on processors."""
        if self.workers_per_gpu is None:
            return (None,) * self.workers
        places = (k % self.workers_per_host for k in range(self.workers))
        return tuple(place // self.workers_per_gpu for place in places)

    @property
    def scheduled(self) -> bool:
        """Whether one process schedules the steps of all workers."""
        return self.runtime in SCHEDULED

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
    def hosts_with_workers(self) -> int:
        return -(-self.workers // self.workers_per_host)

    def workers_on(self, host: int) -> int:
        """All hosts with workers but the last have as many as may be on one."""
        each = self.workers_per_host
        return max(0, min(each, self.workers - host * each))

    @property
    def ps_hosts(self) -> tuple[int, ...]:
        """The host of each ps; none under all-reduce."""
        if self.strategy == "allreduce":
            return ()
        used = self.hosts_with_workers
        if self.ps_placement == "shared":
            return tuple(k % used for k in range(self.ps))
        return tuple(used + k for k in range(self.ps))

    @property
    def workers_on_a_host(self) -> int:
        """On each but the last, which may have fewer."""
        return min(self.workers, self.workers_per_host)

    @property
    def counted_workers(self) -> int:
        """Whose samples a step counts: without the dead, and those that are not waited for."""
        change = self.what_if
        if self.strategy == "ps-sync":
            return self.workers - max(change.backup_workers, change.dead_workers)
        return self.workers - change.dead_workers

    @property
    def hosts(self) -> int:
        apart = self.strategy != "allreduce" and self.ps_placement == "own"
        return self.hosts_with_workers + (self.ps if apart else 0)

    @property
    def placement(self) -> str:
        """``shared`` if all is on one host, ``separate`` if each task has one, else ``mixed``."""
        if self.hosts == 1:
            return "shared"
        tasks = self.workers + len(self.ps_hosts)
        return "separate" if self.hosts == tasks else "mixed"


def check_scenario(scenario: Scenario) -> Scenario:
    """Refuse what cannot be trained, naming the field.

    Raises:
        InputError
    """
    workers, batch = scenario.workers, scenario.batch
    if not 1 <= workers <= MAX_WORKERS:
        raise InputError("workers", workers, f"an integer from 1 to {MAX_WORKERS}")
    if not 1 <= batch <= MAX_BATCH:
        raise InputError("batch", batch, f"an integer from 1 to {MAX_BATCH}")
    if scenario.strategy == "allreduce" and workers < 2:
        raise InputError("workers", workers, "at least 2 with <strategy> allreduce")
    if scenario.scaling == "strong" and workers > batch:
        raise InputError(
            "workers", workers, f"at most the global batch ({batch}) under strong scaling"
        )
    if not 1 <= scenario.ps <= MAX_PS:
        raise InputError("ps", scenario.ps, f"an integer from 1 to {MAX_PS}")
    if scenario.workers_per_host < 1:
        raise InputError("workers_per_host", scenario.workers_per_host, "an integer from 1")
    per_gpu = scenario.workers_per_gpu
    if per_gpu is not None and not 1 <= per_gpu <= MAX_WORKERS:
        raise InputError("workers_per_gpu", per_gpu, f"an integer from 1 to {MAX_WORKERS}")
    runtimes = RUNTIMES_OF[scenario.strategy]
    if scenario.runtime not in runtimes:
        raise InputError(
            "runtime",
            scenario.runtime,
            f"{' or '.join(runtimes)} with <strategy> {scenario.strategy}",
        )
    _check_variation(scenario)
    if scenario.added is not None:
        _check_added(scenario, scenario.added)
    return scenario


def _check_added(scenario: Scenario, added: AddedWorkers) -> None:
    """Refuse what is neither owned nor added, and hosts of two kinds.

    Raises:
        InputError
    """
    workers, each, change = scenario.workers, scenario.workers_per_host, scenario.what_if
    most = added.owned + added.most
    if not added.owned <= workers <= most:
        raise InputError("workers", workers, f"{added.owned} to {most} with <add>")
    if scenario.added_workers and added.owned % each:
        raise InputError(
            "add",
            added.name,
            f"hosts of their own: {added.owned} workers that are owned fill none with "
            f"{each if each <= workers else 'all workers'} on each",
        )
    for name, befalls in (
        ("slow-workers", change.slow_workers),
        ("dead-workers", change.dead_workers),
        ("stragglers", change.stragglers),
        ("worker-failures", change.worker_failures),
    ):
        if befalls and scenario.added_workers:
            raise InputError("what_if", name, "without <add>: it would befall either kind alike")


def _check_variation(scenario: Scenario) -> None:
    """Refuse what belongs to another strategy, and what would wait for ever.

    Raises:
        InputError
    """
    change, workers, strategy = scenario.what_if, scenario.workers, scenario.strategy
    check_what_if(change)
    only: tuple[tuple[str, object, tuple[Strategy, ...]], ...] = (
        ("backup-workers", change.backup_workers, ("ps-sync",)),
        ("staleness", change.staleness is not None, ("ps-async",)),
        ("all-reduce", change.all_reduce, ("allreduce",)),
        ("buckets", change.bucket_bytes, ("allreduce",)),
        ("hybrid", change.hybrid, ("ps-async", "ps-sync")),
        ("shard-by", change.shard_by != "round-robin", ("ps-async", "ps-sync")),
        ("partition", change.partition_bytes, ("ps-async", "ps-sync")),
        ("ps-failures", change.ps_failures, ("ps-async", "ps-sync")),
    )
    for name, wanted, strategies in only:
        if wanted and strategy not in strategies:
            raise InputError("what_if", name, f"with <strategy> {' or '.join(strategies)}")
    for name, count in (
        ("backup-workers", change.backup_workers),
        ("dead-workers", change.dead_workers),
        ("slow-workers", change.slow_workers.count if change.slow_workers else 0),
        ("slow-links", change.slow_links.count if change.slow_links else 0),
    ):
        most = workers if name.startswith("slow") else workers - 1
        if count > most:
            raise InputError("what_if", f"{name}={count}", f"at most {most} of {workers} workers")
    if change.hybrid and scenario.workers_on_a_host < 2:
        raise InputError("what_if", "hybrid", "with <workers_per_host> of at least 2")
    if change.hybrid and (change.overlap or change.backup_workers or change.staleness is not None):
        raise InputError(
            "what_if",
            "hybrid",
            "without overlap, backup-workers and staleness, which it does not mix",
        )
    _check_the_dead(scenario)


def _check_the_dead(scenario: Scenario) -> None:
    """Who is waited for must come.

    Raises:
        InputError
    """
    change, dead = scenario.what_if, scenario.what_if.dead_workers
    if not dead:
        return
    waits = {
        "allreduce": "an all-reduce needs every worker",
        "ps-sync": f"a round waits for all but {change.backup_workers} workers",
        "ps-async": "",
    }[scenario.strategy]
    if change.staleness is not None:
        waits = "a bound on staleness waits for the dead"
    if change.hybrid:
        waits = "the workers of a host wait for each other"
    if waits and not (scenario.strategy == "ps-sync" and change.backup_workers >= dead):
        raise InputError(
            "what_if",
            f"dead-workers={dead}",
            f"training that goes on without them, but {waits}: it would wait for ever; "
            "worker-failures=PER_HOUR,TIME has them come back",
        )
