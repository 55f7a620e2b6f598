"""Cells: what a calibration of each preset measures, before anything is started."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from nworkers.calibrate.campaigns.presets import Preset, Shape
from nworkers.calibrate.training.runtime import RUNTIMES
from nworkers.models.records.calibration import Cell, CellOptimizer, Quantity

#: The two shapes of the report of 2017, as features, batch, hidden.
ORIGINAL_SHAPES = ((128, 32, 256), (256, 128, 128))
SMALLEST_BYTES = 4
#: A transfer of so little takes its latency, on any network that trains.
LATENCY_BYTES = 2**15
#: A worker computes after it has waited for its fetch, with threads asleep and caches cold: an
#: MLP's gradients take 0.60 ms after a pause of 1 or 3 ms, and 0.30 ms without one (2 cores).
IDLE_S = 0.002
#: Of more than so many batches every second one has gradients.
MANY_BATCHES = 9
#: Bytes moved by the cells that vary the number of tensors, from 1 to 256 of equal size.
TENSORS_BYTES = 2**15
#: Bytes and tensors of the cells that are spread over several ps or connections.
SPREAD_BYTES = (2**12, 2**22)
SPREAD_TENSORS = 16
#: As many variables as a convolutional net of fifty layers has.
MANY_TENSORS = 102
#: All-reduces that go on at once in one cell.
IN_FLIGHT = 32
#: Tensors of the cells that vary their number on the way into a GPU's memory and out of it.
GPU_TENSORS = (1, 4, 16, 64)
#: A GPU is asked for steps of so large a batch at least: small ones take the time of launches.
GPU_BATCH = 2**13
#: Longer than a step: two workers that take turns are out of each other's way after such a pause,
#: and two that have even shares are not.
ASIDE_S = 0.02
#: A product on the GPU is timed beside a copy of so many bytes.
COPIED_BESIDE = 2**24


def log_spaced_bytes(largest: int, count: int, rng: random.Random) -> list[int]:
    """Sizes from 4 bytes to ``largest``, evenly spaced in the logarithm with jitter, in floats.

    A third of them lie below `LATENCY_BYTES`, where all take as long, and the others above it,
    where protocols and caches make the line bend. Powers of two alone would sit on the edges of
    buffers; the ends are exact.
    """
    below = count // 3
    small, large = LATENCY_BYTES / SMALLEST_BYTES, largest / LATENCY_BYTES
    steps = [small ** (k / below) for k in range(below)]
    steps += [small * large ** (k / (count - below - 1)) for k in range(count - below)]
    sizes = [SMALLEST_BYTES * step * rng.uniform(0.85, 1.15) for step in steps]
    sizes[0], sizes[-1] = SMALLEST_BYTES, largest
    return sorted({max(SMALLEST_BYTES, int(size) // 4 * 4) for size in sizes})


def concurrent_workers(workers: int) -> list[int]:
    """2, 4, 8, … workers, and all of them; none where there is only one."""
    powers = {2**k for k in range(1, workers.bit_length()) if 2**k < workers}
    return sorted((powers | {workers}) - {1})


def more_workers(workers: int, most: int) -> list[int]:
    """The numbers at once beyond the workers of a cluster, where up to ``most`` may run."""
    return [count for count in concurrent_workers(most) if count > workers]


def compute(preset: Preset, extra_shapes: Sequence[Shape]) -> list[Cell]:
    """Empty steps and matrix products, with their weights here or on the ps."""
    cells = [Cell("noop", "process"), Cell("noop", "server"), Cell("noop", "ps")]
    for features, rows, hidden in dict.fromkeys(preset.gemm):
        cells.append(Cell("gemm", "process", features=features, batch=rows, hidden=hidden))
    for features, rows, hidden in dict.fromkeys((*ORIGINAL_SHAPES, *extra_shapes)):
        local = Cell("gemm", "server", features=features, batch=rows, hidden=hidden)
        moved = 4 * features * hidden
        cells += [local, replace(local, quantity="fetch_gemm", path="ps", size_bytes=moved)]
    return cells


def transfers(preset: Preset, counts: Sequence[int], rng: random.Random) -> list[Cell]:
    """One way, both ways, and one after the other; alone and by several workers at once."""
    cells: list[Cell] = []
    directions: tuple[Quantity, Quantity] = ("fetch", "push")
    for quantity in directions:
        sizes = log_spaced_bytes(preset.largest_bytes, preset.sizes, rng)
        cells += [Cell(quantity, "ps", size) for size in sizes]
        cells += [Cell(quantity, "ps", TENSORS_BYTES, tensors=count) for count in preset.tensors]
        for workers in counts:
            cells += [Cell(quantity, "ps", size, workers=workers) for size in preset.together]
            cells.append(Cell(quantity, "ps", TENSORS_BYTES, tensors=16, workers=workers))
    cells += [Cell("exchange", "ps", size) for size in preset.both]
    cells += [Cell("fetch_push", "ps", size) for size in preset.both]
    cells.append(Cell("fetch_push", "ps", TENSORS_BYTES, tensors=16))
    for workers in counts:
        cells.append(Cell("noop", "ps", workers=workers))
        cells += [Cell("exchange", "ps", size, workers=workers) for size in preset.both[::2]]
        cells.append(Cell("fetch_push", "ps", preset.both[-1], workers=workers))
    return cells


def under_load(
    preset: Preset, counts: Sequence[int], more: Sequence[int], batch: int
) -> list[Cell]:
    """What more workers take than the cluster has, and whole steps of several at once.

    A step tells what its parts cost each other: caches that another task's tensors have emptied.

    Args:
        more: numbers of workers of which nothing else is measured.
        batch: 0 where the workload has no gradients to compute.
    """
    directions: tuple[Quantity, Quantity] = ("fetch", "push")
    cells: list[Cell] = []
    for workers in more:
        cells.append(Cell("noop", "ps", workers=workers))
        for quantity in directions:
            cells += [Cell(quantity, "ps", size, workers=workers) for size in preset.loads]
            cells.append(Cell(quantity, "ps", TENSORS_BYTES, tensors=16, workers=workers))
    if batch and preset.loads:
        cells += [Cell("step", "ps", batch=batch, workers=k) for k in (*counts, *more)]
    return cells


def apart(ps: int, workers: int) -> list[Cell]:
    """The same tensors on one ps and on several, few and many, by one worker and by all at once.

    What a tensor costs more over several connections shows with many, what a further ps does with
    few.
    """
    if ps < 2:
        return []
    few = Cell("fetch_push", "ps", TENSORS_BYTES, tensors=SPREAD_TENSORS)
    many = replace(few, tensors=MANY_TENSORS)
    loaded = [replace(cell, workers=workers) for cell in (few, many)]
    loaded += [replace(few, quantity=quantity, workers=workers) for quantity in ("fetch", "push")]
    return [*loaded, *(replace(cell, ps=ps) for cell in (few, many, *loaded))]


def spread(ps: int, flows: int) -> list[Cell]:
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


def collectives(preset: Preset, counts: Sequence[int], batch: int) -> list[Cell]:
    """All-reduce by size over groups of workers, and gradients of a batch beside one.

    Args:
        batch: 0 where the workload has no gradients to compute.
    """
    cells = [
        Cell("allreduce", "collective", size, workers=workers)
        for workers in counts
        for size in preset.reduced
    ]
    # In one alone a worker's threads spin while they wait; many at once show what a hop takes.
    cells += [
        Cell("allreduce", "collective", 4 * IN_FLIGHT, tensors=IN_FLIGHT, workers=workers)
        for workers in counts
    ]
    if batch and counts:
        beside = Cell("gradient", "collective", batch=batch, workers=counts[-1])
        cells += [replace(beside, overlap_bytes=size) for size in preset.reduced[-2:]]
    return cells


def strategies(preset: Preset, workers: int, batch: int) -> list[Cell]:
    """What each runtime adds to sessions.

    Args:
        batch: 0 where the workload has no gradients to compute.
    """
    if not preset.strategies:
        return []
    return [
        cell
        for runtime in RUNTIMES.values()
        for cell in runtime.added_cells(workers, batch, preset.reduced[::2])
    ]


def within_tasks(preset: Preset) -> list[Cell]:
    """Updates on the ps, and tensors brought into Python."""
    optimizers: tuple[CellOptimizer, ...] = ("sgd", "momentum", "adam")
    return [
        *(Cell("apply", "ps", size, optimizer=o) for o in optimizers for size in preset.updates),
        *(Cell("to_python", "server", size) for size in preset.python),
        *(Cell("to_python", "process", size) for size in preset.python[::2]),
    ]


def on_processor(preset: Preset, batch: int) -> list[Cell]:
    """Steps over the batch, and gradients of every second one where there are many.

    Both have one law, which needs them all for its bends, but a floor of each.
    """
    batches = asked_batches(batch, preset.batches)
    steps = [Cell("step", "process", batch=rows) for rows in batches]
    some = batches[::-2] if len(batches) > MANY_BATCHES else batches
    return steps + [Cell("gradient", "process", batch=rows, idle_s=IDLE_S) for rows in some]


def on_gpu(
    preset: Preset, extra_shapes: Sequence[Shape], batch: int, *, workers: int, gpus: int
) -> list[Cell]:
    """All that a worker does on a GPU: alone, with a ps, beside another worker.

    Args:
        batch: 0 where the workload has no gradients to compute.
        gpus: of the workers' host, of which each worker has one in all-reduces.
    """
    cells = [*_gpu_alone(preset), *_gpu_with_ps(preset, extra_shapes)]
    if batch:
        cells += _gpu_steps(preset, batch, workers)
    cells += [
        Cell("allreduce", "collective", size, workers=count)
        for count in concurrent_workers(min(gpus, workers))
        for size in preset.reduced[::2]
    ]
    return [replace(cell, device="gpu") for cell in cells]


def _gpu_alone(preset: Preset) -> list[Cell]:
    """Copies to the device and back, products there, and the largest of them beside a copy."""
    copies: tuple[Quantity, Quantity] = ("copy_in", "copy_out")
    products = [
        Cell("gemm", "process", features=features, batch=rows, hidden=hidden)
        for features, rows, hidden in preset.gpu_gemm
    ]
    beside = replace(max(products, key=lambda c: c.flops), overlap_bytes=COPIED_BESIDE)
    moved = [Cell(quantity, "process", size) for quantity in copies for size in preset.copied]
    return [Cell("noop", "process"), *moved, *products, beside]


def _gpu_with_ps(preset: Preset, extra_shapes: Sequence[Shape]) -> list[Cell]:
    """Steps of a worker's own server, with weights and variables on the ps's processor."""
    cells = [Cell("noop", "server")]
    for features, rows, hidden in dict.fromkeys((*ORIGINAL_SHAPES, *extra_shapes)):
        local = Cell("gemm", "server", features=features, batch=rows, hidden=hidden)
        moved = 4 * features * hidden
        cells += [local, replace(local, quantity="fetch_gemm", path="ps", size_bytes=moved)]
    directions: tuple[Quantity, Quantity] = ("fetch", "push")
    for quantity in directions:
        cells += [Cell(quantity, "ps", size) for size in preset.moved]
        cells += [Cell(quantity, "ps", TENSORS_BYTES, tensors=count) for count in GPU_TENSORS]
    cells += [Cell("fetch_push", "ps", size) for size in preset.moved[:-1:4]]
    return [*cells, Cell("fetch_push", "ps", TENSORS_BYTES, tensors=16)]


def _gpu_steps(preset: Preset, batch: int, workers: int) -> list[Cell]:
    """Steps and gradients over the batch; some gradients of one worker, and of two at once."""
    batches = step_batches(batch, preset.gpu_batches, least_top=GPU_BATCH)
    cells: list[Cell] = []
    for rows in batches:
        cells.append(Cell("step", "process", batch=rows))
        cells.append(Cell("gradient", "process", batch=rows, idle_s=IDLE_S))
    beside = [(rows, 0.0) for rows in batches[::-3]]
    return cells + [
        Cell("gradient", "server", batch=rows, workers=count, idle_s=idle_s)
        for rows, idle_s in (*beside, (batches[-1], ASIDE_S))
        for count in (1, 2)
        if count <= workers
    ]


def asked_batches(batch: int, count: int) -> list[int]:
    """Batches from 1 to 2·batch, two thirds of them from an eighth of it on.

    There a worker's share lies under strong scaling, and there a step has most to be told of.
    """
    least, below = batch / 8, count // 3
    if least < 2:
        return step_batches(batch, count)
    steps = [least ** (k / below) for k in range(below)]
    steps += [least * 16 ** (k / (count - below - 1)) for k in range(count - below)]
    return sorted({round(step) for step in steps})


def step_batches(batch: int, count: int, *, least_top: int = 1) -> list[int]:
    """Batches from 1 to 2·batch, or to a larger one, evenly spaced in the logarithm."""
    top = max(2 * batch, least_top)
    return sorted({round(top ** (k / (count - 1))) for k in range(count)})
