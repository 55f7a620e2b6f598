"""Calibrations: small ones made up of bursts of one sample."""

from __future__ import annotations

from nworkers.models.records.calibration import Burst, Calibration, Cell, Environment, Planned
from nworkers.models.records.workload import named_workload

CELLS = tuple(Cell("fetch", "ps", size) for size in (4, 8, 16))


def burst(cell: Cell, number: int, seconds: float = 1.0, worker: int = 0) -> Burst:
    return Burst(cell, number, worker, 0.01, (), (seconds,), (), "precision")


def calibration(*bursts: Burst, at: str = "2026-01-01T00:00:00Z") -> Calibration:
    return Calibration(
        environment=Environment(at, "none: made up for tests", {}),
        link_kind="loopback",
        evidence="one host",
        cores=2.0,
        ps=1,
        workers=2,
        rounds=1,
        complete=False,
        workload=named_workload("gemm:128,256"),
        bursts=bursts,
        planned=Planned({}, 2, CELLS),
    )
