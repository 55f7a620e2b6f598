"""Models as text: a table of the workloads that ship, and the forms of a name for others."""

from __future__ import annotations

from collections.abc import Sequence

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.sheet import Sheet
from nworkers.cli.shown.table import TextTable
from nworkers.models.records.workload import FORMS, OPERATIONS, Workload, named_workload


def models(shipped: Sequence[Workload]) -> Sheet:
    """What ships, then an example of each form, with what the numbers are."""
    header = ("model", "parameters", "size", "tensors", "operations", "from")
    table = TextTable(*header, left=(0, 5), spare=("from", "tensors", "size", "operations"))
    for workload in (*shipped, *(named_workload(form.example) for form in FORMS)):
        table.add_row(
            workload.name,
            f"{workload.parameters:,}",
            fmt.quantity(workload.size_bytes, "B"),
            str(workload.tensors),
            fmt.quantity(workload.flops_per_sample or 0.0, ""),
            workload.origin or "its name",
        )
    forms = [f"  - {form.written}: {form.meaning}" for form in FORMS]
    return Sheet(
        table,
        f"Operations are of one sample: {OPERATIONS}.",
        "",
        "Forms of a name:",
        *forms,
        "",
        "Any other model is a TOML file: docs/workloads.md.",
    )
