"""Probes: which module makes which cells runnable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

from nworkers.calibrate.probes.probe import Context, Probe
from nworkers.models.records.calibration import Cell

#: Where a cell is built: the first row that covers it. Each module has ``build(cells, context)``,
#: and is imported by the task that needs it.
_MODULES: tuple[tuple[str, Callable[[Cell], bool]], ...] = (
    ("devices", lambda c: c.device != ""),
    ("pipeline", lambda c: c.quantity == "input"),
    ("training_probes", lambda c: c.path == "process" and c.quantity in ("step", "gradient")),
    ("collectives", lambda c: c.path == "collective"),
    ("coordinator", lambda c: c.path == "coordinator"),
    ("mirrored", lambda c: c.path == "mirrored"),
    ("graphs", lambda c: c.path in ("process", "server", "ps")),
)


def build(cells: Sequence[Cell], context: Context) -> list[Probe]:
    """A probe for each cell, in the order of the cells."""
    chosen: dict[str, list[Cell]] = {}
    for cell in cells:
        chosen.setdefault(_module(cell), []).append(cell)
    made: dict[Cell, Probe] = {}
    for module, wanted in chosen.items():
        builder = import_module(f"nworkers.calibrate.tensorflow.{module}")
        made |= {probe.cell: probe for probe in builder.build(wanted, context)}
    return [made[cell] for cell in cells]


def _module(cell: Cell) -> str:
    return next(module for module, covers in _MODULES if covers(cell))
