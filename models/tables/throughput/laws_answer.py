"""Laws answer: what Amdahl's law and the USL make of rows that tell too little for more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from nworkers.models.base.errors import InputError
from nworkers.models.tables.formats.csv_throughput import ScalingRow
from nworkers.models.tables.throughput.compare import (
    ComparedRow,
    ComparedRows,
    Method,
    split,
    usual_laws,
)
from nworkers.models.tables.throughput.laws import ScalingLaw, key_of, series

LAWS: tuple[Method, ...] = ("amdahl", "usl")
#: Numbers of workers beyond a table's largest that are answered for, as multiples of it.
_BEYOND = (2, 4)
#: What is missing and what to give for it; fields in angle brackets are named as their reader does.
ASKS = {
    "batch_per_worker": ("no batch", "a column batch_per_worker, or <batch>"),
    "model": ("no model", "a column model with a shipped name, or <workload>"),
    "workload": ("a model of which no variables are known", "<workload> with its variables"),
    "samples_per_s": ("no throughput, only ratios", "a column samples_per_s"),
    "strong": (
        "one batch of all workers, so that no two rows have the same step",
        "rows of one batch_per_worker",
    ),
}


@dataclass(frozen=True)
class LawsAnswer(ComparedRows):
    """Rows beside both laws, and what was missing for a model of the system.

    ``beyond`` has for each series the samples per second of more workers, by each law.
    """

    methods: ClassVar[tuple[Method, ...]] = LAWS

    file: str
    beyond: tuple[tuple[ScalingRow, int, dict[Method, float | None]], ...]
    missing: tuple[str, ...]
    read: tuple[str, ...]

    @property
    def asks(self) -> tuple[str, ...]:
        """What to give for more than the laws; its fields are in angle brackets."""
        return tuple(f"{what}: give {ask}" for what, ask in map(ASKS.__getitem__, self.missing))


def laws_answer(
    file: str,
    rows: Sequence[ScalingRow],
    fit_to: int | None,
    missing: tuple[str, ...],
    read: tuple[str, ...],
) -> LawsAnswer:
    """Fit both laws to each series, and put all rows beside them.

    Raises:
        InputError: no series has two numbers of workers.
    """
    inside, outside = split(rows, fit_to)
    laws = usual_laws(inside)
    if all(law is None for law in laws["amdahl"].values()):
        shown = sorted({row.workers for row in inside})[:5]
        raise InputError(
            file,
            f"{len(inside)} rows, of workers {', '.join(map(str, shown))}, no two alike",
            "at least two numbers of workers of one model, batch and strategy",
        )

    def rates(row: ScalingRow, workers: int) -> Iterator[tuple[Method, float | None]]:
        for method in LAWS:
            law: ScalingLaw | None = laws[method].get(key_of(row))
            yield method, None if law is None else law.samples_per_s(workers)

    compared = tuple(
        ComparedRow(row, fitted, dict(rates(row, row.workers)), None)
        for fitted, of in ((True, inside), (False, outside))
        for row in of
    )
    largest = [max(of, key=lambda row: row.workers) for of in series(rows).values()]
    beyond = tuple(
        (row, row.workers * times, dict(rates(row, row.workers * times)))
        for row in largest
        for times in _BEYOND
    )
    return LawsAnswer(compared, file, beyond, missing, read)
