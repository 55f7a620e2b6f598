"""Thin: the rows of a long table that stand for all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

#: Rows that are fitted, about: more would take minutes and tell nothing further.
MOST_ROWS = 2_000

Cell = TypeVar("Cell")
#: A measured value, and the place of its row.
Measured = tuple[float, int]


def thinned(
    cells: Mapping[Cell, Sequence[Measured]], round_of: Callable[[Cell], object] = lambda _: None
) -> dict[Cell, list[Measured]]:
    """Some of a long table's rows; all of one that is not long.

    Of many rounds whole ones are kept, evenly spaced. Then of each cell, which is all that rows say
    beside their value, values evenly spaced in ascending order: so each cell keeps its share of the
    rows, its median and its spread. Of more cells than rows every so many is kept.
    """
    total = sum(map(len, cells.values()))
    if total <= MOST_ROWS:
        return {cell: list(rows) for cell, rows in cells.items()}
    rounds = tuple(dict.fromkeys(map(round_of, cells)))
    if len(rounds) > 1:
        chosen = set(_spaced(rounds, max(2, len(rounds) * MOST_ROWS // total)))
        cells = {cell: rows for cell, rows in cells.items() if round_of(cell) in chosen}
    kept = _spaced(tuple(cells), MOST_ROWS)
    total = sum(len(cells[cell]) for cell in kept)
    return {
        cell: _spaced(sorted(cells[cell]), max(1, len(cells[cell]) * MOST_ROWS // total))
        for cell in kept
    }


def thinning(kept: int, total: int) -> tuple[str, ...]:
    """What to say of it, if anything."""
    if kept == total:
        return ()
    return (
        f"of {total:,} rows {kept:,} stand for all, evenly spaced in each cell's values in order",
    )


def _spaced(items: Sequence[Cell], count: int) -> list[Cell]:
    """So many of the items, each from the middle of its share of them."""
    if count >= len(items):
        return list(items)
    return [items[(2 * k + 1) * len(items) // (2 * count)] for k in range(count)]
