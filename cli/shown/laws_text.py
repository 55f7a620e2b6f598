"""Laws text: rows beside Amdahl's law and the USL, where a table tells too little for more."""

from __future__ import annotations

from collections.abc import Callable

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.sheet import Sheet
from nworkers.cli.shown.table import TextTable
from nworkers.cli.shown.throughput_text import NAMES, error_text, errors_table
from nworkers.models.base.errors import with_fields
from nworkers.models.tables.formats.csv_throughput import ScalingRow
from nworkers.models.tables.throughput.laws_answer import LAWS, LawsAnswer


def laws(answer: LawsAnswer, named: Callable[[str], str]) -> Sheet:
    """The comparison, what more workers would do by each law, and what is missing.

    Args:
        named: what the reader calls a field.
    """
    inside, outside = len(answer.inside), len(answer.outside)
    rows = TextTable(
        "series", "workers", "measured", "", *(NAMES[m] for m in LAWS),
        left=(0, 3), spare=("series",),
    )  # fmt: skip
    for c in answer.rows:
        rows.add_row(
            _series(answer, c.row),
            str(c.row.workers),
            fmt.digits(c.row.samples_per_s),
            "fitted" if c.fitted else "predicted",
            *(error_text(c.error(method)) for method in LAWS),
        )
    beyond = TextTable("by the laws alone", "workers", *(NAMES[m] for m in LAWS), left=(0,))
    for row, workers, rates in answer.beyond:
        values = (rates[method] for method in LAWS)
        beyond.add_row(
            _series(answer, row),
            str(workers),
            *("—" if value is None else fmt.digits(value) for value in values),
        )
    return Sheet(
        f"{answer.file}: {fmt.count(len(answer.rows), 'row')}, {inside} fitted"
        + (f", {outside} predicted" if outside else ""),
        rows,
        errors_table(answer, LAWS),
        beyond,
        "Amdahl's law and the Universal Scalability Law alone answer: they know neither the "
        "model nor the hardware, and have no intervals.",
        *(f"  - {with_fields(ask, named)}" for ask in answer.asks),
        *(f"  - {note}" for note in answer.read),
    )


def _series(answer: LawsAnswer, row: ScalingRow) -> str:
    """What is known of a row's series."""
    batch = None if "batch_per_worker" in answer.missing else row.global_batch
    parts = [
        row.system,
        "" if "model" in answer.missing else row.model,
        "" if "batch_per_worker" in answer.missing else f"batch {batch or row.batch_per_worker}",
        row.strategy,
    ]
    return ", ".join(part for part in parts if part)
