"""Cells on a GPU: the laws of a processor, found again from made-up samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nworkers.models.files.store import read_calibration
from nworkers.models.fitting.gpu_section import fit_gpu, on_gpu_cells, with_gpu
from nworkers.models.records.calibration import Burst, Calibration, Cell, Processor
from nworkers.models.records.profile import GpuSection, Parameter, value_at

MEASURED = Path(__file__).parents[3] / "benchmarks" / "data" / "h100-default.json.gz"
EMPTY_S, SERVER_S, PS_S = 50e-6, 90e-6, 300e-6


def gpu_cell(quantity: Any, path: Any = "process", size_bytes: int = 0, **of: Any) -> Cell:
    return Cell(quantity, path, size_bytes, device="gpu", **of)


def seconds() -> Iterator[tuple[Cell, float]]:
    """Cells of a GPU with the times that laws of known parameters give them."""
    yield gpu_cell("noop"), EMPTY_S
    yield gpu_cell("noop", "server"), SERVER_S
    yield Cell("noop", "ps"), SERVER_S + PS_S
    for side in (64, 256, 1024, 2048, 4096, 8192):
        flops = 2.0 * side**3
        yield gpu_cell("gemm", features=side, batch=side, hidden=side), 80e-6 + flops / 1e14
    for size in (4, 2**12, 2**18, 2**23, 2**26):
        yield gpu_cell("copy_in", size_bytes=size), 80e-6 + size / 1e10
        yield gpu_cell("copy_out", size_bytes=size), 60e-6 + size / 4e10
        yield gpu_cell("fetch", "ps", size), SERVER_S + PS_S + 500e-6 + size / 2e9
        yield gpu_cell("push", "ps", size), SERVER_S + PS_S + 600e-6 + size / 1e9
    for tensors in (4, 16, 64):
        for quantity, latency_s in (("fetch", 500e-6), ("push", 600e-6)):
            more_s = (tensors - 1) * 100e-6
            cell = gpu_cell(quantity, "ps", 2**15, tensors=tensors)
            moved_s = 2**15 / (2e9 if quantity == "fetch" else 1e9)
            yield cell, SERVER_S + PS_S + latency_s + more_s + moved_s
    for size in (4, 2**16, 2**22, 2**26):
        for workers in (2, 4):
            # A ring: 2(N−1) hops, and 2(N−1)/N of the bytes by each.
            hops_s, moved = 2 * (workers - 1) * 30e-6, 2 * (workers - 1) / workers * size
            cell = gpu_cell("allreduce", "collective", size, workers=workers)
            yield cell, SERVER_S + hops_s + moved / 2e11
    for batch in (1, 64, 512, 4096, 16384):
        yield gpu_cell("step", batch=batch), 300e-6 + 1e-7 * batch
        yield gpu_cell("gradient", batch=batch, idle_s=0.002), 250e-6 + 1e-7 * batch


def bursts(found: Iterator[tuple[Cell, float]]) -> Iterator[Burst]:
    rng = np.random.default_rng(1)
    for cell, mean_s in found:
        for number in range(4):
            taken = mean_s * np.exp(0.01 * rng.standard_normal(30))
            spent = Processor(30, 30 * mean_s, 0.0, 30 * mean_s, 1.0)
            samples = tuple(taken.tolist())
            yield Burst(cell, number, 0, mean_s, (), samples, (), "samples", spent)


def sharing(alone: float, two: float, paused: float) -> Iterator[tuple[Cell, float]]:
    """Gradients by one worker's server and by two, without pauses and with them."""
    for idle_s, longer in ((0.0, two), (0.002, paused)):
        beside = gpu_cell("gradient", "server", batch=512, idle_s=idle_s)
        yield beside, alone
        yield replace(beside, workers=2), alone * longer


def fitted(*more: tuple[Cell, float]) -> GpuSection[Parameter]:
    made = replace(measured(), bursts=tuple(bursts(iter([*seconds(), *more]))))
    return fit_gpu(made, draws=20)


def measured() -> Calibration:
    return read_calibration(MEASURED)


def near(parameter: Parameter | None, value: float, rel: float = 0.06) -> bool:
    assert parameter is not None
    return value_at(parameter, None) == pytest.approx(value, rel=rel)


def test_known_parameters_are_found_again() -> None:
    gpu = fitted()
    device = gpu.device
    assert device.kind == "gpu"
    assert near(device.dispatch_s, EMPTY_S)
    assert near(device.products.segments[0].gemm_flops_per_s, 1e14)
    assert gpu.copy_in is not None
    assert gpu.copy_out is not None
    assert near(gpu.copy_in.bandwidth_bytes_per_s, 1e10)
    assert near(gpu.copy_out.latency_s, 60e-6)
    assert gpu.fetch is not None
    assert gpu.push is not None
    assert near(gpu.fetch.segments[0].latency_s, 500e-6)
    assert near(gpu.push.per_tensor_s, 100e-6)
    assert near(gpu.push.segments[-1].bandwidth_bytes_per_s, 1e9)
    assert near(gpu.server_dispatch_s, SERVER_S)
    assert near(gpu.ps_dispatch_s, PS_S)
    (known,) = device.workloads
    assert near(known.step.per_sample_s, 1e-7)
    assert near(known.gradient_floor_s, 250e-6)
    assert known.batches == (1, 16384)
    assert gpu.collective is not None
    assert gpu.collective.workers == (2, 4)
    assert gpu.collective.algorithm == "ring"
    assert near(gpu.collective.latency_s, 30e-6)
    assert near(gpu.collective.bandwidth_bytes_per_s, 2e11)
    explained = {"gemm", "fetch", "push", "step", "gradient", "allreduce"}
    assert explained <= {row.operation for row in gpu.fit}


@pytest.mark.parametrize(
    ("two", "paused", "share", "discipline"),
    [
        (2.0, 1.02, 1.0, "fifo"),
        (2.0, 1.9, 1.0, "fair"),
        (1.0, 1.0, 0.5, "fifo"),
        (1.6, 1.5, 0.8, "fair"),
    ],
)
def test_two_workers_tell_how_a_gpu_is_shared(
    two: float, paused: float, share: float, discipline: str
) -> None:
    gpu = fitted(*sharing(1e-3, two, paused))
    assert gpu.sharing_evidence == "measured"
    assert gpu.device.busy_share == pytest.approx(share, rel=0.03)
    assert gpu.device.discipline == discipline


def test_without_two_workers_they_are_taken_to_take_turns() -> None:
    gpu = fitted()
    assert gpu.sharing_evidence == "assumed"
    assert (gpu.device.busy_share, gpu.device.discipline) == (1.0, "fifo")


def test_a_calibration_of_an_earlier_version_gets_its_gpu() -> None:
    """It has products and copies alone; the smallest copy out is its empty step."""
    made = measured()
    assert made.profile is not None
    assert made.profile.gpu is None
    gpu = with_gpu(made.profile, made).gpu
    assert gpu is not None
    assert len(gpu.device.dispatch_s.draws) == made.profile.draws
    smallest = [b for b in on_gpu_cells(made.bursts) if b.cell == Cell("copy_out", "process", 4)]
    empty_s = float(np.median([np.median(b.samples_s) for b in smallest]))
    assert near(gpu.device.dispatch_s, empty_s, rel=0.1)
    assert 1e14 < value_at(gpu.device.products.segments[-1].gemm_flops_per_s, None) < 1e15
    assert gpu.fetch is None


def test_a_processor_s_calibration_gets_none() -> None:
    made = measured()
    assert made.profile is not None
    without = replace(made, bursts=tuple(b for b in made.bursts if not b.cell.device))
    assert with_gpu(made.profile, without) == made.profile
