"""Registry: probes of cells, each built by the module that makes it runnable."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from importlib import import_module

from nworkers.calibrate.probes.error_line import error_line
from nworkers.calibrate.probes.probe import Context, Probe, UserCodeError
from nworkers.calibrate.probes.sampling import nothing
from nworkers.models.records.calibration import Cell


def build(
    cells: Sequence[Cell],
    context: Context,
    module_of: Callable[[Cell], str],
    lock_step: Callable[[Cell], bool],
) -> list[Probe]:
    """A probe for each cell, in the order of the cells; one that cannot be built says why.

    Args:
        module_of: the module that has ``build(cells, context)`` for the cell; it is imported here.
        lock_step: whether all members of a group must build the cell together.

    Raises:
        UserCodeError: a function of the user's own is at fault.
    """
    chosen: dict[str, list[Cell]] = {}
    for cell in cells:
        chosen.setdefault(module_of(cell), []).append(cell)
    made: dict[Cell, Probe] = {}
    for module, wanted in chosen.items():
        made |= _built(module, wanted, context, together=any(map(lock_step, wanted)))
    return [made[cell] for cell in cells]


def _built(
    module: str, cells: Sequence[Cell], context: Context, *, together: bool
) -> dict[Cell, Probe]:
    try:
        return {probe.cell: probe for probe in import_module(module).build(cells, context)}
    except UserCodeError:
        raise
    except Exception as error:
        traceback.print_exc()
        if len(cells) > 1 and not together:
            # Which of them it is shows when each is built alone.
            alone = (_built(module, [cell], context, together=False) for cell in cells)
            return {cell: probe for built in alone for cell, probe in built.items()}
        why = error_line(error)
        return {cell: Probe(cell, nothing, unavailable=why) for cell in cells}
