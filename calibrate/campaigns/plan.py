"""Plan: which cells a calibration measures, for how long, before anything is started."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from nworkers.calibrate.campaigns.cells import (
    apart,
    collectives,
    compute,
    concurrent_workers,
    more_workers,
    on_gpu,
    on_processor,
    spread,
    strategies,
    transfers,
    under_load,
    within_tasks,
)
from nworkers.calibrate.campaigns.presets import PRESETS, PresetName
from nworkers.calibrate.campaigns.resume import Round, pending
from nworkers.calibrate.campaigns.scope import Scope, scope_texts
from nworkers.calibrate.cluster.cluster import LEAD_S
from nworkers.calibrate.training.runtime import SESSION, runtime_of
from nworkers.models.records.calibration import Calibration, Cell, Planned, Quantity
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
#: Of a burst's budget on a GPU: its times are of launches and of rates that hardly vary.
GPU_SHARE = 1 / 3
BUILD_S = 0.03
TENSOR_S = 0.002
BURST_SHARE = 0.9
#: A transfer runs some seven times in all, however small its budget.
LEAST_RUNS = 7
SLOW_BYTES_PER_S = 1e9
#: One kind of transfers at once, the pauses included.
CROWD_S = 3.0
#: So many workers run at once on any machine, and so many on one that has as many cores.
FEW_WORKERS, MANY_WORKERS = 4, 8
#: Quantities of which memory is asked.
TRAINED: frozenset[Quantity] = frozenset({"step", "gradient"})


@dataclass(frozen=True)
class MeasurementPlan:
    """What to measure: one round measures every cell once, in a cluster of fresh processes.

    Attributes:
        cells, rounds: on record; the calibration is complete when all of them were measured.
        threads: of TensorFlow's pools; None for its default.
        pipeline: ``module:function`` of the ``input`` cells.
        soak_s: how long to repeat a large fetch after all rounds; 0 for not at all.
        memory: whether to measure what training takes of the device's memory, once.
        crowds: (transfers, bytes of each) that begin at once, once, after all rounds.
        scope: the choices that led to the cells, for the file; None for a plan not on record.
        only: the quantities that the cells were narrowed to; all where it is empty.
        before: what an earlier run measured.
        left: the rounds to measure now; None for all that ``before`` lacks.
        limit_s: no cell begins that is not expected to end within so many seconds.
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
    scope: Scope | None = None
    only: tuple[Quantity, ...] = ()
    before: Calibration | None = None
    left: tuple[Round, ...] | None = None
    limit_s: float | None = None

    @property
    def planned(self) -> Planned | None:
        """The plan as the calibration's file holds it, for another run to go on with."""
        if self.scope is None:
            return None
        return Planned(scope_texts(self.scope), self.rounds, self.cells, self.only)

    @property
    def to_measure(self) -> tuple[Round, ...]:
        """The rounds to measure now."""
        return self.lacking if self.left is None else self.left

    @property
    def lacking(self) -> tuple[Round, ...]:
        """The (round, cell) pairs on record that were not measured before."""
        bursts = self.before.bursts if self.before else ()
        skipped = self.before.skipped if self.before else ()
        return pending(self.cells, self.rounds, bursts, skipped)

    @property
    def soak_left(self) -> bool:
        """Whether the soak is still to come: it is done once."""
        bursts = self.before.bursts if self.before else ()
        return bool(self.soak_s) and all(burst.cell.quantity != "soak" for burst in bursts)

    def narrowed(self, cells: tuple[Cell, ...]) -> MeasurementPlan:
        """The plan of these cells.

        What they leave out of training is left out of the memory too, and transfers at once go
        with the other transfers.
        """
        measured = {cell.quantity for cell in cells}
        return replace(
            self,
            cells=cells,
            memory=self.memory and bool(measured & TRAINED),
            crowds=self.crowds if "fetch" in measured else (),
        )

    @property
    def tasks(self) -> tuple[int, int]:
        """How many ps and workers take part."""
        asked = (self.scope.ps, self.scope.workers) if self.scope else (1, 1)
        servers = (max(c.ps, c.flows) for c in self.cells)
        workers = (c.workers for c in self.cells if together(c))
        return max([asked[0], *servers]), max([asked[1], *workers])

    @property
    def gpu(self) -> bool:
        """Whether any cell runs on a GPU."""
        return any(cell.device for cell in self.cells)

    @property
    def gpu_memory(self) -> bool:
        """Whether to measure what training takes of a GPU's memory, once."""
        return self.memory and any(c.device and c.quantity in TRAINED for c in self.cells)

    def budget_s(self, cell: Cell) -> float:
        """How long a burst of a cell goes on at most."""
        share = GPU_SHARE if cell.device else 1.0
        return share * (self.window_s if together(cell) else self.burst_s)

    @property
    def estimate_s(self) -> float:
        """Estimate of the whole calibration, from the limits and measured set-up times."""
        start = START_S + MEMORY_S * self.memory + (SPAWN_S + MEMORY_S) * self.gpu_memory
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
        budget_s = self.budget_s(cell)
        if cell.workers > 1 and not together(cell):
            # Equally often everywhere, which is found out first.
            budget_s = self.window_s
        burst_s = budget_s + LEAD_S if cell.workers > 1 else budget_s * BURST_SHARE
        return built_s + slow_s + burst_s


def together(cell: Cell) -> bool:
    """Whether several workers run the cell in windows that begin at once."""
    return cell.workers > 1 and cell.path in ("server", "ps")


def at_once(preset: PresetName, cores: float) -> tuple[int, int]:
    """How many ps and workers run at once on one machine, where nobody says how many."""
    of = PRESETS[preset]
    workers = MANY_WORKERS if cores >= MANY_WORKERS else FEW_WORKERS
    return of.most_ps, min(of.most_workers, workers)


def plan(
    scope: Scope,
    workload: Workload,
    *,
    rounds: int | None = None,
    flows: int = 1,
    gpu: bool = False,
    gpus: int = 1,
    network: bool = False,
    joined: tuple[int, int] = (0, 0),
    seed: int = 1,
) -> MeasurementPlan:
    """The cells of a calibration, not on record yet.

    Args:
        workload: the scope's, as it was read or described.
        rounds: by default the preset's.
        flows: how many ps are on one host, so that as many connections join two hosts.
        gpu: whether what workers do on a GPU is measured, beside what they do on processors.
        gpus: how many of them the workers' host has.
        network: whether there is one between the tasks, to be shared.
        joined: ps and workers that may run at once in all, where more can than the scope has.
    """
    preset, batch = PRESETS[scope.preset], scope.batch
    rng = random.Random(seed)
    counts = concurrent_workers(scope.workers)
    more = more_workers(scope.workers, joined[1])
    trained = batch if workload.widths else 0
    cells = [
        *compute(preset, scope.shapes),
        *transfers(preset, counts, rng),
        *(under_load(preset, counts, more, trained) if more else ()),
        *apart(joined[0], max(scope.workers, joined[1])),
        *spread(max(1, scope.ps), max(1, flows)),
        *within_tasks(preset),
        *collectives(preset, counts, trained),
        *strategies(preset, scope.workers, trained),
    ]
    if trained:
        cells += on_processor(preset, batch)
    if scope.input:
        rows_of_input = sorted({1, max(1, batch // 4), batch})
        cells += [Cell("input", "process", batch=rows) for rows in rows_of_input]
    if gpu:
        cells += on_gpu(preset, scope.shapes, trained, workers=scope.workers, gpus=gpus)
    return MeasurementPlan(
        workload=workload,
        cells=tuple(dict.fromkeys(cells)),
        rounds=rounds or preset.rounds,
        burst_s=preset.burst_s,
        window_s=preset.window_s,
        max_samples=preset.max_samples,
        seed=seed,
        threads=scope.threads,
        pipeline=scope.input,
        memory=bool(trained),
        soak_s=60 * (scope.soak_minutes or 0.0),
        crowds=preset.crowds if network else (),
    )
