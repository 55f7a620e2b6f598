"""The table of parameters: estimate, interval and unit of each, or that it is not identified."""

from __future__ import annotations

from collections.abc import Iterable

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.sheet import Sheet
from nworkers.cli.shown.table import TextTable
from nworkers.models.records.profile import Identified, Parameter

#: Stands below a table in which the words are used.
OPEN = (
    "Not identified: too small to see, or known by a bound alone. The fit is of sums, so it may be "
    "good all the same; predictions take all that the number may be."
)


def parameter_table(rows: Iterable[tuple[str, Parameter]], counted: str) -> Sheet:
    """One row a parameter, and what it means where one is not identified.

    Args:
        counted: what its samples are called.
    """
    header = ("parameter", "estimate", "90 % interval", "unit", counted)
    table = TextTable(*header, left=(0,), spare=(counted, "90 % interval"))
    left_open = False
    for name, parameter in rows:
        table.add_row(name, *_columns(parameter), str(parameter.samples))
        left_open = left_open or not isinstance(parameter, Identified)
    return Sheet(table, OPEN) if left_open else Sheet(table)


def _columns(parameter: Parameter) -> tuple[str, str, str]:
    if not isinstance(parameter, Identified):
        return "not identified", "—", parameter.unit
    if not parameter.unit:  # a spread of the logarithm is one in percent, as long as it is small
        return fmt.digits(100 * parameter.estimate), fmt.span(parameter.interval, 0.01), "%"
    return fmt.columns(parameter.estimate, parameter.unit, parameter.interval)
