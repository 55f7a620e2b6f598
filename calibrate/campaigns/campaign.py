"""Campaign: the plan carried out, round by round, into a Calibration."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from nworkers.calibrate.campaigns import concurrent_flows
from nworkers.calibrate.campaigns.cell_group import BUILD_S, CellGroup, ClusterKind
from nworkers.calibrate.campaigns.plan import MeasurementPlan
from nworkers.calibrate.campaigns.resume import Round, pending
from nworkers.calibrate.cluster.cluster import Cluster, TaskFailed
from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.host.processor import machine, usable_cores
from nworkers.calibrate.host.watch import Neighbours, Watch
from nworkers.calibrate.training.runtime import (
    RUNTIMES,
    SESSION,
    SINGLE_JOB,
    on_gpus,
    runner_of,
    runtime_of,
    single,
)
from nworkers.calibrate.training.tasks import TaskAddress, TaskAddresses
from nworkers.models.base.errors import HardwareError
from nworkers.models.files.journal import Journal
from nworkers.models.findings.environment_diff import differences
from nworkers.models.findings.host_speed import check_cells
from nworkers.models.records.calibration import (
    Burst,
    Calibration,
    Cell,
    ConcurrentFlows,
    Memory,
    Neighbour,
    Skipped,
    TaskHost,
)
from nworkers.models.records.profile import Evidence

#: Beyond a burst's budget: its warm-up, and the call that is under way when the budget ends.
OVER_BUDGET = 1.3
#: Start of a process that sees a GPU, and some small training steps.
MEMORY_S = 120.0
TIME_LIMIT = "the time limit"
#: A soak's transfer is large, so that it is the link that is timed, and is taken in slices, so that
#: Ctrl-C loses none but the last.
SOAK_BYTES = 2**24
SOAK_SLICE_S = 2.0
SOAK_SAMPLES = 10**6


Stage = Literal["timing the model", "calibrating", "fitting"]


@dataclass(frozen=True)
class CampaignProgress:
    """Cells done of all rounds, the one that is running, and an estimate of the time left.

    ``left_s`` is None where it is not known; ``stage`` says what the cells are of.
    """

    done: int
    total: int
    cell: str
    left_s: float | None
    stage: Stage = "calibrating"


class CampaignStopped(Exception):
    """A campaign that ended early; ``calibration`` holds what was measured until then."""

    def __init__(self, calibration: Calibration, cause: BaseException) -> None:
        self.calibration = calibration
        self.cause = cause
        super().__init__(str(cause))


@dataclass(frozen=True)
class Machines:
    """Where the tasks run: on loopback by default.

    ``chief`` is where ParameterServerStrategy's coordinator runs: a process of this machine, which
    must reach all the others.
    """

    ps: tuple[TaskAddress, ...] = (TaskAddress(),)
    workers: tuple[TaskAddress, ...] = (TaskAddress(), TaskAddress())
    chief: TaskAddress = field(default_factory=TaskAddress)
    link_kind: Literal["loopback", "network"] = "loopback"
    evidence: Evidence = "one host"
    hardware: str = ""

    @property
    def addresses(self) -> TaskAddresses:
        """Of all tasks."""
        return TaskAddresses(self.ps, self.workers, self.chief)

    @property
    def ps_on_one_host(self) -> int:
        """The most ps that share an address, whose connections to a worker join two hosts."""
        addresses = [site.host for site in self.ps]
        return max((addresses.count(address) for address in addresses), default=0)


def local_machines(ps: int, workers: int) -> Machines:
    """So many tasks on this machine."""
    return Machines(ps=(TaskAddress(),) * ps, workers=(TaskAddress(),) * workers)


class _OutOfTime(Exception):
    """The next cell would not end within the time limit."""


def calibrate(
    plan: MeasurementPlan,
    *,
    logs: Path,
    progress: Callable[[CampaignProgress], None],
    machines: Machines | None = None,
    journal: Journal | None = None,
) -> Calibration:
    """Measure what the plan has left; the profile is not fitted yet.

    Args:
        machines: where the tasks run; by default one ps and two workers on loopback.
        journal: where every cell goes as soon as it is measured.

    Raises:
        CampaignStopped: interrupted, or a task failed; it carries the samples so far and the cause.
        HardwareError: a framework is not installed.
        InputError: the journal cannot be written.
    """
    for runtime in {runtime_of(cell).name for cell in plan.cells}:
        RUNTIMES[runtime].framework.require()
    campaign = _Campaign(plan, machines or Machines(), logs, progress, journal)
    try:
        campaign.begin()
        campaign.measure_memory()
        for round_ in campaign.rounds:
            campaign.run_round(round_)
        campaign.measure_crowds()
        campaign.measure_soak()
    except _OutOfTime:
        return campaign.result(TIME_LIMIT)
    except KeyboardInterrupt as cause:
        raise CampaignStopped(campaign.result("interrupted"), cause) from cause
    except HardwareError as cause:
        raise CampaignStopped(campaign.result("a task failed"), cause) from cause
    return campaign.result()


class _Campaign:
    def __init__(
        self,
        plan: MeasurementPlan,
        machines: Machines,
        logs: Path,
        progress: Callable[[CampaignProgress], None],
        journal: Journal | None,
    ) -> None:
        self._plan = plan
        self._machines = machines
        self._logs = logs
        self._progress = progress
        self._journal = journal
        before = plan.before
        self._bursts: list[Burst] = list(before.bursts) if before else []
        self._skipped = {s.cell: s.reason for s in before.skipped} if before else {}
        self._neighbours: list[Neighbour] = list(before.neighbours) if before else []
        self.rounds = plan.to_measure
        addresses = [site.host for site in machines.workers]
        self._hosts = tuple(list(dict.fromkeys(addresses)).index(a) for a in addresses)
        self._everywhere = check_cells(plan.cells) if len(set(self._hosts)) > 1 else ()
        self._began = time.monotonic()
        self._total = sum(len(round_.cells) for round_ in self.rounds)
        self._done = 0
        #: Seconds that a cell took in an earlier round of this run, and the start of each group.
        self._taken_s: dict[Cell, float] = {}
        self._start_s: dict[ClusterKind, float] = {}
        self._watch = Watch()
        self._tasks = before.tasks if before else ()
        self._joined = 0
        self._gpus = before.gpus if before else 0
        self._memory: Memory | None = before.memory if before else None
        self._gpu_memory: Memory | None = before.gpu_memory if before else None
        self._no_memory = dict(before.memory_skipped) if before else {}
        self._crowds: tuple[ConcurrentFlows, ...] = before.crowds if before else ()
        if not machines.ps:
            reason = "the cluster has no ps; --ps 1 makes one of its tasks a ps"
            needing = [c for c in plan.cells if runner_of(c).ps]
            self._skipped |= {cell.built: reason for cell in needing}

    def begin(self) -> None:
        if self._journal:
            self._journal.begin(self.result("killed"))

    def result(self, stopped: str = "") -> Calibration:
        """What was measured until now; ``stopped`` says why it ended early, if it did."""
        machines, before = self._machines, self._plan.before
        environment = self._watch.environment()
        if machines.hardware:
            environment = replace(environment, hardware=machines.hardware)
        complete = not self._pending()
        return Calibration(
            environment=before.environment if before else environment,
            link_kind=machines.link_kind,
            evidence=machines.evidence,
            cores=next((t.cores for t in self._tasks if t.task == "ps0"), usable_cores()),
            ps=len(machines.ps),
            workers=len(machines.workers),
            rounds=len({burst.round for burst in self._bursts}),
            complete=complete,
            workload=self._plan.workload,
            bursts=tuple(self._bursts),
            skipped=tuple(Skipped(cell, reason) for cell, reason in self._skipped.items()),
            planned=self._plan.planned,
            stopped="" if complete else stopped,
            neighbours=tuple(self._neighbours),
            resumed=(*before.resumed, environment) if before else (),
            tasks=self._tasks,
            memory=self._memory,
            gpu_memory=self._gpu_memory,
            gpus=self._gpus,
            memory_skipped=dict(self._no_memory),
            crowds=self._crowds,
            threads=self._plan.threads,
            pipeline=self._plan.pipeline,
        )

    def _pending(self) -> tuple[Round, ...]:
        skipped = [Skipped(cell, reason) for cell, reason in self._skipped.items()]
        return pending(self._plan.cells, self._plan.rounds, self._bursts, skipped)

    def measure_memory(self) -> None:
        """In a process of its own, whose peak is this measurement's alone, for each device."""
        if self._plan.memory and self._memory is None and self.rounds:
            self._report("memory of a training step")
            self._memory = self._memory_of(gpu=False)
        if self._plan.gpu_memory and self._gpu_memory is None and self.rounds:
            self._report("memory of a training step on the GPU")
            self._gpu_memory = self._memory_of(gpu=True)

    def _memory_of(self, *, gpu: bool) -> Memory | None:
        """What was found; None where a step cannot be trained, and where that failed."""
        device = "gpu" if gpu else "cpu"
        self._no_memory.pop(device, None)
        with running([single(gpu=gpu)], logs=self._logs) as cluster:
            names = cluster.names(SINGLE_JOB)
            try:
                found: list[Memory | None] = cluster.call(
                    names, "memory", self._plan.workload, timeout_s=MEMORY_S
                )
            except HardwareError as error:
                # That process is this measurement's alone: all else can be measured without it.
                self._no_memory[device] = getattr(error, "reason", str(error))
                return None
        return found[0]

    @property
    def _gathers(self) -> bool:
        """Whether transfers that begin at once are still to be measured: once, over a network."""
        machines = self._machines
        joined = machines.link_kind == "network" and machines.ps and machines.workers
        return bool(self._plan.crowds and self.rounds and joined and not self._crowds)

    def measure_crowds(self) -> None:
        """How the first ps's link is shared by transfers that begin at once."""
        if not self._gathers:
            return
        self._require_time(self._plan.crowds_s)
        self._report("transfers at once")
        with running(
            SESSION.groups(self._machines.addresses, ()),
            logs=self._logs,
            first=not self._start_s,
            again=self._soaks,
            threads=self._plan.threads,
        ) as cluster:
            self._crowds = concurrent_flows.measure(cluster, self._plan.crowds, self._report)

    @property
    def _soaks(self) -> bool:
        """Whether a soak is still to be measured; it needs a ps, and is done once."""
        done = any(burst.cell.quantity == "soak" for burst in self._bursts)
        return bool(self._plan.soak_s and self._machines.ps and not done)

    def measure_soak(self) -> None:
        """Repeat one large fetch for as long as the plan says; what was taken is always kept."""
        if not self._soaks:
            return
        cell = Cell("soak", "ps", SOAK_BYTES)
        slices: list[Burst] = []
        began = time.monotonic()
        try:
            with running(
                SESSION.groups(self._machines.addresses, ()),
                logs=self._logs,
                first=not self._start_s,
                threads=self._plan.threads,
            ) as cluster:
                plan = replace(self._plan, burst_s=SOAK_SLICE_S, max_samples=SOAK_SAMPLES)
                built = CellGroup(cluster, [cell], plan, self._skipped)
                while cell not in self._skipped:
                    left_s = self._plan.soak_s - (time.monotonic() - began)
                    if left_s <= 0:
                        break
                    self._progress(CampaignProgress(self._done, self._total, "soak", left_s))
                    try:
                        slices += built.measure(cell, 0)
                    except TaskFailed as error:
                        self._skip(cell, error.reason)
        finally:
            if slices:
                samples = tuple(s for part in slices for s in (*part.warmup_s, *part.samples_s))
                self._bursts.append(replace(slices[0], warmup_s=(), samples_s=samples, outliers=()))

    def run_round(self, round_: Round) -> None:
        """Measure the round's cells once, in random order, in fresh processes."""
        chance = random.Random(f"{self._plan.seed} {round_.number}")
        groups: dict[ClusterKind, list[Cell]] = {}
        for cell in round_.cells:
            groups.setdefault(ClusterKind.of(cell), []).append(cell)
        order = chance.sample(sorted(groups), len(groups))
        for kind in order:
            chance.shuffle(groups[kind])
            last = round_ == self.rounds[-1] and kind == order[-1]
            last = last and not (self._gathers or self._soaks)
            left = groups[kind]
            while left:
                left = self._run_group(kind, left, round_.number, again=not last)
        if not self._bursts:
            raise HardwareError(self._nothing_measured())
        self._report("")

    def _nothing_measured(self) -> str:
        """What to say where every cell of a round failed."""
        for cell, reason in self._skipped.items():
            return f"no cell could be measured; {cell.name}: {reason}; logs: {self._logs}"
        return "no cell could be measured"

    def _run_group(
        self, kind: ClusterKind, cells: Sequence[Cell], number: int, *, again: bool
    ) -> list[Cell]:
        """Measure cells in a cluster of their own, which has only the tasks that they run in.

        Returns those that need another: a cell in lock-step failed before it was their turn.
        """
        self._require_time(self._start_s.get(kind, 0.0))
        self._report("starting the cluster")
        began = time.monotonic()
        sizes = sorted({cell.workers for cell in cells})
        groups = RUNTIMES[kind.runtime].groups(self._addresses(kind), sizes)
        if any(runner_of(cell).job == SINGLE_JOB for cell in cells):
            groups = (*groups, single())
        if kind.gpu:
            groups = on_gpus(groups)
        with running(
            groups,
            logs=self._logs,
            first=not self._start_s,
            threads=self._plan.threads,
        ) as cluster:
            if len(cluster.names("worker")) > self._joined:
                self._join(cluster)
            if kind.gpu and not self._gpus:
                first = next(iter(cluster.names("worker") or cluster.names(SINGLE_JOB)))
                (self._gpus,) = cluster.call([first], "gpus", timeout_s=BUILD_S)
            never = dict(self._skipped)
            built = CellGroup(cluster, cells, self._plan, never, self._everywhere)
            for cell in [cell for cell in never if cell not in self._skipped]:
                self._skip(cell, never[cell])
            self._start_s[kind] = time.monotonic() - began
            # From here on: importing TensorFlow is no part of what others may disturb.
            neighbours = Neighbours()
            elsewhere = _served_here(cluster)
            left: list[Cell] = []
            out_of_step = False
            try:
                for cell in cells:
                    together = runner_of(cell).lock_step
                    skipped = cell in self._skipped or cell.built in self._skipped
                    if together and out_of_step and not skipped:
                        left.append(cell)
                        continue
                    self._report(cell.name)
                    if not skipped:
                        try:
                            self._measure_cell(cluster, built, cell, number)
                        except TaskFailed as error:
                            self._skip(cell, error.reason)
                            out_of_step = out_of_step or together
                    self._done += 1
            finally:
                self._add_neighbours(neighbours.busy(number, [os.getpid(), *elsewhere]))
            cluster.again = again or bool(left)
            return left

    def _addresses(self, kind: ClusterKind) -> TaskAddresses:
        """All tasks; those that joined the cluster that was asked for are in sessions alone."""
        found, scope = self._machines.addresses, self._plan.scope
        if scope is None or kind == ClusterKind(SESSION.name, gpu=False):
            return found
        return replace(found, ps=found.ps[: scope.ps], workers=found.workers[: scope.workers])

    def _skip(self, cell: Cell, reason: str) -> None:
        """Measure a cell in no round to come; the reason is kept at once."""
        self._skipped[cell] = reason
        if self._journal:
            self._journal.add(skipped=(Skipped(cell, reason),))

    def _join(self, cluster: Cluster) -> None:
        """Learn where the tasks run; a run that goes on must find them where the first one did."""
        found = {host.task: host for host in _task_hosts(cluster)}
        for was in self._tasks:
            now = found.get(was.task, was)
            changed = differences(was.environment.facts, now.environment.facts)
            if changed:
                raise HardwareError(
                    f"task {now.task} runs elsewhere than in the first run: {', '.join(changed)}"
                )
        self._tasks = tuple(found.values())
        self._joined = len(cluster.names("worker"))

    def _measure_cell(self, cluster: Cluster, built: CellGroup, cell: Cell, number: int) -> None:
        """Measure a cell and keep it; where it tells hosts apart, on every worker in turn."""
        self._require_time(self._expected_s(cell))
        began = time.monotonic()
        bursts = built.measure(cell, number)
        if cell in self._everywhere:
            for worker, name in enumerate(cluster.names("worker")[1:], start=1):
                (alone,) = built.measure(cell, number, [name])
                bursts.append(replace(alone, worker=worker, processor=None))
        self._taken_s[cell] = time.monotonic() - began
        self._bursts += bursts
        if self._journal:
            self._journal.add(bursts=tuple(bursts))

    def _add_neighbours(self, found: tuple[Neighbour, ...]) -> None:
        self._neighbours += found
        if self._journal:
            self._journal.add(neighbours=found)

    def _expected_s(self, cell: Cell) -> float:
        budget_s = self._plan.budget_s(cell)
        everywhere = len(self._hosts) if cell in self._everywhere else 1
        return self._taken_s.get(cell, OVER_BUDGET * budget_s * everywhere)

    def _require_time(self, needed_s: float) -> None:
        limit_s = self._plan.limit_s
        if limit_s is not None and time.monotonic() - self._began + needed_s > limit_s:
            raise _OutOfTime

    def _report(self, cell: str) -> None:
        elapsed = time.monotonic() - self._began
        planned = self._plan.rounds * len(self._plan.cells)
        if self._done > self._total // (4 * max(1, len(self.rounds))):
            left = elapsed / self._done * (self._total - self._done)
        else:
            left = max(0.0, self._plan.estimate_s * self._total / planned - elapsed)
        self._progress(CampaignProgress(self._done, self._total, cell, left))


def _task_hosts(cluster: Cluster) -> tuple[TaskHost, ...]:
    """Every task of ps and workers with its host's facts; hosts are numbered, not named."""
    hosts = cluster.hosts("ps") | cluster.hosts("worker")
    numbers = {address: k for k, address in enumerate(dict.fromkeys(hosts.values()))}
    environments = cluster.call(list(hosts), "environment")
    cores = cluster.call(list(hosts), "cores")
    return tuple(
        TaskHost(name, numbers[hosts[name]], count, environment)
        for name, count, environment in zip(hosts, cores, environments, strict=True)
    )


def _served_here(cluster: Cluster) -> list[int]:
    """Processes of tasks that somebody else started on this machine; they are no neighbours."""
    here = machine()
    names = cluster.remote_names()
    return [pid for name, pid in cluster.call(names, "identity") if name == here]
