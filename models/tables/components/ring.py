"""Ring: latency and bandwidth of an all-reduce, from its times at several sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median_low

import numpy as np

from nworkers.models.base.all_reduce_terms import ring_terms
from nworkers.models.base.errors import InputError
from nworkers.models.fitting.select_law import breaks
from nworkers.models.records.combined_parameter import combined
from nworkers.models.records.profile import Collective, FitRow, Identified, Parameter, Segment
from nworkers.models.tables.components.fit_rows import Offset, SolvedRows, fit, held_out_errors
from nworkers.models.tables.components.rows import Row

#: Sizes in which a library's switches are looked for: the search takes their square.
MOST_SIZES = 40

Terms = Callable[[Row], tuple[float, float]]


@dataclass(frozen=True)
class FittedLine:
    """α and β of some rows, each segment's own, and how they were fitted."""

    segments: tuple[Segment[Parameter], ...]
    rows: tuple[Row, ...]
    solved: SolvedRows
    quality: FitRow


def terms(row: Row) -> tuple[float, float]:
    """Coefficients of α and 1/β.

    Other algorithms are fitted by the same form: α and β are then those of the ring that would take
    as long.
    """
    return ring_terms(row.size_bytes, row.workers)


def line(
    name: str,
    rows: Sequence[Row],
    of: Terms,
    draws: int,
    rng: np.random.Generator,
    where: str,
    known: Offset | None = None,
) -> FittedLine:
    """Fit rows by α and β that jump where the library switches its protocol.

    Args:
        known: seconds of a row that are others'.

    Raises:
        InputError: the sizes leave the bandwidth open.
    """
    begins = (0.0, *_switches(rows))

    def columns(row: Row) -> tuple[float, ...]:
        place = sum(row.size_bytes >= begin for begin in begins) - 1
        hops, moved = of(row)
        found = [0.0] * (2 * len(begins))
        found[2 * place : 2 * place + 2] = hops, moved
        return tuple(found)

    offset: tuple[Offset, ...] = () if known is None else (known,)
    solved = fit(rows, columns, ("s", "s/byte") * len(begins), draws, rng, where, *offset)
    latencies, per_byte = solved.parameters[::2], solved.parameters[1::2]
    if not isinstance(per_byte[-1], Identified):
        largest = max(row.size_bytes for row in rows)
        raise InputError(where, f"sizes up to {largest} bytes", "sizes that show the bandwidth")
    segments = []
    for begin, latency_s, byte_s in zip(begins, latencies, per_byte, strict=True):
        assert latency_s is not None
        assert byte_s is not None
        rate = combined(lambda s: 1 / s, "bytes/s", byte_s, draws=draws)
        segments.append(Segment(begin, latency_s, rate))
    quality = held_out_errors(name, rows, columns, *offset)
    return FittedLine(tuple(segments), tuple(rows), solved, quality)


def measure(
    rows: Sequence[Row], draws: int, rng: np.random.Generator, where: str
) -> tuple[Collective[Parameter], FittedLine]:
    """One ring of all workers, wherever they are.

    Raises:
        InputError: the sizes leave the bandwidth open.
    """
    found = line("allreduce", rows, terms, draws, rng, where)
    first, *others = found.segments
    collective: Collective[Parameter] = Collective(
        measured=True,
        latency_s=first.latency_s,
        bandwidth_bytes_per_s=first.bandwidth_bytes_per_s,
        imported=True,
        workers=groups(rows),
        size_bytes=sizes(rows),
        segments=tuple(others),
    )
    return collective, found


def groups(rows: Sequence[Row]) -> tuple[int, int]:
    """The smallest and the largest group."""
    found = [row.workers for row in rows]
    return min(found), max(found)


def sizes(rows: Sequence[Row]) -> tuple[float, float]:
    """The smallest and the largest size that is one."""
    moved = [row.size_bytes for row in rows if row.size_bytes]
    return float(min(moved)), float(max(moved))


def _switches(rows: Sequence[Row]) -> tuple[float, ...]:
    """Sizes at which the times of one group jump: of the one with the most sizes."""
    by_group: dict[tuple[int, int], dict[int, list[float]]] = {}
    for row in rows:
        if row.size_bytes:
            by_size = by_group.setdefault((row.hosts, row.workers), {})
            by_size.setdefault(row.size_bytes, []).append(row.seconds)
    if not by_group:
        return ()
    times = max(by_group.values(), key=len)
    listed = sorted(times)
    step = math.ceil(len(listed) / MOST_SIZES)
    spaced = listed[::step]
    # Of two times the shorter: what disturbs a test makes it longer.
    return breaks(spaced, [median_low(times[size]) for size in spaced])[0]
