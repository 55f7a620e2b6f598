"""Link sharing: what concurrent transfers tell of the link that they share.

K workers that move n bytes each through a link of rate C take K·n/C, whatever its discipline, as
long as they go on without a pause. Two more kinds of cells tell more. A fetch followed by a push
leaves each direction idle half of the time: first come, first served, the workers fall into turns
and nobody waits, while under fair sharing those that started together stay together, and all of
them share both directions. A fetch and a push at once share a link of one direction, not one of
two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from nworkers.models.base.statistics import Floats
from nworkers.models.fitting.laws import TRANSFER_KINDS, Session, session_s
from nworkers.models.fitting.observations import FittedLaw
from nworkers.models.fitting.select_law import MARGIN, bic
from nworkers.models.records.calibration import Burst, Cell
from nworkers.models.records.profile import Candidate, Discipline, Duplex, Parameter, TransferPath

#: Only transfers long enough for the link to matter tell of it.
LEAST_SHARE = 0.3
#: Rates that are tried, evenly spaced in the logarithm.
GRID = 241
#: And shares of a step's fixed time that come on top of the transfers: all of it as long as workers
#: are in step, none once one's fixed time runs beside the others' transfers.
FIXED_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
#: Two kinds of sharing that predict times closer than this cannot be told apart by them.
ALIKE = 0.05
_DISCIPLINES: tuple[Discipline, ...] = ("fair", "fifo")
_DUPLEXES: tuple[Duplex, ...] = ("full", "half")


@dataclass(frozen=True)
class Sharing:
    """What the data call for; ``None`` where they leave it open.

    ``candidates`` has the BIC of no link at all, and of every kind of one at its best rate.
    """

    bandwidth_bytes_per_s: float | None
    discipline: Discipline | None
    duplex: Duplex | None
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class _Observed:
    """A cell of several workers: its time, what one worker alone takes, and the processors'."""

    cell: Cell
    seconds: float
    fixed_s: float
    moved_s: float
    processor_s: float


def sharing(
    bursts: Iterable[Burst],
    transfers: FittedLaw[Session[Parameter]],
    *,
    cores: float,
    one_host: bool,
    kernel: float,
    seen: Discipline | None = None,
) -> Sharing:
    """Choose by BIC between no shared link and every kind of one.

    Args:
        transfers: what one worker alone takes.
        seen: the discipline, where transfers that began at once have shown it.
        cores: of every host.
        one_host: whether all tasks share these cores.
        kernel: busy time of a host per processor second of its tasks, at least 1.
    """
    observed = [
        found
        for found in _observations(bursts, transfers, cores, one_host=one_host, kernel=kernel)
        if found.moved_s > LEAST_SHARE * (found.fixed_s + found.moved_s)
        # How much two that take turns overlap is what tells disciplines apart, and else chance.
        and not (seen and found.cell.quantity == "fetch_push")
    ]
    if not any(found.cell.workers > 1 for found in observed):
        return Sharing(None, None, None, ())
    y = np.log([found.seconds for found in observed])
    rates = _rates(observed)
    kinds = list(product((seen,) if seen else _DISCIPLINES, _DUPLEXES))
    none = bic(np.log(_alone(observed)) - y, 0)
    best: dict[tuple[Discipline, Duplex], tuple[float, int, Floats]] = {}
    for kind in kinds:
        times = np.concatenate([np.log(_shared(observed, rates, s, *kind)) for s in FIXED_SHARES])
        place = int(np.argmin(((times - y) ** 2).sum(axis=1)))
        best[kind] = bic(times[place] - y, 2), place % rates.size, times[place]
    kind = min(kinds, key=lambda k: best[k][0])
    score, place, times = best[kind]
    found = score < none - MARGIN
    candidates = (
        Candidate("no shared link", "bic", none, not found),
        *(
            Candidate(f"{d}, {x} duplex", "bic", best[d, x][0], found and (d, x) == kind)
            for d, x in kinds
        ),
    )
    if not found:
        return Sharing(None, None, None, candidates)

    def told(other: tuple[Discipline, Duplex]) -> bool:
        return (
            best[other][0] > score + MARGIN and float(np.abs(best[other][2] - times).max()) > ALIKE
        )

    discipline, duplex = kind
    other_discipline: Discipline = "fifo" if discipline == "fair" else "fair"
    other_duplex: Duplex = "half" if duplex == "full" else "full"
    return Sharing(
        float(rates[place]),
        discipline if seen or told((other_discipline, duplex)) else None,
        duplex if told((discipline, other_duplex)) else None,
        candidates,
    )


def _observations(
    bursts: Iterable[Burst],
    transfers: FittedLaw[Session[Parameter]],
    cores: float,
    *,
    one_host: bool,
    kernel: float,
) -> Iterable[_Observed]:
    known: Session[float] = transfers.estimates
    seconds: dict[Cell, list[float]] = {}
    demands: dict[Cell, list[float]] = {}
    for burst in bursts:
        cell = burst.cell
        concurrent = cell.workers > 1 or cell.quantity == "exchange"
        moves = cell.quantity in ("fetch", "push", "exchange", "fetch_push")
        if not (cell.plain and cell.path == "ps" and moves and concurrent and cell.tensors == 1):
            continue
        seconds.setdefault(cell, []).append(float(np.median(burst.samples_s)))
        if burst.processor:
            used = burst.processor
            both = (used.worker_s, used.ps_s)
            busiest = sum(both) if one_host else max(both[0] / cell.workers, both[1])
            per_call = kernel * busiest / used.operations
            demands.setdefault(cell, []).append(cell.workers * per_call / cores)
    for cell, taken in seconds.items():
        alone = Cell(cell.quantity, "ps", cell.size_bytes)
        fixed, moved = _alone_s(known, alone)
        yield _Observed(
            cell, float(np.median(taken)), fixed, moved, float(np.median(demands.get(cell, [0.0])))
        )


def _alone_s(known: Session[float], cell: Cell) -> tuple[float, float]:
    """One worker's seconds: without its bytes, and of its bytes in one direction."""
    if cell.quantity == "exchange":
        parts = [_alone_s(known, Cell(q, "ps", cell.size_bytes)) for q in TRANSFER_KINDS]
        return max(fixed for fixed, _ in parts), max(moved for _, moved in parts)
    whole, fixed = session_s(known, cell), session_s(_without_bytes(known), cell)
    if whole is None or fixed is None:
        # Nothing was measured of a push after a fetch: as if it cost what a push alone does.
        one, two = (_alone_s(known, Cell(q, "ps", cell.size_bytes)) for q in TRANSFER_KINDS)
        return one[0] + two[0], one[1] + two[1]
    return fixed, whole - fixed


def _without_bytes(known: Session[float]) -> Session[float]:
    """As if bytes took no time."""

    def path(of: TransferPath[float]) -> TransferPath[float]:
        segments = tuple(replace(s, bandwidth_bytes_per_s=math.inf) for s in of.segments)
        return replace(of, segments=segments)

    updates = tuple(replace(update, per_byte_s=0.0) for update in known.apply)
    return replace(known, fetch=path(known.fetch), push=path(known.push), apply=updates)


def _alone(observed: list[_Observed]) -> Floats:
    """Without a link to share: one worker's own time, or the processors'."""
    return np.array([max(o.fixed_s + o.moved_s, o.processor_s) for o in observed])


def _shared(
    observed: list[_Observed],
    rates: Floats,
    fixed_share: float,
    discipline: Discipline,
    duplex: Duplex,
) -> Floats:
    """Seconds at every rate, of shape (rates, observations)."""
    made = np.empty((rates.size, len(observed)))
    for k, o in enumerate(observed):
        both_ways = o.cell.quantity in ("exchange", "fetch_push")
        in_turns = o.cell.quantity == "fetch_push"
        wire_s = o.cell.workers * o.cell.size_bytes / rates
        if (both_ways and duplex == "half") or (in_turns and discipline == "fair"):
            wire_s = 2 * wire_s
        alone_s = o.fixed_s + o.moved_s
        # In turns, what is not transfer runs beside others' transfers.
        alongside = discipline == "fifo" and in_turns
        queued_s = wire_s + (0.0 if alongside else fixed_share * o.fixed_s)
        made[:, k] = np.maximum(queued_s, max(alone_s, o.processor_s))
    return made


def _rates(observed: list[_Observed]) -> Floats:
    """From a quarter of what one flow gets to what all of them would get without a limit."""
    flow = float(np.median([o.cell.size_bytes / o.moved_s for o in observed]))
    most = max(o.cell.workers for o in observed)
    return np.asarray(np.geomspace(flow / 4, 2 * most * flow, GRID))
