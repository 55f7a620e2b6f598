"""Cell group: cells that share a cluster within a round, built and measured in its tasks."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nworkers.calibrate.campaigns.plan import MeasurementPlan, together
from nworkers.calibrate.cluster.cluster import Cluster
from nworkers.calibrate.probes.sampling import Limits, Samples
from nworkers.calibrate.training.runtime import runner_of, runtime_of
from nworkers.models.base.statistics import outliers
from nworkers.models.fitting.precision import target
from nworkers.models.records.calibration import Burst, Cell, Processor
from nworkers.models.records.runtimes import Runtime

#: Building every graph of a full plan takes a few seconds on slow cores.
BUILD_S = 120.0
#: The fewest samples of a cell in lock-step, however long its calls take.
LEAST_TOGETHER = 5

Taken = tuple[Samples, float]


@dataclass(frozen=True, order=True)
class ClusterKind:
    """Which cells share a cluster: those of one runtime, on processors or on GPUs.

    Each runtime has a cluster of its own: servers that a coordinator has connected to serve
    sessions as before, but their next collective ends them with SIGSEGV (TensorFlow 2.21). Workers
    that see GPUs are other processes, so that the processors' cells are as on a host without.
    """

    runtime: Runtime
    gpu: bool

    @staticmethod
    def of(cell: Cell) -> ClusterKind:
        return ClusterKind(runtime_of(cell).name, cell.device != "")


def build_order(cells: Iterable[Cell]) -> list[Cell]:
    """Lock-step first: of other cells workers have unlike numbers, and a slow link takes its time.

    Then smallest first, so that a size over the limit spares the larger ones.
    """
    return sorted(cells, key=lambda cell: (not runner_of(cell).lock_step, cell.size_bytes))


class CellGroup:
    """The cells as built in the tasks of a cluster.

    Args:
        skipped: cells not to build, by reason; those that turn out too slow are added.
        everywhere: cells that every worker runs in turn.
    """

    def __init__(
        self,
        cluster: Cluster,
        cells: Sequence[Cell],
        plan: MeasurementPlan,
        skipped: dict[Cell, str],
        everywhere: Sequence[Cell] = (),
    ) -> None:
        self._cluster = cluster
        self._plan = plan
        self._cold: dict[tuple[str, Cell], float] = {}
        self._order: dict[str, list[Cell]] = {}
        # A worker builds what it runs, alone or beside others, and no more: it takes time.
        most: dict[Cell, int] = {}
        for cell in cells:
            workers = len(cluster.names("worker")) if cell in everywhere else cell.workers
            most[cell.built] = max(most.get(cell.built, 0), workers)
        for cell in build_order(most):
            if cell not in skipped:
                beside = replace(cell, workers=most[cell])
                for name in self.runners(beside):
                    self._order.setdefault(name, []).append(cell)
        calls = {
            name: (chosen, plan.workload, plan.pipeline) for name, chosen in self._order.items()
        }
        answers = cluster.call_each(calls, "build", timeout_s=BUILD_S)
        # Of several workers the first to fail knows why; those that waited for it took longer.
        found: dict[Cell, tuple[float, str]] = {}
        for name, results in zip(calls, answers, strict=True):
            for cell, (cold_s, reason) in zip(self._order[name], results, strict=True):
                self._cold[name, cell] = cold_s
                if reason:
                    found[cell] = min(found.get(cell, (math.inf, "")), (cold_s, reason))
        if found:
            cluster.require_alive()
        skipped |= {cell: reason for cell, (_, reason) in found.items()}

    def runners(self, cell: Cell) -> list[str]:
        """The tasks that run a cell."""
        return self._cluster.names(runner_of(cell).calling_job(cell.workers))[: cell.workers]

    def measure(self, cell: Cell, number: int, only: Sequence[str] = ()) -> list[Burst]:
        """One burst by each of the cell's tasks, or by those named, in round ``number``.

        Raises:
            TaskFailed: the cell failed in one of them. Where it is one in lock-step, the tasks
                have lost step, and are of no more use for such cells.
        """
        plan, cluster = self._plan, self._cluster
        names = list(only) or self.runners(cell)
        concurrent = together(cell)
        limits = Limits(
            precision=target(cell),
            max_samples=plan.max_samples * (100 if concurrent else 1),
            budget_s=plan.budget_s(cell),
        )
        runner = runner_of(cell)
        if runner.lock_step:
            limits = replace(limits, exactly=self._count(cell, names))
        ps = cluster.names("ps") if runner.ps else []
        # What is scheduled runs on tasks that are in no call of ours.
        others = cluster.names(runner.scheduled) if runner.scheduled else []
        began = time.perf_counter()
        before = _busy(cluster, ps, others, names[0])
        answers = self._bursts(cell, names, limits, together=concurrent)
        after = _busy(cluster, ps, others, names[0])
        samples = [answer[0] for answer in answers]
        own_s = sum(answer[1] for answer in answers)
        processor = Processor(
            operations=sum(len(s.warmup_s) + len(s.samples_s) for s in samples),
            worker_s=max(0.0, after.workers_s - before.workers_s) if others else own_s,
            ps_s=max(0.0, after.ps_s - before.ps_s),
            host_s=max(0.0, after.host_s - before.host_s),
            wall_s=time.perf_counter() - began,
            chief_s=own_s if others else 0.0,
        )
        return [
            Burst(
                cell=cell,
                round=number,
                worker=worker,
                cold_s=self._cold[name, cell.built],
                warmup_s=taken.warmup_s,
                samples_s=taken.samples_s,
                outliers=tuple(outliers(np.asarray(taken.samples_s))),
                stop=taken.stop,
                processor=processor if worker == 0 else None,
            )
            for worker, (name, taken) in enumerate(zip(names, samples, strict=True))
        ]

    def _count(self, cell: Cell, names: Sequence[str]) -> int:
        """How often all workers of a cell in lock-step call it within its budget."""
        once = Limits(precision=0.0, max_samples=1, budget_s=0.0, exactly=1)
        began = time.perf_counter()
        ((pilot, _), *_) = self._bursts(cell, names, once, together=False)
        # Of the clock, since what a cell runs beside takes time as well.
        call_s = (time.perf_counter() - began) / (len(pilot.warmup_s) + 1)
        wanted = int(self._plan.burst_s / call_s)
        return min(max(wanted, LEAST_TOGETHER), self._plan.max_samples)

    def _bursts(
        self, cell: Cell, names: Sequence[str], limits: Limits, *, together: bool
    ) -> list[Taken]:
        """The samples of each task that runs the cell, and its processor seconds."""
        starts = self._cluster.start_together(names) if together else dict.fromkeys(names)
        calls = {
            name: (self._order[name].index(cell.built), replace(limits, start_at=start_at))
            for name, start_at in starts.items()
        }
        return self._cluster.call_each(calls, "burst", to_the_end=True)


@dataclass(frozen=True)
class _Busy:
    """Processor seconds since the start: of the ps and some workers, and of a host."""

    ps_s: float
    workers_s: float
    host_s: float


def _busy(cluster: Cluster, ps: Sequence[str], workers: Sequence[str], runner: str) -> _Busy:
    """The host is that of the first ps, or of the runner where the cell has none."""
    names = [*ps, *workers] or [runner]
    readings: list[tuple[float, float]] = cluster.call(names, "processor")
    tasks = [task for task, _ in readings]
    count = len(ps)
    return _Busy(
        ps_s=sum(tasks[:count]),
        workers_s=sum(tasks[count:]) if workers else 0.0,
        host_s=readings[0][1],
    )
