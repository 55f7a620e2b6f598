"""Import answer: what another tool's table made of a base profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nworkers.models.base.errors import InputError
from nworkers.models.files.input_file import read_text
from nworkers.models.findings.fit_answer import FitAnswer
from nworkers.models.findings.weak_parameters import weaknesses
from nworkers.models.records.profile import FitRow, Imported, Parameter, Profile, parameters
from nworkers.models.tables.components.merge import Import, graft
from nworkers.models.tables.components.rows import MAX_TABLE_BYTES, MeasuredTable
from nworkers.models.tables.detect import KNOWN, read_table


@dataclass(frozen=True)
class ImportAnswer:
    """A base with a table's rows in it, and the fit of the two together."""

    merged: Import
    fit: FitAnswer

    @property
    def record(self) -> Imported:
        """What the profile keeps of where the rows are from."""
        return self.fit.profile.imported[-1]

    @property
    def changed(self) -> tuple[tuple[str, Parameter], ...]:
        """The parameters that the table determined."""
        names = set(self.record.parameters)
        return tuple((name, p) for name, p in parameters(self.fit.profile) if name in names)

    @property
    def quality(self) -> tuple[FitRow, ...]:
        """How well rows are met that the fit left out; none of the base's own."""
        return tuple(
            row for row in self.fit.profile.fit if row.held_out and row not in self.merged.base.fit
        )


def import_answer(
    files: Sequence[Path], base: Profile, workers: int | None, series: str | None = None
) -> ImportAnswer:
    """Read a table, or several of one tool, and put what they determine into the base.

    Args:
        workers: of a table that does not print it.
        series: part of the name of one of several settings that were measured.

    Raises:
        InputError: a table is of no known tool, or their rows determine nothing.
    """
    texts = [read_text(file, KNOWN, MAX_TABLE_BYTES) for file in files]
    tables = [
        read_table(text, str(file), workers=workers, series=series)
        for text, file in zip(texts, files, strict=True)
    ]
    source = " and ".join(file.name for file in files)
    merged = graft(together(tables, files), "".join(texts), base, source)
    named = " and ".join(map(str, files))
    return ImportAnswer(merged, FitAnswer(merged.profile, named, weaknesses(merged.profile)))


def together(tables: Sequence[MeasuredTable], files: Sequence[Path]) -> MeasuredTable:
    """Several tables of one tool as one, whose rounds are of their own.

    Raises:
        InputError: they are of different tools.
    """
    first, *others = tables
    rows = list(first.rows)
    for table, file in zip(others, files[1:], strict=True):
        if table.format.split()[0] != first.format.split()[0]:
            raise InputError(
                str(file),
                f"{table.format} beside {first.format}",
                "tables of one tool; those of others one after the other, each with <base> of "
                "the profile before it",
            )
        after = 1 + max(row.round for row in rows)
        rows += [replace(row, round=row.round + after) for row in table.rows]
    notes = dict.fromkeys(note for table in tables for note in table.notes)
    return MeasuredTable(first.format, tuple(rows), tuple(notes))
