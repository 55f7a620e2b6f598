"""Models in JSON: the workloads that ship, and the forms of a name that stand for others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nworkers.models.records.workload import FORMS, OPERATIONS, Workload, named_workload

if TYPE_CHECKING:
    from nworkers.cli.documents.here_document import ModelEntry, ModelsDocument


def models(shipped: Sequence[Workload]) -> ModelsDocument:
    """A row for each that ships, and an example of each form."""
    return {
        "models": [_row(workload) for workload in shipped],
        "forms": [
            {
                "form": form.written,
                "meaning": form.meaning,
                "example": _row(named_workload(form.example)),
            }
            for form in FORMS
        ],
    }


def _row(workload: Workload) -> ModelEntry:
    return {
        "name": workload.name,
        "parameters": workload.parameters,
        "size_bytes": workload.size_bytes,
        "tensors": workload.tensors,
        "dtype": workload.precision,
        "flops_per_sample": workload.flops_per_sample,
        "flops_source": OPERATIONS,
        "origin": workload.origin or None,
    }
