"""Runtime: one row for each way of training, with all that it takes to measure it and to train.

A second framework is another `Framework` and its rows here; nothing else names a runtime. Modules
are named by text, so that a framework is imported by the task that needs it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from nworkers.calibrate.training.tasks import TaskAddress, TaskAddresses, TaskGroup
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.calibration import Cell, Executor
from nworkers.models.records.runtimes import RUNTIMES_OF, Strategy
from nworkers.models.records.runtimes import Runtime as RuntimeName

#: The process without a cluster.
SINGLE_JOB = "single"
#: Jobs of tasks that compute nothing.
PROCESSOR_JOBS = ("ps", "chief")
#: The job of tasks elsewhere that are kept, in whatever role they were last.
SPARE_JOB = "spare"


@dataclass(frozen=True)
class Framework:
    """A package that trains, and the modules that speak to it.

    Args:
        package: what is imported.
        install: the commands that install it, as a user is told.
        preload: the module that the fork server imports, so that tasks start quickly.
        channel: has ``client(address, limit_s)`` and ``server(target, port)``, each a `Channel`.
        devices: has ``gpus()``, those that the process sees.
        memory: has ``measure(workload, threads)``, of a training step.
        user_model: has ``described(name)``, of the user's ``module:function``.
    """

    name: str
    package: str
    install: str
    preload: str
    channel: str
    devices: str
    memory: str
    user_model: str

    def require(self) -> None:
        """Raise HardwareError with the command that installs the framework, where it is missing."""
        if importlib.util.find_spec(self.package) is None:
            raise HardwareError(f"{self.name} is not installed; install it with: {self.install}")

    def version(self) -> str:
        """The version that this process imports."""
        return str(import_module(self.package).__version__)


@dataclass(frozen=True)
class CellRunner:
    """Who runs the cells of a path.

    Args:
        job: of the tasks that call the cell; ``{workers}`` stands for the cell's number of them.
        ps: whether the ps take part.
        scheduled: the job of the tasks that the caller has work; "" for none.
        lock_step: whether all callers must call equally often, or one of them waits for ever.
    """

    job: str
    ps: bool = False
    scheduled: str = ""
    lock_step: bool = False

    def calling_job(self, workers: int) -> str:
        """The job of the tasks that call a cell of so many workers."""
        return self.job.format(workers=workers)


@dataclass(frozen=True)
class ProbeModule:
    """A module with ``build(cells, context)``, and the cells that it makes runnable."""

    module: str
    covers: Callable[[Cell], bool] = lambda _: True


@dataclass(frozen=True)
class Runtime:
    """A way of training.

    Args:
        groups: the tasks of a job at these addresses, in groups; of each of the sizes where a
            number of workers has tasks of its own.
        driver: the job of the tasks whose calls are the training; ``{workers}`` is their number.
        server: ``module:function`` that starts the server of a `Role`, and returns its target.
        meets_peers: whether that server comes up only when those of all its peers do.
        trainer: the module with ``build(job, place)``.
        builds_together: whether all drivers build at once; else the first does before the others.
        traces: whether the parts of a step can be traced.
        alone: the runtime that trains the same in one process.
        runners: who runs the cells that measure this runtime, by their path.
        probes: the first module that covers a cell builds it.
        added_cells: what is measured of it beside sessions, for a number of workers, a batch (0
            where the workload has no gradients) and sizes in bytes.
    """

    name: RuntimeName
    framework: Framework
    groups: Callable[[TaskAddresses, Sequence[int]], tuple[TaskGroup, ...]]
    driver: str
    server: str
    trainer: str
    alone: RuntimeName
    runners: Mapping[Executor, CellRunner]
    probes: tuple[ProbeModule, ...]
    added_cells: Callable[[int, int, Sequence[int]], list[Cell]] = lambda *_: []
    meets_peers: bool = False
    builds_together: bool = False
    traces: bool = False

    @property
    def strategies(self) -> tuple[Strategy, ...]:
        """What it trains."""
        return tuple(strategy for strategy, names in RUNTIMES_OF.items() if self.name in names)

    def driving_job(self, workers: int) -> str:
        """The job of the tasks that drive a training of so many workers."""
        return self.driver.format(workers=workers)


def load(name: str) -> Any:
    """A module, or the function of ``module:function``."""
    module, _, function = name.partition(":")
    found = import_module(module)
    return getattr(found, function) if function else found


def _servers(runtime: RuntimeName, at: TaskAddresses) -> tuple[TaskGroup, ...]:
    """The ps and the workers, each with a server, which know each other."""
    found = (TaskGroup("ps", at.ps, runtime), TaskGroup("worker", at.workers, runtime))
    return tuple(group for group in found if group.addresses)


def _on_sessions(at: TaskAddresses, sizes: Sequence[int]) -> tuple[TaskGroup, ...]:
    return _servers("session", at)


def _under_a_coordinator(at: TaskAddresses, sizes: Sequence[int]) -> tuple[TaskGroup, ...]:
    """A chief has no server and knows those of the others."""
    chief = TaskGroup("chief", (at.chief,), "coordinator", member=False)
    return (*_servers("coordinator", at), chief)


MIRRORED_JOB = "mirrored{workers}-"


def _mirrored(at: TaskAddresses, sizes: Sequence[int]) -> tuple[TaskGroup, ...]:
    """A strategy spans all tasks of its cluster, so each number of workers has a cluster."""
    jobs = [(MIRRORED_JOB.format(workers=size), at.workers[:size]) for size in sizes]
    return tuple(TaskGroup(job, at_, "mirrored", cluster=job) for job, at_ in jobs)


def _coordinator_cells(workers: int, batch: int, sizes: Sequence[int]) -> list[Cell]:
    """Functions alone, and by the dozen: what each costs the one process that schedules them."""
    cells = [Cell("noop", "coordinator"), Cell("noop", "coordinator", workers=4 * workers)]
    return cells + ([Cell("step", "coordinator", batch=batch)] if batch else [])


def _mirrored_cells(workers: int, batch: int, sizes: Sequence[int]) -> list[Cell]:
    """What the strategy adds to a local step, to an all-reduce and to training with one."""
    if workers < 2:
        return []
    cells = [Cell("noop", "mirrored", workers=workers)]
    cells += [Cell("allreduce", "mirrored", size, workers=workers) for size in sizes]
    return cells + ([Cell("step", "mirrored", batch=batch, workers=workers)] if batch else [])


_TF = "nworkers.calibrate.tensorflow"
TENSORFLOW = Framework(
    name="TensorFlow",
    package="tensorflow",
    install="pip install 'nworkers[tf]' (with an NVIDIA GPU: pip install 'nworkers[gpu]')",
    preload=f"{_TF}.preload",
    channel=f"{_TF}.queue_channel",
    devices=f"{_TF}.devices",
    memory=f"{_TF}.memory",
    user_model=f"{_TF}.user_model",
)

SESSION = Runtime(
    name="session",
    framework=TENSORFLOW,
    groups=_on_sessions,
    driver="worker",
    server=f"{_TF}.server:serve_sessions",
    trainer=f"{_TF}.session_training",
    alone="session",
    traces=True,
    runners={
        "process": CellRunner(SINGLE_JOB),
        "server": CellRunner("worker"),
        "ps": CellRunner("worker", ps=True),
        "collective": CellRunner("worker", lock_step=True),
    },
    probes=(
        ProbeModule(f"{_TF}.collectives", lambda cell: cell.path == "collective"),
        ProbeModule(f"{_TF}.gpu_probes", lambda cell: cell.device != ""),
        ProbeModule(f"{_TF}.pipeline", lambda cell: cell.quantity == "input"),
        ProbeModule(
            f"{_TF}.training_probes",
            lambda cell: cell.path != "collective" and cell.quantity in ("step", "gradient"),
        ),
        ProbeModule(f"{_TF}.graphs"),
    ),
)
COORDINATOR = Runtime(
    name="coordinator",
    framework=TENSORFLOW,
    groups=_under_a_coordinator,
    driver="chief",
    server=f"{_TF}.server:serve_sessions",
    trainer=f"{_TF}.coordinator_training",
    alone="session",
    runners={"coordinator": CellRunner("chief", ps=True, scheduled="worker")},
    probes=(ProbeModule(f"{_TF}.coordinator"),),
    added_cells=_coordinator_cells,
)
MIRRORED = Runtime(
    name="mirrored",
    framework=TENSORFLOW,
    groups=_mirrored,
    driver=MIRRORED_JOB,
    server=f"{_TF}.mirrored:join",
    trainer=f"{_TF}.mirrored_training",
    alone="session",
    meets_peers=True,
    builds_together=True,
    runners={"mirrored": CellRunner(MIRRORED_JOB, lock_step=True)},
    probes=(ProbeModule(f"{_TF}.mirrored"),),
    added_cells=_mirrored_cells,
)

#: The first serves whoever has not been told his role yet.
RUNTIMES: Mapping[RuntimeName, Runtime] = {
    row.name: row for row in (SESSION, COORDINATOR, MIRRORED)
}
UNASSIGNED = SESSION
_MEASURING = {path: runtime for runtime in RUNTIMES.values() for path in runtime.runners}


def runtime_of(cell: Cell) -> Runtime:
    """The runtime that the cell measures."""
    return _MEASURING[cell.path]


def runner_of(cell: Cell) -> CellRunner:
    """Who runs the cell."""
    return runtime_of(cell).runners[cell.path]


def probe_module(cell: Cell) -> str:
    """The module that builds the cell."""
    return next(row.module for row in runtime_of(cell).probes if row.covers(cell))


def single(*, gpu: bool = False) -> TaskGroup:
    """One process without a cluster."""
    return TaskGroup(SINGLE_JOB, (TaskAddress(),), SESSION.name, member=False, gpu=gpu)


def on_gpus(groups: Sequence[TaskGroup], *, workers_per_gpu: int = 1) -> tuple[TaskGroup, ...]:
    """Groups of which the tasks that compute see GPUs; ps and chiefs use processors."""
    return tuple(
        group
        if group.job in PROCESSOR_JOBS
        else replace(group, gpu=True, workers_per_gpu=workers_per_gpu)
        for group in groups
    )


def spare(addresses: Sequence[TaskAddress]) -> TaskGroup:
    """Tasks that have nothing to do this time, and are kept for the next."""
    return TaskGroup(SPARE_JOB, tuple(addresses), UNASSIGNED.name, cluster=SPARE_JOB)
