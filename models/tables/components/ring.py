"""Ring: latency and bandwidth of an all-reduce, from its times at several sizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nworkers.models.base.all_reduce_terms import ring_terms
from nworkers.models.base.errors import InputError
from nworkers.models.records.combined_parameter import combined
from nworkers.models.records.profile import Collective, Identified, Parameter
from nworkers.models.tables.components.fit_rows import Solved, fit
from nworkers.models.tables.components.rows import Row


def columns(row: Row) -> tuple[float, float]:
    """Coefficients of α and 1/β.

    Other algorithms are fitted by the same form: α and β are then those of the ring that would take
    as long.
    """
    return ring_terms(row.size_bytes, row.workers)


def measure(
    rows: Sequence[Row], draws: int, rng: np.random.Generator, source: str
) -> tuple[Collective[Parameter], Solved]:
    """Raises: InputError: the sizes leave the bandwidth open."""
    where = f"{source}: allreduce"
    solved = fit(rows, columns, ("s", "s/byte"), draws, rng, where)
    latency, per_byte = solved.parameters
    largest = max(row.size_bytes for row in rows)
    if latency is None or not isinstance(per_byte, Identified):
        raise InputError(where, f"sizes up to {largest} bytes", "sizes that show the bandwidth")
    moved = [row.size_bytes for row in rows if row.size_bytes]
    groups = [row.workers for row in rows]
    collective: Collective[Parameter] = Collective(
        measured=True,
        latency_s=latency,
        bandwidth_bytes_per_s=combined(lambda s: 1 / s, "bytes/s", per_byte, draws=draws),
        imported=True,
        workers=(min(groups), max(groups)),
        size_bytes=(float(min(moved)), float(max(moved))),
    )
    return collective, solved
