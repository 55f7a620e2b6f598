"""Table: columns of text, numbers to the right, as many of them as a terminal has room for.

rich draws the same, but takes 60 ms to import, a twelfth of what `scale predict` may take in all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nworkers.cli.shown.terminal import NO_TERMINAL, Terminal
from nworkers.cli.shown.tone import Tone, Toned, painted, tone_of
from nworkers.cli.shown.visible import one_line
from nworkers.cli.shown.wrapping import display_width, words_of, wrapped

#: Blanks between columns, and where that is too many.
GAP, NARROW_GAP = 3, 2
#: Words are not squeezed below this as long as a column can be left out instead.
SQUEEZED = 24


@dataclass(frozen=True)
class _Fit:
    """Which columns are shown, how wide each is, and how far apart."""

    columns: Sequence[int]
    widths: Sequence[int]
    gap: int = NARROW_GAP

    @property
    def total(self) -> int:
        return sum(self.widths) + self.gap * (len(self.widths) - 1)


class TextTable:
    """Rows under a header.

    Args:
        left: the columns that hold words, the others hold numbers.
        spare: names of the columns that a narrow terminal does without, the first first.
    """

    def __init__(self, *header: str, left: Sequence[int] = (), spare: Sequence[str] = ()) -> None:
        self._rows: list[tuple[str, ...]] = [header]
        self._left = frozenset(left)
        self._spare = [header.index(name) for name in spare if name in header]

    def add_row(self, *cells: str) -> None:
        if len(cells) != len(self._rows[0]):
            raise ValueError(f"{len(cells)} cells for {len(self._rows[0])} columns")
        self._rows.append(tuple(Toned(one_line(cell), tone_of(cell)) for cell in cells))

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The header, then each row, whatever a terminal has room for."""
        return [*self._rows]

    @property
    def left(self) -> frozenset[int]:
        """The columns that hold words."""
        return self._left

    def __str__(self) -> str:
        """As wide as it needs: a cut number is worse than a wrapped line."""
        return self.laid(NO_TERMINAL)

    def laid(self, terminal: Terminal) -> str:
        """As a terminal shows it: what there is no room for is named below."""
        whole = self._whole()
        fit = whole if terminal.width is None else self._fitted(whole, terminal.width)
        header, *rows = ("\n".join(self._lines(row, fit, terminal)) for row in self._rows)
        lines = ["", header, "─" * fit.total, *rows]
        missing = [name for k, name in enumerate(self._rows[0]) if name and k not in fit.columns]
        if missing and terminal.width is not None:
            said = f"Not shown: {', '.join(missing)}; {whole.total} columns or --json show all."
            lines += [
                painted(line, Tone.ASIDE, colours=terminal.colours)
                for line in wrapped(said, terminal.width)
            ]
        return "\n".join([*lines, ""])

    def _whole(self) -> _Fit:
        columns = range(len(self._rows[0]))
        return _Fit(columns, [self._widest(k) for k in columns], GAP)

    def _widest(self, k: int) -> int:
        return max(display_width(row[k]) for row in self._rows)

    def _longest_word(self, k: int, rows: Sequence[tuple[str, ...]]) -> int:
        words = (word.strip() for row in rows for word in words_of(row[k]))
        return max(map(display_width, words), default=1)

    def _fitted(self, whole: _Fit, width: int) -> _Fit:
        """Closer together, then without what is spare, then with numbers broken at their blanks."""
        narrow = _Fit(whole.columns, whole.widths)
        for fit in (whole, narrow):
            if fit.total <= width:
                return fit
        for gone in range(len(self._spare) + 1):
            kept = [k for k in whole.columns if k not in self._spare[:gone]]
            fit = _Fit(kept, [self._least(k) for k in kept])
            if fit.total <= width:
                return self._widened(fit, width)
        fit = _Fit(kept, [self._longest_word(k, self._rows) for k in kept])
        return self._widened(fit, width) if fit.total <= width else _squeezed(fit, width)

    def _least(self, k: int) -> int:
        """Numbers whole, under a header of several lines; words in lines of some length."""
        header, *rows = self._rows
        if k in self._left:
            return max(self._longest_word(k, self._rows), min(self._widest(k), SQUEEZED))
        cells = (display_width(row[k]) for row in rows)
        return max(self._longest_word(k, [header]), *cells, 1)

    def _widened(self, fit: _Fit, width: int) -> _Fit:
        """Room that is left, to whichever column lacks most."""
        widths = [*fit.widths]
        wanted = [self._widest(k) for k in fit.columns]
        for _ in range(width - fit.total):
            lacks = [want - has for want, has in zip(wanted, widths, strict=True)]
            if max(lacks) <= 0:
                break
            widths[lacks.index(max(lacks))] += 1
        return _Fit(fit.columns, widths)

    def _lines(self, row: tuple[str, ...], fit: _Fit, terminal: Terminal) -> Iterator[str]:
        """One for as long as every cell fits its column."""
        cells = [wrapped(row[k], width) for k, width in zip(fit.columns, fit.widths, strict=True)]
        for n in range(max(map(len, cells))):
            line, gap = "", ""
            for k, width, lines in zip(fit.columns, fit.widths, cells, strict=True):
                text = lines[n] if n < len(lines) else ""
                blanks = " " * (width - display_width(text))
                shown = painted(text, tone_of(row[k]), colours=terminal.colours)
                line += gap + (shown + blanks if k in self._left else blanks + shown)
                gap = " " * fit.gap
            yield line.rstrip()


def _squeezed(fit: _Fit, width: int) -> _Fit:
    """The widest column narrower, as often as it takes; words break."""
    widths = [*fit.widths]
    while sum(widths) + fit.gap * (len(widths) - 1) > width and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    return _Fit(fit.columns, widths, fit.gap)
