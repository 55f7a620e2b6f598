"""Calibration answer: what the end report of a calibration says, derived once."""

from __future__ import annotations

from dataclasses import dataclass

from nworkers.models.findings.bus_bandwidth import Reduction, reductions
from nworkers.models.findings.host_speed import HostRow, host_rows, mixed
from nworkers.models.findings.original import OriginalRow, original
from nworkers.models.findings.sanity import implausible
from nworkers.models.findings.soak import Soak, soak
from nworkers.models.findings.weak_parameters import Remedy
from nworkers.models.fitting.precision import (
    PROVISIONAL_ROUNDS,
    CellPrecision,
    precision,
    widest,
)
from nworkers.models.fitting.round_spread import round_levels
from nworkers.models.records.calibration import Calibration, Neighbour, typical_rounds
from nworkers.models.records.profile import RoundLevels

#: Cells that are shown of those that missed their precision, and refined by the next command.
SHOWN = 10


@dataclass(frozen=True)
class CalibrationAnswer:
    """What was measured, how firmly, what disturbed it, and what to do next.

    Attributes:
        not_fitted: why there is no profile; empty where there is one.
        precision: of every cell, in the order of measuring.
        missed: the cells of these that missed their precision, furthest off first.
        rounds: in which the median cell was measured.
        original: the original benchmark's answer, a row a shape.
        reductions: every all-reduce that was measured alone.
        soak: whether the link keeps its rate; None where too little was measured.
        hosts: one cell on one host beside the others.
        neighbours: other processes that were busy meanwhile, the busiest first.
        mixed: tasks on unlike hosts, a line each.
        levels: how far whole rounds lie apart; None where there are not two.
        implausible: fitted numbers that no hardware gives, a line each.
        firmer: what would make the cells firmer; None where none missed its precision.
        rest: what measures the rest; None where the calibration is complete.
    """

    calibration: Calibration
    not_fitted: str
    precision: tuple[CellPrecision, ...]
    missed: tuple[CellPrecision, ...]
    rounds: int
    original: tuple[OriginalRow, ...]
    reductions: tuple[Reduction, ...]
    soak: Soak | None
    hosts: tuple[HostRow, ...]
    neighbours: tuple[Neighbour, ...]
    mixed: tuple[str, ...]
    levels: RoundLevels | None
    implausible: tuple[str, ...]
    firmer: Remedy | None
    rest: Remedy | None

    @property
    def provisional(self) -> bool:
        """Intervals rest on too few rounds."""
        return self.rounds < PROVISIONAL_ROUNDS

    @property
    def largest_reductions(self) -> tuple[Reduction, ...]:
        """The largest all-reduce of each group, whose bus bandwidth is the most telling."""
        return tuple({(r.path, r.device, r.workers): r for r in self.reductions}.values())


def calibration_answer(calibration: Calibration, not_fitted: str = "") -> CalibrationAnswer:
    """Every fact of the end report; the costly ones are computed here and nowhere else."""
    cells = precision(calibration.bursts)
    missed = widest(cells)
    rounds = typical_rounds(calibration.bursts)
    profile = calibration.profile
    return CalibrationAnswer(
        calibration=calibration,
        not_fitted=not_fitted,
        precision=cells,
        missed=missed,
        rounds=rounds,
        original=original(calibration),
        reductions=reductions(calibration.bursts),
        soak=soak(calibration.bursts),
        hosts=host_rows(calibration),
        neighbours=tuple(sorted(calibration.neighbours, key=lambda n: -n.share)),
        mixed=tuple(mixed(calibration)),
        levels=round_levels(calibration.bursts),
        implausible=() if profile is None else tuple(implausible(profile)),
        firmer=_firmer(missed, rounds),
        rest=None if calibration.complete else Remedy("resume"),
    )


def _firmer(missed: tuple[CellPrecision, ...], rounds: int) -> Remedy | None:
    """More rounds of all while they are few; then of the cells that need them."""
    if not missed:
        return None
    if rounds < PROVISIONAL_ROUNDS:
        return Remedy("resume", rounds=PROVISIONAL_ROUNDS)
    return Remedy("refine", only=tuple(dict.fromkeys(c.cell.quantity for c in missed[:SHOWN])))
