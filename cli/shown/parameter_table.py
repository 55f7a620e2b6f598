"""The table of parameters: estimate, interval and unit of each, or that it is not identified."""

from __future__ import annotations

from collections.abc import Iterable

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.table import TextTable
from nworkers.models.records.profile import Identified, Parameter


def parameter_table(rows: Iterable[tuple[str, Parameter]], counted: str) -> TextTable:
    """One row a parameter.

    Args:
        counted: what its samples are called.
    """
    header = ("parameter", "estimate", "90 % interval", "unit", counted)
    table = TextTable(*header, left=(0,), spare=(counted, "90 % interval"))
    for name, parameter in rows:
        table.add_row(name, *_columns(parameter), str(parameter.samples))
    return table


def _columns(parameter: Parameter) -> tuple[str, str, str]:
    if not isinstance(parameter, Identified):
        return "not identified", "—", parameter.unit
    if not parameter.unit:  # a spread of the logarithm is one in percent, as long as it is small
        return fmt.digits(100 * parameter.estimate), fmt.span(parameter.interval, 0.01), "%"
    return fmt.columns(parameter.estimate, parameter.unit, parameter.interval)
