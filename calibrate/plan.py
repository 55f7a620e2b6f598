"""Plan: which cells a calibration measures, for how long, before anything is started."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from scale.models.calibration import Cell, Quantity
from scale.models.workload import Workload

#: The two shapes of the report of 2017, as features, batch, hidden.
ORIGINAL_SHAPES = ((128, 32, 256), (256, 128, 128))
SMALLEST_BYTES = 4
#: A worker computes after it has waited for its fetch, with threads asleep and caches cold: an
#: MLP's gradients take 0.60 ms after a pause of 1 or 3 ms, and 0.30 ms without one (2 cores).
REST_S = 0.002
#: Bytes moved by the cells that vary the number of tensors.
TENSORS_BYTES = 2**15

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


@dataclass(frozen=True)
class Plan:
    """Cells and limits. One round measures every cell once, in a cluster of fresh processes."""

    workload: Workload
    cells: tuple[Cell, ...]
    rounds: int
    burst_s: float
    window_s: float
    max_samples: int
    seed: int

    @property
    def estimate_s(self) -> float:
        """Upper estimate of the whole calibration, from the limits and measured set-up times."""
        per_cell = sum(self.window_s * 1.5 if c.workers > 1 else self.burst_s for c in self.cells)
        set_up = 1.5 + 0.03 * len(self.cells)
        return 8.0 + self.rounds * (set_up + per_cell)


def log_spaced_bytes(largest: int, count: int, rng: random.Random) -> list[int]:
    """Sizes from 4 bytes to ``largest``, evenly spaced in the logarithm with jitter, in floats.

    Powers of two alone would sit on the edges of buffers; the ends are exact.
    """
    ratio = (largest / SMALLEST_BYTES) ** (1 / (count - 1))
    sizes = [SMALLEST_BYTES * ratio**k * rng.uniform(0.85, 1.15) for k in range(count)]
    sizes[0], sizes[-1] = SMALLEST_BYTES, largest
    return sorted({max(SMALLEST_BYTES, int(size) // 4 * 4) for size in sizes})


def plan(
    *,
    quick: bool,
    workload: Workload,
    batch: int = 32,
    extra_shapes: tuple[Shape, ...] = (),
    rounds: int | None = None,
    workers: int = 2,
    seed: int = 1,
) -> Plan:
    """The cells of a calibration.

    Args:
        quick: fewer sizes and rounds, up to 4 MiB instead of 64 MiB.
        batch: the batch that the workload's step is measured around, from 1 to twice as much.
        extra_shapes: (features, batch, hidden) of the original benchmark to add.
        workers: how many workers run the concurrent cells.
    """
    rng = random.Random(seed)
    largest = 2**22 if quick else 2**26
    cells = [Cell("noop", "process"), Cell("noop", "server"), Cell("noop", "ps")]
    for features, rows, hidden in dict.fromkeys(_GEMM_QUICK if quick else _GEMM_FULL):
        cells.append(Cell("gemm", "process", features=features, batch=rows, hidden=hidden))
    for features, rows, hidden in dict.fromkeys((*ORIGINAL_SHAPES, *extra_shapes)):
        local = Cell("gemm", "server", features=features, batch=rows, hidden=hidden)
        moved = 4 * features * hidden
        cells += [local, replace(local, quantity="fetch_gemm", path="ps", size_bytes=moved)]
    directions: tuple[Quantity, Quantity] = ("fetch", "push")
    for quantity in directions:
        sizes = log_spaced_bytes(largest, 9 if quick else 17, rng)
        cells += [Cell(quantity, "ps", size) for size in sizes]
        counts = (4, 16) if quick else (2, 8, 32, 128)
        cells += [Cell(quantity, "ps", TENSORS_BYTES, tensors=count) for count in counts]
        together = (4, 2**17, 2**20, 2**22) if quick else (4, 2**15, 2**18, 2**20, 2**22, 2**24)
        cells += [Cell(quantity, "ps", size, workers=workers) for size in together]
        cells.append(Cell(quantity, "ps", TENSORS_BYTES, tensors=16, workers=workers))
    cells.append(Cell("noop", "ps", workers=workers))
    if workload.widths:
        for rows in step_batches(batch, quick=quick):
            cells.append(Cell("step", "process", batch=rows))
            cells.append(Cell("gradient", "process", batch=rows, rest_s=REST_S))
    return Plan(
        workload=workload,
        cells=tuple(dict.fromkeys(cells)),
        rounds=rounds or (2 if quick else 5),
        burst_s=0.12 if quick else 0.25,
        window_s=0.15 if quick else 0.3,
        max_samples=3000 if quick else 5000,
        seed=seed,
    )


def step_batches(batch: int, *, quick: bool) -> list[int]:
    """Batches from 1 to 2·batch, evenly spaced in the logarithm."""
    count = 6 if quick else 9
    top = 2 * batch
    return sorted({round(top ** (k / (count - 1))) for k in range(count)})
