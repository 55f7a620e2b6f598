"""Import answer: what another tool's table made of a base profile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nworkers.models.files.input_file import read_text
from nworkers.models.findings.fit_answer import FitAnswer
from nworkers.models.findings.weak_parameters import weaknesses
from nworkers.models.records.profile import FitRow, Imported, Parameter, Profile, parameters
from nworkers.models.tables.components.merge import Import, graft
from nworkers.models.tables.components.rows import MAX_TABLE_BYTES
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
    file: Path, base: Profile, workers: int | None, series: str | None = None
) -> ImportAnswer:
    """Read a table, and put what it determines into the base.

    Args:
        workers: of a table that does not print it.
        series: part of the name of one of several settings that were measured.

    Raises:
        InputError: the table is of no known tool, or its rows determine nothing.
    """
    text = read_text(file, KNOWN, MAX_TABLE_BYTES)
    merged = graft(
        read_table(text, str(file), workers=workers, series=series), text, base, file.name
    )
    return ImportAnswer(merged, FitAnswer(merged.profile, str(file), weaknesses(merged.profile)))
