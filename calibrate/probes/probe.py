"""Probe: a cell made runnable inside a task, and what a task knows when it makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nworkers.calibrate.probes.sampling import nothing
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.calibration import Cell
from nworkers.models.records.workload import Workload


class UserCodeError(HardwareError):
    """A function of the user's is at fault: that ends a command, where a probe is skipped."""


@dataclass(frozen=True)
class Probe:
    """``step()`` runs the cell once and returns when it is done; that is what is timed.

    ``verify`` runs it once more; it raises HardwareError where the framework does not do what the
    cell says. ``before`` and ``after`` run around every timed call, outside its time.
    ``unavailable`` is why the cell cannot run here, such as "no GPU": it is then skipped, by name.
    """

    cell: Cell
    step: Callable[[], object]
    verify: Callable[[], object] = nothing
    before: Callable[[], object] = nothing
    after: Callable[[], object] = nothing
    unavailable: str = ""


@dataclass(frozen=True)
class Context:
    """The task that a probe is built in.

    Args:
        job: the task's, such as ``single``, ``worker`` or ``chief``.
        index: of this task within its job.
        target: of this task's own server for sessions; "" without one.
        cluster: addresses of every task, by job (``ps``, ``worker``); of its own
            cluster alone.
        workload: what ``step`` and ``gradient`` train.
        threads: of the framework's pools; None for its default.
        pipeline: ``module:function`` that gives the input as a tf.data.Dataset; "" for none.
        gpu: the number of the task's own GPU on its host, where each task has one of its own.
    """

    job: str
    index: int
    target: str
    cluster: Mapping[str, Sequence[str]]
    workload: Workload
    threads: int | None = None
    pipeline: str = ""
    gpu: int = 0
