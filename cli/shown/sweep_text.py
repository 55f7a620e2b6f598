"""Sweep text: what a sweep has done, at its end or where it was ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.sheet import Sheet

if TYPE_CHECKING:
    from nworkers.cli.documents.here_document import SweptDocument


@dataclass
class Swept:
    """How far a sweep is: rows that its file had ``before``, and ``new`` ones.

    ``impossible`` are new ones that say why there is no answer, the first of them ``because``.
    """

    output: str
    scenarios: int
    before: int = 0
    new: int = 0
    impossible: int = 0
    because: str = ""

    def add(self, rows: int, impossible: tuple[str, ...]) -> None:
        self.new += rows
        self.impossible += len(impossible)
        self.because = self.because or next(iter(impossible), "")


def summary(swept: Swept) -> Sheet:
    """What the file has now."""
    before = f", {swept.before:,} from before" if swept.before else ""
    parts = [f"{_rows(swept.before + swept.new)} in {swept.output}: {swept.new:,} new{before}."]
    if swept.impossible:
        are = "is" if swept.impossible == 1 else "are"
        parts.append(f"{swept.impossible:,} {are} impossible, such as this: {swept.because}.")
    return Sheet(*parts)


def document(swept: Swept) -> SweptDocument:
    return {
        "output": swept.output,
        "scenarios": swept.scenarios,
        "before": swept.before,
        "new": swept.new,
        "impossible": swept.impossible,
        "because": swept.because,
    }


def kept(swept: Swept) -> str:
    """That nothing is lost, and how to go on."""
    rows = swept.before + swept.new
    stay = "stays" if rows == 1 else "stay"
    return f"{_rows(rows)} in {swept.output} {stay}; the same command with --resume goes on"


def _rows(number: int) -> str:
    return fmt.count(number, "row") if number < 1000 else f"{number:,} rows"
