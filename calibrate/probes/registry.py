"""Probes of cells, each built by the module that makes it runnable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

from nworkers.calibrate.probes.probe import Context, Probe
from nworkers.models.records.calibration import Cell


def build(cells: Sequence[Cell], context: Context, module_of: Callable[[Cell], str]) -> list[Probe]:
    """A probe for each cell, in the order of the cells.

    Args:
        module_of: the module that has ``build(cells, context)`` for the cell; it is imported here.
    """
    chosen: dict[str, list[Cell]] = {}
    for cell in cells:
        chosen.setdefault(module_of(cell), []).append(cell)
    made: dict[Cell, Probe] = {}
    for module, wanted in chosen.items():
        made |= {probe.cell: probe for probe in import_module(module).build(wanted, context)}
    return [made[cell] for cell in cells]
