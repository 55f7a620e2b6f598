"""CSV lines: rows under a header, each value by its cell; lines that begin with # are remarks.

Markdown's tables are read as well, wherever they stand in a text.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from nworkers.models.base.errors import InputError
from nworkers.models.tables.components.rows import number
from nworkers.models.tables.components.thin import Measured, thinned, thinning

Row = TypeVar("Row")
#: No header is longer.
_LONGEST = 4096
#: The line under the header of a table in markdown.
_RULE = re.compile(r"[ >]*\|?[ ]*:?-+:?[ ]*(?:\|[ ]*:?-+:?[ ]*)+\|?[ ]*")


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """The lines that hold something, with their numbers; those of a table, if one is marked so."""
    lines = text.splitlines() if "|" in text else []
    rule = next((k for k, line in enumerate(lines) if k and _RULE.fullmatch(line)), None)
    if rule is not None and "|" in lines[rule - 1]:
        yield from _marked(lines, rule)
        return
    for index, line in enumerate(text.splitlines(), 1):
        begin = line.lstrip()[:1]
        if begin and begin != "#":
            yield index, line


def _marked(lines: Sequence[str], rule: int) -> Iterator[tuple[int, str]]:
    """The header above the rule and the rows below it, with tabs between their cells."""
    for k in (rule - 1, *range(rule + 1, len(lines))):
        if "|" not in lines[k]:
            return
        line = lines[k].strip(" >").replace("\t", " ")
        yield k + 1, "\t".join(cell.strip() for cell in line.strip("|").split("|"))


def header(text: str) -> tuple[list[str], str]:
    """The names in the first line that is no remark, and what separates them."""
    _, line = next(lines_of(text), (0, ""))
    if not line or len(line) > _LONGEST:
        return [], ","
    separator = max(",;\t", key=line.count)
    return [name.strip().strip('"').strip() for name in line.split(separator)], separator


def read_rows(
    text: str, measured: str, source: str, make: Callable[[Mapping[str, str], float, str], Row]
) -> tuple[list[Row], tuple[str, ...]]:
    """The rows, thinned where they are many, and what is to be said of that.

    Args:
        measured: the column that holds what was measured; all others say of what.
        make: a row of the other columns, that value, and where they stand.

    Raises:
        InputError: a line has other columns than the header, or no number where one is measured.
    """
    names, separator = header(text)
    cells = _cells(text, names, separator, measured, source)
    others = [name for name in names if name != measured]
    return rows_of(cells, others, source, make)


def rows_of(
    cells: Mapping[tuple[str, ...], Sequence[Measured]],
    others: Sequence[str],
    source: str,
    make: Callable[[Mapping[str, str], float, str], Row],
) -> tuple[list[Row], tuple[str, ...]]:
    """The rows of cells, each all that rows say beside their value; thinned where they are many."""
    place = others.index("round") if "round" in others else None
    kept = thinned(cells, lambda cell: None if place is None else cell[place])
    rows = [
        (index, make(values, value, f"{source}: line {index}"))
        for cell, found in kept.items()
        for values in (dict(zip(others, cell, strict=True)),)
        for value, index in found
    ]
    rows.sort(key=lambda pair: pair[0])
    return [row for _, row in rows], thinning(len(rows), sum(map(len, cells.values())))


def _cells(
    text: str, names: Sequence[str], separator: str, measured: str, source: str
) -> dict[tuple[str, ...], list[Measured]]:
    """Of each cell, which is a row but for its value, the values with their lines' numbers.

    Long tables have few cells, so that little is done for each of their rows.
    """
    place, width = names.index(measured), len(names)
    cells: dict[tuple[str, ...], list[Measured]] = {}
    # As they stand in the line, so that spaces are taken off a cell once.
    known: dict[tuple[str, ...], list[Measured]] = {}
    lines = lines_of(text)
    next(lines)
    for index, line in lines:
        values = cells_of(line, separator, source)
        if len(values) != width:
            got, allowed = f"{len(values)} columns", f"{width}, as the header has"
            raise InputError(f"{source}: line {index}", got, allowed)
        text_of = values.pop(place)
        try:
            value = float(text_of)
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            value = number(text_of.strip(), f"{source}: line {index}: {measured}")
        key = tuple(values)
        if key not in known:
            known[key] = cells.setdefault(tuple(value.strip() for value in key), [])
        known[key].append((value, index))
    return cells


def cells_of(line: str, separator: str, source: str) -> list[str]:
    """The cells of a line.

    Raises:
        InputError: a quotation does not end.
    """
    if '"' not in line:
        return line.split(separator)
    try:
        return next(csv.reader(io.StringIO(line), delimiter=separator), [])
    except csv.Error as error:
        got = f"no CSV ({error}): {line[:40]}"
        raise InputError(source, got, "values with commas between them") from None
