"""Synthetic measurements of machines whose parameters are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nworkers.calibrate.campaigns.cells import log_spaced_bytes
from nworkers.calibrate.campaigns.presets import DEFAULT
from nworkers.models.fitting import laws
from nworkers.models.fitting.laws import Law
from nworkers.models.fitting.observations import Observations, times
from nworkers.models.records.calibration import Burst, Cell, Executor
from nworkers.models.records.profile import GemmLaw

ROUNDS, SAMPLES = 5, 40
#: Deviations of the logarithm: of samples, of a cell's round, and of all cells of a round.
NOISE, CELL_ROUND, ROUND = 0.03, 0.01, 0.02
#: So many samples are so many times too slow.
OUTLIERS, SLOWER = 0.10, (2.0, 6.0)


REDUCING: tuple[Executor, ...] = ("collective", "mirrored")


@dataclass(frozen=True)
class Machine:
    """Cells of a calibration and the law that they follow, with its true parameters."""

    name: str
    law: Law
    #: By their names in a Profile.
    values: Mapping[str, float]
    cells: tuple[Cell, ...]


def measured(
    machine: Machine,
    rng: np.random.Generator,
    rounds: int = ROUNDS,
    round_: float = ROUND,
    cell_round: float = CELL_ROUND,
) -> Observations:
    """A calibration, as the fit takes it; by default one of five quiet rounds."""
    bursts, known = [], machine.law.filled(machine.values)
    for number in range(rounds):
        shift = round_ * rng.standard_normal()
        for cell in machine.cells:
            true = machine.law.seconds(known, cell)
            assert true is not None
            logs = shift + cell_round * rng.standard_normal() + NOISE * rng.standard_normal(SAMPLES)
            samples = true * np.exp(logs)
            slow = rng.random(SAMPLES) < OUTLIERS
            samples[slow] *= rng.uniform(*SLOWER, SAMPLES)[slow]
            kept = tuple(float(s) for s in samples)
            bursts.append(Burst(cell, number, 0, 1.0, (), kept, (), "count"))
    return times(bursts, int(rng.integers(2**31)))


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Evenly distributed in the logarithm."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def transfers(rng: np.random.Generator, *, broken: bool) -> Machine:
    """Sizes and numbers of tensors of the default calibration; links from 100 Mbit/s to 40 Gbit/s.

    A broken one jumps, somewhere between 16 KiB and 2 MiB: α becomes 1.2 to 3 times the whole time
    just below, and 1/β half to all of what it was.
    """
    from random import Random

    sizes = log_spaced_bytes(DEFAULT.largest_bytes, DEFAULT.sizes, Random(int(rng.integers(2**31))))
    cells = [Cell("noop", "server"), Cell("noop", "ps")]
    values = {
        "host.server_dispatch_s": _between(rng, 1e-4, 4e-4),
        "link.dispatch_s": _between(rng, 1e-4, 6e-4),
    }
    breaks: dict[laws.TransferKind, tuple[float, ...]] = {}
    for kind in laws.TRANSFER_KINDS:
        cells += [Cell(kind, "ps", size) for size in sizes]
        cells += [Cell(kind, "ps", 2**15, tensors=count) for count in DEFAULT.tensors]
        latency_s, per_byte_s = _between(rng, 2e-4, 3e-3), 1 / _between(rng, 1.2e7, 5e9)
        values[f"link.{kind}.latency_s"] = latency_s
        values[f"link.{kind}.per_tensor_s"] = _between(rng, 3e-5, 2e-4)
        values[f"link.{kind}.bandwidth_bytes_per_s"] = 1 / per_byte_s
        if broken:
            breaks[kind] = (_between(rng, 2**14, 2**21),)
            place = f"link.{kind}.segments[0]"
            alone_s = latency_s + breaks[kind][0] * per_byte_s
            values[f"{place}.latency_s"] = alone_s * rng.uniform(1.2, 3.0)
            values[f"{place}.bandwidth_bytes_per_s"] = 1 / (per_byte_s * rng.uniform(0.5, 1.0))
    name = "transfers with a jump" if broken else "transfers"
    return Machine(name, laws.transfers(breaks), values, tuple(dict.fromkeys(cells)))


def products(rng: np.random.Generator, kind: GemmLaw) -> Machine:
    cells = [Cell("noop", "process")]
    cells += [Cell("gemm", "process", features=f, batch=b, hidden=h) for f, b, h in DEFAULT.gemm]
    values = {
        "device.dispatch_s": _between(rng, 1e-5, 3e-5),
        "device.gemm_overhead_s": _between(rng, 1e-5, 5e-5),
        "device.gemm_flops_per_s": _between(rng, 2e10, 3e11),
    }
    if kind != "rate":
        # So that bytes are what small batches wait for, and operations what large ones do.
        flops_per_byte = _between(rng, 10, 60)
        values["device.gemm_bandwidth_bytes_per_s"] = (
            values["device.gemm_flops_per_s"] / flops_per_byte
        )
    return Machine(f"products, {kind}", laws.gemm(kind), values, tuple(cells))


def steps(rng: np.random.Generator, *, knee: bool) -> Machine:
    batches = (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128)
    per_sample_s = _between(rng, 1e-5, 1e-3)
    values = {
        "step.floor_s": 16 * per_sample_s * _between(rng, 0.3, 1),
        "step.per_sample_s": per_sample_s,
    }
    if knee:
        values["step.plateau_s"] = per_sample_s * rng.uniform(10, 40)
    values["step.gradient_floor_s"] = values["step.floor_s"] * _between(rng, 0.8, 2)
    cells = [Cell("step", "process", batch=b) for b in batches]
    cells += [Cell("gradient", "process", batch=b) for b in batches]
    law = laws.steps(knee=knee)
    return Machine(law.name, law, values, tuple(cells))


def reductions(rng: np.random.Generator) -> Machine:
    sizes = (4, 2**12, 2**14, 2**16, 2**18, 2**20, 2**21, 2**22, 2**23)
    cells = [Cell("noop", "server"), Cell("noop", "mirrored", workers=2)]
    for path in REDUCING:
        cells += [Cell("allreduce", path, size, workers=n) for n in (2, 4) for size in sizes]
    values = {
        "collective.session_dispatch_s": _between(rng, 1e-4, 4e-4),
        "collective.session_latency_s": _between(rng, 2e-4, 1e-3),
        "collective.dispatch_s": _between(rng, 1e-4, 4e-4),
        "collective.latency_s": _between(rng, 2e-4, 2e-3),
        "collective.bandwidth_bytes_per_s": _between(rng, 1e8, 5e9),
    }
    return Machine("all-reduce", laws.all_reduce("ring"), values, tuple(cells))


Maker = Callable[[np.random.Generator], Machine]
MACHINES: Sequence[Maker] = (
    lambda rng: transfers(rng, broken=False),
    lambda rng: transfers(rng, broken=True),
    lambda rng: products(rng, "rate"),
    lambda rng: products(rng, "sum"),
    lambda rng: products(rng, "max"),
    lambda rng: steps(rng, knee=False),
    lambda rng: steps(rng, knee=True),
    reductions,
)
