"""Laws: the usual scaling laws, fitted to the same rows for comparison.

Each is fitted by least squares in the logarithm of the throughput, so that a percent counts alike
at every number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nworkers.models.base.all_reduce_terms import ring_terms
from nworkers.models.base.statistics import Floats
from nworkers.models.tables.formats.csv_throughput import ScalingRow

Key = tuple[str, int, str, str]
#: No rate or time is further from where the search begins, in the logarithm.
_FURTHEST = 20.0


@dataclass(frozen=True)
class ScalingLaw:
    """A law of throughput over workers N, for one model, batch and strategy.

    λN / (1 + σ(N−1) + κN(N−1)), in samples per second: Gunther's Universal Scalability Law
    (*Guerrilla Capacity Planning*, 2007, chapter 4), whose σ is contention and whose κ is
    coherency. With κ = 0 it is Amdahl's law (AFIPS Conference Proceedings 30, 1967) with serial
    share σ. λ, the rate of one worker, is fitted as well.
    """

    rate_per_s: float
    contention: float
    coherency: float = 0.0

    def samples_per_s(self, workers: int) -> float:
        others = workers - 1
        return (
            self.rate_per_s
            * workers
            / (1.0 + self.contention * others + self.coherency * workers * others)
        )


@dataclass(frozen=True)
class Paleo:
    """Step = compute + bytes / bandwidth, with one bandwidth for all models of a system.

    Paleo (Qi, Sparks and Talwalkar, ICLR 2017, section 4) has neither latency nor stragglers. Its
    bytes are those of `paleo_bytes`. ``bandwidth_bytes_per_s`` is None where more workers never
    took longer.
    """

    compute_s: dict[tuple[str, int], float]
    bandwidth_bytes_per_s: float | None

    def samples_per_s(self, row: ScalingRow, size_bytes: int) -> float | None:
        """None for a model or batch that was not among the rows."""
        compute_s = self.compute_s.get((row.model, row.batch_per_worker))
        if compute_s is None:
            return None
        bandwidth = self.bandwidth_bytes_per_s
        transfer_s = 0.0 if bandwidth is None else paleo_bytes(row, size_bytes) / bandwidth
        return row.workers * row.batch_per_worker / (compute_s + transfer_s)


def paleo_bytes(row: ScalingRow, size_bytes: int) -> float:
    """Bytes through the busiest end in a step.

    Parameter servers: every worker's fetch and push, 2·N·D, spread evenly over the servers
    (Paleo's OneToAll, which has one). All-reduce: the ring's 2(N−1)/N·D. One worker sends nothing.
    """
    if row.alone:
        return 0.0
    if row.strategy == "allreduce":
        return ring_terms(size_bytes, row.workers)[1]
    return 2.0 * row.workers * size_bytes / row.servers


def key_of(row: ScalingRow) -> Key:
    """Which series a row belongs to; under strong scaling the batch of all workers is the same."""
    return row.model, row.global_batch or row.batch_per_worker, row.strategy, row.system


def series(rows: Sequence[ScalingRow]) -> dict[Key, list[ScalingRow]]:
    """Rows that differ in their number of workers alone."""
    found: dict[Key, list[ScalingRow]] = {}
    for row in rows:
        found.setdefault(key_of(row), []).append(row)
    return found


def amdahl(rows: Sequence[ScalingRow]) -> ScalingLaw | None:
    """Amdahl's law of one series; None where there are fewer than two numbers of workers."""
    return _law(rows, parameters=1)


def universal(rows: Sequence[ScalingRow]) -> ScalingLaw | None:
    """The Universal Scalability Law; None where there are fewer than three numbers of workers."""
    return _law(rows, parameters=2)


def paleo(rows: Sequence[ScalingRow], size_bytes: Mapping[str, int]) -> Paleo | None:
    """Paleo's step over all rows of a system; None where no row has two workers."""
    if all(row.alone for row in rows):
        return None
    groups = list(dict.fromkeys((row.model, row.batch_per_worker) for row in rows))
    which = np.array([groups.index((row.model, row.batch_per_worker)) for row in rows])
    moved = np.array([paleo_bytes(row, size_bytes[row.model]) for row in rows])
    scale = 1e-9 * float(np.median([row.step_time_s for row in rows]))
    steps_s = np.array([row.step_time_s for row in rows])

    def model(x: Floats) -> Floats:
        return np.asarray(np.exp(x[:-1])[which] + x[-1] * scale * moved)

    start = [np.log(min(steps_s[which == g])) for g in range(len(groups))]
    x = _least_squares(model, np.array([*start, 1e-3]), steps_s, free=len(groups))
    per_byte_s = float(x[-1]) * scale
    compute_s = {group: float(np.exp(x[g])) for g, group in enumerate(groups)}
    seen = per_byte_s * float(moved.max()) > 1e-6 * float(steps_s.max())
    return Paleo(compute_s, 1.0 / per_byte_s if seen else None)


def _law(rows: Sequence[ScalingRow], parameters: int) -> ScalingLaw | None:
    workers = np.array([row.workers for row in rows], dtype=float)
    if len(set(workers.tolist())) < parameters + 1:
        return None
    rates = np.array([row.samples_per_s for row in rows])
    terms = np.column_stack([workers - 1.0, workers * (workers - 1.0)])[:, :parameters]
    # Of order one at the most workers, whatever their number.
    scale = terms.max(axis=0)

    def model(x: Floats) -> Floats:
        return np.asarray(np.exp(x[0]) * workers / (1.0 + (terms / scale) @ x[1:]))

    begin = float(np.log(np.max(rates / workers)))
    start = np.array([begin, *[0.05] * parameters])
    x = _least_squares(model, start, rates, free=1)
    values = [float(v) for v in x[1:] / scale]
    return ScalingLaw(float(np.exp(x[0])), *values)


def _least_squares(
    model: Callable[[Floats], Floats], start: Floats, measured: Floats, free: int
) -> Floats:
    """Least squares in the logarithm; the first ``free`` unknowns are logarithms, the rest ≥ 0."""
    # scipy.optimize takes half a second to import, and predicting needs none of it.
    from scipy.optimize import least_squares  # noqa: PLC0415

    low, high = np.zeros(start.size), np.full(start.size, np.inf)
    low[:free], high[:free] = start[:free] - _FURTHEST, start[:free] + _FURTHEST
    logs = np.log(measured)

    def residuals(x: Floats) -> Floats:
        return np.asarray(np.log(model(x)) - logs)

    found = least_squares(residuals, start, bounds=(low, high), xtol=1e-12, ftol=1e-12, gtol=1e-14)
    return np.asarray(found.x)
