"""Table: columns of text, numbers to the right.

rich draws the same, but takes 60 ms to import, a twelfth of what `scale predict` may take in all.
"""

from __future__ import annotations

from collections.abc import Sequence

from nworkers.cli.shown.visible import one_line

GAP = "   "


class TextTable:
    """Rows under a header; the columns named in ``left`` hold words, the others numbers."""

    def __init__(self, *header: str, left: Sequence[int] = ()) -> None:
        self._rows: list[tuple[str, ...]] = [header]
        self._left = frozenset(left)

    def add_row(self, *cells: str) -> None:
        if len(cells) != len(self._rows[0]):
            raise ValueError(f"{len(cells)} cells for {len(self._rows[0])} columns")
        self._rows.append(tuple(map(one_line, cells)))

    def __str__(self) -> str:
        """As wide as it needs: a cut number is worse than a wrapped line."""
        widths = [max(map(len, column)) for column in zip(*self._rows, strict=True)]
        header, *rows = (self._line(row, widths) for row in self._rows)
        rule = "─" * (sum(widths) + len(GAP) * (len(widths) - 1))
        return "\n".join(["", header, rule, *rows, ""])

    def _line(self, row: tuple[str, ...], widths: list[int]) -> str:
        cells = (
            cell.ljust(width) if k in self._left else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return GAP.join(cells).rstrip()
