"""Plan: which cells a calibration measures, for how long, before anything is started."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scale.models.calibration import Cell, Optimizer, Quantity
from scale.models.workload import Workload

#: The two shapes of the report of 2017, as features, batch, hidden.
ORIGINAL_SHAPES = ((128, 32, 256), (256, 128, 128))
LOCAL_PRECISION = 0.02
REMOTE_PRECISION = 0.05
SMALLEST_BYTES = 4
#: A worker computes after it has waited for its fetch, with threads asleep and caches cold: an
#: MLP's gradients take 0.60 ms after a pause of 1 or 3 ms, and 0.30 ms without one (2 cores).
REST_S = 0.002
#: Bytes moved by the cells that vary the number of tensors, from 1 to 256 of equal size.
TENSORS_BYTES = 2**15
#: Bytes and tensors of the cells that are spread over several ps or connections.
SPREAD_BYTES = (2**12, 2**22)
SPREAD_TENSORS = 16

_GEMM_QUICK = (
    (32, 8, 32),
    (64, 16, 64),
    (128, 32, 128),
    (256, 32, 256),
    (256, 64, 512),
    (512, 128, 512),
    (1024, 256, 1024),
)
_GEMM_FULL = (
    *_GEMM_QUICK,
    (48, 12, 80),
    (100, 24, 200),
    (200, 50, 100),
    (128, 32, 256),
    (784, 32, 512),
    (300, 100, 1000),
    (1000, 200, 700),
)
Shape = tuple[int, int, int]
#: For the estimate, taken on 2 cores: seconds before the first round (the fork server imports
#: TensorFlow), of starting one round's tasks, of spawning a task that sees a GPU, of building and
#: proving one cell; and what of a burst's budget is used, as most stop on precision.
START_S = 6.5
ROUND_S = 1.0
SPAWN_S = 8.0
BUILD_S = 0.02
BURST_SHARE = 0.75
MEMORY_S = 3.0
SLOW_BYTES_PER_S = 5e8
#: Workers agree on a common start so long ahead.
LEAD_S = 0.02


@dataclass(frozen=True)
class Plan:
    """Cells and limits. One round measures every cell once, in a cluster of fresh processes.

    Args:
        threads: of TensorFlow's pools; None for its default.
        pipeline: ``module:function`` of the ``input`` cells.
        memory: whether to measure what training takes of the device's memory, once.
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

    @property
    def gpu(self) -> bool:
        """Whether any cell runs on a GPU."""
        return any(cell.device for cell in self.cells)

    @property
    def estimate_s(self) -> float:
        """Estimate of the whole calibration, from the limits and measured set-up times."""
        start = START_S + MEMORY_S * self.memory
        round_s = ROUND_S + SPAWN_S * self.gpu + sum(self.cell_s(cell) for cell in self.cells)
        return start + self.rounds * round_s

    def cell_s(self, cell: Cell) -> float:
        """Seconds of a cell in one round: its part in building the graphs, and its burst."""
        # A transfer runs some six times before its first sample, whatever the budget.
        slow = 6 * cell.size_bytes / SLOW_BYTES_PER_S
        burst = self.window_s + LEAD_S if cell.workers > 1 else self.burst_s * BURST_SHARE
        return BUILD_S + slow + burst + cell.rest_s * 2


def log_spaced_bytes(largest: int, count: int, rng: random.Random) -> list[int]:
    """Sizes from 4 bytes to ``largest``, evenly spaced in the logarithm with jitter, in floats.

    Powers of two alone would sit on the edges of buffers; the ends are exact.
    """
    ratio = (largest / SMALLEST_BYTES) ** (1 / (count - 1))
    sizes = [SMALLEST_BYTES * ratio**k * rng.uniform(0.85, 1.15) for k in range(count)]
    sizes[0], sizes[-1] = SMALLEST_BYTES, largest
    return sorted({max(SMALLEST_BYTES, int(size) // 4 * 4) for size in sizes})


@dataclass(frozen=True)
class _Sizes:
    """How finely a calibration looks, and for how long."""

    gemm: tuple[Shape, ...]
    largest_bytes: int
    sizes: int
    tensors: tuple[int, ...]
    together: tuple[int, ...]
    both: tuple[int, ...]
    updates: tuple[int, ...]
    python: tuple[int, ...]
    batches: int
    rounds: int
    burst_s: float
    window_s: float
    max_samples: int


_QUICK = _Sizes(
    gemm=_GEMM_QUICK,
    largest_bytes=2**22,
    sizes=9,
    tensors=(1, 16, 256),
    together=(4, 2**17, 2**20, 2**22),
    both=(4, 2**16, 2**21),
    updates=(2**12, 2**21),
    python=(4, 2**21),
    batches=6,
    rounds=2,
    burst_s=0.12,
    window_s=0.15,
    max_samples=3000,
)
_DEFAULT = _Sizes(
    gemm=_GEMM_FULL,
    largest_bytes=2**26,
    sizes=17,
    tensors=(1, 4, 16, 64, 256),
    together=(4, 2**15, 2**18, 2**20, 2**22, 2**24),
    both=(4, 2**14, 2**18, 2**21, 2**24),
    updates=(2**12, 2**18, 2**23),
    python=(4, 2**16, 2**20, 2**23),
    batches=9,
    rounds=5,
    burst_s=0.2,
    window_s=0.25,
    max_samples=5000,
)
_FULL = replace(
    _DEFAULT,
    largest_bytes=2**28,
    sizes=25,
    tensors=(1, 2, 4, 8, 16, 32, 64, 128, 256),
    both=(4, 2**12, 2**14, 2**16, 2**18, 2**20, 2**21, 2**22, 2**24, 2**26),
    updates=(2**12, 2**16, 2**20, 2**23, 2**26),
    batches=13,
    rounds=10,
    burst_s=0.5,
    window_s=0.6,
    max_samples=10000,
)


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
    """
    grain = _QUICK if quick else _FULL if full else _DEFAULT
    rng = random.Random(seed)
    counts = concurrent_workers(workers)
    cells = [
        *_compute(grain, extra_shapes),
        *_transfers(grain, counts, rng),
        *_spread(ps, flows),
        *_local(grain),
    ]
    if workload.widths:
        for rows in step_batches(batch, grain.batches):
            cells.append(Cell("step", "process", batch=rows))
            cells.append(Cell("gradient", "process", batch=rows, rest_s=REST_S))
    if pipeline:
        cells += [Cell("input", "process", batch=b) for b in sorted({1, max(1, batch // 4), batch})]
    if gpu:
        cells += _on_gpu(grain)
    return Plan(
        workload=workload,
        cells=tuple(dict.fromkeys(cells)),
        rounds=rounds or grain.rounds,
        burst_s=grain.burst_s,
        window_s=grain.window_s,
        max_samples=grain.max_samples,
        seed=seed,
        threads=threads,
        pipeline=pipeline,
        memory=bool(workload.widths),
    )


def concurrent_workers(workers: int) -> list[int]:
    """2, 4, 8, … workers, and all of them; none where there is only one."""
    powers = {2**k for k in range(1, workers.bit_length()) if 2**k < workers}
    return sorted((powers | {workers}) - {1})


def _compute(grain: _Sizes, extra_shapes: Sequence[Shape]) -> list[Cell]:
    """Empty steps and matrix products, with their weights here or on the ps."""
    cells = [Cell("noop", "process"), Cell("noop", "server"), Cell("noop", "ps")]
    for features, rows, hidden in dict.fromkeys(grain.gemm):
        cells.append(Cell("gemm", "process", features=features, batch=rows, hidden=hidden))
    for features, rows, hidden in dict.fromkeys((*ORIGINAL_SHAPES, *extra_shapes)):
        local = Cell("gemm", "server", features=features, batch=rows, hidden=hidden)
        moved = 4 * features * hidden
        cells += [local, replace(local, quantity="fetch_gemm", path="ps", size_bytes=moved)]
    return cells


def _transfers(grain: _Sizes, counts: Sequence[int], rng: random.Random) -> list[Cell]:
    """One way, both ways, and one after the other; alone and by several workers at once."""
    cells: list[Cell] = []
    directions: tuple[Quantity, Quantity] = ("fetch", "push")
    for quantity in directions:
        sizes = log_spaced_bytes(grain.largest_bytes, grain.sizes, rng)
        cells += [Cell(quantity, "ps", size) for size in sizes]
        cells += [Cell(quantity, "ps", TENSORS_BYTES, tensors=count) for count in grain.tensors]
        for workers in counts:
            cells += [Cell(quantity, "ps", size, workers=workers) for size in grain.together]
            cells.append(Cell(quantity, "ps", TENSORS_BYTES, tensors=16, workers=workers))
    cells += [Cell("exchange", "ps", size) for size in grain.both]
    cells += [Cell("fetch_push", "ps", size) for size in grain.both]
    cells.append(Cell("fetch_push", "ps", TENSORS_BYTES, tensors=16))
    for workers in counts:
        cells.append(Cell("noop", "ps", workers=workers))
        cells += [Cell("exchange", "ps", size, workers=workers) for size in grain.both[::2]]
        cells.append(Cell("fetch_push", "ps", grain.both[-1], workers=workers))
    return cells


def _spread(ps: int, flows: int) -> list[Cell]:
    """Transfers over several ps, and over several connections between two hosts."""
    quantities: tuple[Quantity, ...] = ("fetch", "push", "fetch_push")
    several = sorted({*concurrent_workers(ps)})
    cells = [
        Cell(quantity, "ps", size, tensors=SPREAD_TENSORS, ps=count)
        for quantity in quantities
        for size in SPREAD_BYTES
        for count in ([1, *several] if several else [])
    ]
    return cells + [
        Cell("fetch", "ps", SPREAD_BYTES[-1], tensors=SPREAD_TENSORS, ps=count, flows=count)
        for count in concurrent_workers(flows)
    ]


def _local(grain: _Sizes) -> list[Cell]:
    """Updates on the ps, and tensors brought into Python."""
    optimizers: tuple[Optimizer, ...] = ("sgd", "momentum", "adam")
    return [
        *(Cell("apply", "ps", size, optimizer=o) for o in optimizers for size in grain.updates),
        *(Cell("to_python", "server", size) for size in grain.python),
        *(Cell("to_python", "process", size) for size in grain.python[::2]),
    ]


def _on_gpu(grain: _Sizes) -> list[Cell]:
    """Copies to the device and back, and products there; larger ones than a processor is given."""
    copies: tuple[Quantity, Quantity] = ("copy_in", "copy_out")
    cells = [
        Cell(quantity, "process", size, device="gpu")
        for quantity in copies
        for size in (4, *grain.updates, 2**26)
    ]
    shapes = (*grain.gemm, (4096, 1024, 4096))
    return cells + [
        Cell("gemm", "process", features=f, batch=b, hidden=h, device="gpu") for f, b, h in shapes
    ]


def step_batches(batch: int, count: int) -> list[int]:
    """Batches from 1 to 2·batch, evenly spaced in the logarithm."""
    top = 2 * batch
    return sorted({round(top ** (k / (count - 1))) for k in range(count)})
