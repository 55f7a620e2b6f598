"""Found: the tables of a file, each of one test with its settings, and what is made of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from nworkers.models.base.errors import InputError
from nworkers.models.tables.components.rows import MeasuredTable, Row

#: What tells repetitions of one thing apart, and no settings.
_COUNTED = re.compile(
    r"\b(?:run|trial|iteration|iter|repeat|repetition|round|attempt|rep|sample)s?\s*[#:=]?\s*\d+"
    r"(?:\s*(?:of|/)\s*\d+)?|#\s*\d+",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"[*_`=~#-]{2,}|^[#>*\s]+|[:\s]+$")
_PLACES = {False: "out-of-place", True: "in-place"}
#: Names of series that a sentence lists, and tables that are named one by one.
_MOST_NAMES, _MOST_TABLES = 6, 12
#: What has one rate for all sizes, so that no size of it is the fastest.
FLOWING = ("flows", "flow", "second", "both_ways")


@dataclass(frozen=True)
class FoundTable:
    """One table of a file.

    ``title`` says which test of which group it is; ``lines`` are the first and the last of it.
    ``hosts`` names the host of every rank, where the file does. ``refused`` is why it is of no
    use, ``notes`` what to know of its rows. Rows of one series in two tables are repetitions.
    """

    format: str
    title: str
    lines: tuple[int, int]
    rows: tuple[Row, ...] = ()
    hosts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refused: InputError | None = None

    @property
    def place(self) -> str:
        first, last = self.lines
        return f"line {first}" if first >= last else f"lines {first} to {last}"


def label(text: str) -> str:
    """A line above a table as the name of its settings: without markup, without a run's number."""
    plain = _MARKUP.sub("", text.strip())
    return _MARKUP.sub("", _COUNTED.sub("", plain)).strip(" :-–—()[]")


def used(tables: Sequence[FoundTable], wanted: str | None, source: str) -> MeasuredTable:
    """The rows of those tables that tell something, and what became of the others.

    Args:
        wanted: part of the name of one series, where several are there.

    Raises:
        InputError: none is of use, or none is of the series that is wanted.
    """
    useful = [table for table in tables if table.refused is None and table.rows]
    if not useful:
        refusals = [(t.lines[1] - t.lines[0], t.refused) for t in tables if t.refused is not None]
        # The longest one is what the file is of.
        longest = max(refusals, key=lambda pair: pair[0], default=(0, None))[1]
        raise longest or InputError(source, "no rows", "at least one row")
    kind = useful[0].format
    taken = [table for table in useful if table.format == kind]
    rows, chosen = _chosen(_rounds(taken), wanted)
    notes = [] if len(tables) == 1 else [_said(table, table in taken) for table in tables]
    if len(notes) > _MOST_TABLES:
        notes = [*notes[:_MOST_TABLES], f"and {len(notes) - _MOST_TABLES} tables more"]
    notes += [*chosen, *dict.fromkeys(note for table in taken for note in table.notes)]
    return MeasuredTable(kind, tuple(rows), tuple(notes))


def _said(table: FoundTable, taken: bool) -> str:
    """What became of a table, by its lines."""
    if taken:
        sizes = len({row.size_bytes for row in table.rows if row.quantity not in FLOWING[1:]})
        return f"{table.place}: {table.title}, {sizes} size{'s' * (sizes != 1)}, used"
    why = "another tool's than the one before" if table.refused is None else table.refused.got
    title = "" if table.title in str(why) else f"{table.title}, "
    return f"{table.place}: {title}left out: {why}"


def _rounds(tables: Iterable[FoundTable]) -> list[Row]:
    """All rows; a table that repeats a series' test is a round further."""
    seen: Counter[tuple[object, ...]] = Counter()
    found: list[Row] = []
    for table in tables:
        tests = {(row.series, row.quantity, row.workers, row.hosts, row.flows)
                 for row in table.rows}  # fmt: skip
        first = max((seen[test] for test in tests), default=0)
        for test in tests:
            seen[test] = first + 1
        found += [replace(row, round=first) for row in table.rows] if first else table.rows
    return found


def _chosen(rows: Sequence[Row], wanted: str | None) -> tuple[list[Row], list[str]]:
    """Of each size the rows of one series, and what is to be said of the choice.

    Raises:
        InputError: no series has the name that is wanted.
    """
    named = _named(rows)
    every = tuple(dict.fromkeys(row.series for row in named))
    if wanted is not None:
        sought = wanted.casefold()
        exact = [row for row in named if row.series.casefold() == sought]
        named = exact or [row for row in named if sought in row.series.casefold()]
        if not named:
            listed = "; ".join(name or "(one without a name)" for name in every[:_MOST_NAMES])
            raise InputError("series", wanted, f"a part of the name of one: {listed}")
        every = tuple(dict.fromkeys(row.series for row in named))
    if len(every) == 1:
        return named, [f"of the series that are there, {every[0]}"] if wanted is not None else []
    cells: dict[tuple[object, ...], dict[str, list[Row]]] = {}
    for row in named:
        cell = (row.quantity, row.workers, row.hosts, row.flows, row.size_bytes)
        cells.setdefault(cell, {}).setdefault(row.series, []).append(row)
    kept: list[Row] = []
    winners = Counter[str]()
    beaten = False
    for of in cells.values():
        best = min(of, key=lambda name: median(row.seconds for row in of[name]))
        if of[best][0].quantity in FLOWING:
            kept += [row for found in of.values() for row in found]
            continue
        winners[best] += 1
        beaten = beaten or len(of) > 1
        kept += of[best]
    if not beaten:
        return kept, []
    if set(every) <= set(_PLACES.values()):
        return kept, [
            f"in place and out of place: at each size the faster is taken, {winners[every[0]]} of "
            f"{sum(winners.values())} times {every[0]}. <series> asks for one"
        ]
    listed = "; ".join(every[:_MOST_NAMES]) + ("; …" if len(every) > _MOST_NAMES else "")
    most = ", ".join(f"{name or 'the unnamed'} at {n}" for name, n in winners.most_common(3))
    return kept, [
        f"{len(every)} series of settings that differ ({listed}): at each size the fastest is "
        f"taken ({most} of {sum(winners.values())}). <series> asks for one"
    ]


def _named(rows: Sequence[Row]) -> list[Row]:
    """The rows with each series by the words that not all of its quantity have."""
    placed = len({row.in_place for row in rows}) > 1
    short: dict[tuple[str, str], str] = {}
    for quantity in {row.quantity for row in rows}:
        words = {row.series: row.series.split() for row in rows if row.quantity == quantity}
        common = set.intersection(*(set(own) for own in words.values()))
        for series, own in words.items():
            left = [word for word in own if word not in common]
            short[quantity, series] = " ".join(left) if len(words) > 1 else ""
    return [
        replace(
            row,
            series=f"{short[row.quantity, row.series]} "
            f"{_PLACES[row.in_place] if placed else ''}".strip(),
        )
        for row in rows
    ]
