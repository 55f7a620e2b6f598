"""Plan: which cells a calibration measures, for how long, before anything is started."""

from __future__ import annotations

import random
from dataclasses import dataclass

from nworkers.calibrate.campaigns.cells import (
    IDLE_S,
    collectives,
    compute,
    concurrent_workers,
    on_gpu,
    spread,
    step_batches,
    strategies,
    transfers,
    within_tasks,
)
from nworkers.calibrate.campaigns.presets import DEFAULT, FULL, QUICK, Shape
from nworkers.calibrate.cluster.cluster import LEAD_S
from nworkers.calibrate.training.runtime import SESSION, runtime_of
from nworkers.models.records.calibration import Cell
from nworkers.models.records.workload import Workload

#: For the estimate, taken on 2 cores: seconds until the fork server has imported TensorFlow, of the
#: memory of a step, of starting one round's tasks and those of a strategy, of spawning a task that
#: sees a GPU, of building and proving a cell and each of its tensors; and what of a burst's budget
#: is used.
START_S = 6.5
MEMORY_S = 1.5
ROUND_S = 0.6
STRATEGY_S = 2.0
SPAWN_S = 8.0
BUILD_S = 0.03
TENSOR_S = 0.002
BURST_SHARE = 0.9
#: A transfer runs some seven times in all, however small its budget.
LEAST_RUNS = 7
SLOW_BYTES_PER_S = 1e9
#: One kind of transfers at once, the pauses included.
CROWD_S = 3.0


@dataclass(frozen=True)
class Plan:
    """Cells and limits. One round measures every cell once, in a cluster of fresh processes.

    Args:
        threads: of TensorFlow's pools; None for its default.
        pipeline: ``module:function`` of the ``input`` cells.
        soak_s: how long to repeat a large fetch after all rounds; 0 for not at all.
        memory: whether to measure what training takes of the device's memory, once.
        crowds: (transfers, bytes of each) that begin at once, once, after all rounds.
    """

    workload: Workload
    cells: tuple[Cell, ...]
    rounds: int
    burst_s: float
    window_s: float
    max_samples: int
    seed: int
    threads: int | None = None
    pipeline: str = ""
    memory: bool = False
    soak_s: float = 0.0
    crowds: tuple[tuple[int, int], ...] = ()

    @property
    def gpu(self) -> bool:
        """Whether any cell runs on a GPU."""
        return any(cell.device for cell in self.cells)

    @property
    def estimate_s(self) -> float:
        """Estimate of the whole calibration, from the limits and measured set-up times."""
        start = START_S + MEMORY_S * self.memory
        strategies = {runtime_of(cell).name for cell in self.cells} - {SESSION.name}
        round_s = ROUND_S + SPAWN_S * self.gpu + STRATEGY_S * len(strategies)
        round_s += sum(self.cell_s(cell) for cell in self.cells)
        return start + self.rounds * round_s + self.crowds_s + self.soak_s

    @property
    def crowds_s(self) -> float:
        """Seconds of the transfers that begin at once."""
        return bool(self.crowds) * ROUND_S + CROWD_S * len(self.crowds)

    def cell_s(self, cell: Cell) -> float:
        """Seconds of a cell in one round: its part in building the graphs, and its burst."""
        built_s = BUILD_S + TENSOR_S * cell.tensors if cell.workers == 1 else 0.0
        slow_s = LEAST_RUNS * cell.size_bytes / SLOW_BYTES_PER_S
        burst_s = self.window_s + LEAD_S if cell.workers > 1 else self.burst_s * BURST_SHARE
        return built_s + slow_s + burst_s


def plan(
    *,
    quick: bool = False,
    full: bool = False,
    workload: Workload,
    batch: int = 32,
    extra_shapes: tuple[Shape, ...] = (),
    rounds: int | None = None,
    workers: int = 2,
    ps: int = 1,
    flows: int = 1,
    threads: int | None = None,
    pipeline: str = "",
    gpu: bool = False,
    soak_s: float = 0.0,
    network: bool = False,
    seed: int = 1,
) -> Plan:
    """The cells of a calibration.

    Args:
        quick: fewer sizes and rounds, up to 4 MiB instead of 64 MiB.
        full: more of both, and more time for each, up to 256 MiB.
        batch: the batch that the workload's step is measured around, from 1 to twice as much.
        extra_shapes: (features, batch, hidden) of the original benchmark to add.
        workers: how many workers the cluster has; concurrent cells run on 2, 4, 8, … of them.
        ps: how many ps tasks the cluster has; with several, tensors are spread over them.
        flows: how many of these are on one host, so that as many connections join two hosts.
        pipeline: ``module:function`` of the user's input, to be measured.
        gpu: whether a GPU is here to be measured.
        network: whether there is one between the tasks, to be shared.
    """
    preset = QUICK if quick else FULL if full else DEFAULT
    rng = random.Random(seed)
    counts = concurrent_workers(workers)
    cells = [
        *compute(preset, extra_shapes),
        *transfers(preset, counts, rng),
        *spread(max(1, ps), max(1, flows)),
        *within_tasks(preset),
        *collectives(preset, counts, batch if workload.widths else 0),
        *strategies(preset, workers, batch if workload.widths else 0),
    ]
    if workload.widths:
        for rows in step_batches(batch, preset.batches):
            cells.append(Cell("step", "process", batch=rows))
            cells.append(Cell("gradient", "process", batch=rows, idle_s=IDLE_S))
    if pipeline:
        rows_of_input = sorted({1, max(1, batch // 4), batch})
        cells += [Cell("input", "process", batch=rows) for rows in rows_of_input]
    if gpu:
        cells += on_gpu(preset)
    return Plan(
        workload=workload,
        cells=tuple(dict.fromkeys(cells)),
        rounds=rounds or preset.rounds,
        burst_s=preset.burst_s,
        window_s=preset.window_s,
        max_samples=preset.max_samples,
        seed=seed,
        threads=threads,
        pipeline=pipeline,
        memory=bool(workload.widths),
        soak_s=soak_s,
        crowds=preset.crowds if network else (),
    )
