"""Resume: what a calibration still lacks, and what its file and its journal know together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from nworkers.models.fitting.precision import precision, widest
from nworkers.models.records.calibration import Burst, Calibration, Cell, Quantity, Skipped


@dataclass(frozen=True)
class Round:
    """Cells to measure in one set of fresh processes."""

    number: int
    cells: tuple[Cell, ...]


def pending(
    cells: Sequence[Cell], rounds: int, bursts: Iterable[Burst], skipped: Iterable[Skipped]
) -> tuple[Round, ...]:
    """The (round, cell) pairs of a plan that were not measured yet."""
    done = {(burst.round, burst.cell) for burst in bursts}
    never = {s.cell for s in skipped}
    left = (
        Round(
            number,
            tuple(c for c in cells if (number, c) not in done and not never & {c, c.built}),
        )
        for number in range(rounds)
    )
    return tuple(round_ for round_ in left if round_.cells)


def refinement(
    calibration: Calibration, rounds: int, only: Sequence[Quantity] = ()
) -> tuple[Round, ...]:
    """So many more rounds of the cells that missed their precision."""
    cells = tuple(c.cell for c in widest(precision(calibration.bursts), only))
    begun = 1 + max((burst.round for burst in calibration.bursts), default=-1)
    # Not among the planned ones: those are to hold every cell.
    first = max(begun, calibration.planned.rounds if calibration.planned else 0)
    return tuple(Round(first + k, cells) for k in range(rounds)) if cells else ()


def merged(file: Calibration | None, journal: Calibration | None) -> Calibration | None:
    """What a calibration's file and the journal beside it know together.

    A journal that another calibration began was to replace the file: it counts alone.
    """
    if file is None or journal is None:
        return file or journal
    if file.environment.measured_at != journal.environment.measured_at:
        return journal
    known = {(b.round, b.cell, b.worker) for b in file.bursts}
    added = tuple(b for b in journal.bursts if (b.round, b.cell, b.worker) not in known)
    return replace(
        file,
        bursts=file.bursts + added,
        skipped=tuple(dict.fromkeys((*file.skipped, *journal.skipped))),
        neighbours=tuple(dict.fromkeys((*file.neighbours, *journal.neighbours))),
        resumed=max(file.resumed, journal.resumed, key=len),
        planned=journal.planned or file.planned,
        # A profile is one of exactly the samples that it was fitted to.
        profile=None if added else file.profile,
    )
