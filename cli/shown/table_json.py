"""Table JSON: what ``--json`` prints of tables that others measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from nworkers.cli.shown import fit_json, import_text
from nworkers.cli.shown.row_json import plain
from nworkers.models.base.errors import with_fields
from nworkers.models.records.profile import Imported
from nworkers.models.tables.components.import_answer import ImportAnswer
from nworkers.models.tables.throughput.compare import ComparedRow, Errors, Method
from nworkers.models.tables.throughput.laws_answer import LawsAnswer
from nworkers.models.tables.throughput.throughput_answer import PublishedAnswer, ThroughputAnswer

if TYPE_CHECKING:
    from nworkers.cli.documents.fit_document import (
        ImportedFitDocument,
        LawsAloneDocument,
        PublishedDocument,
        ScalingDocument,
        ScalingFitDocument,
        ScalingRowEntry,
        SourceDocument,
    )


def imported(answer: ImportAnswer, named: Callable[[str], str]) -> ImportedFitDocument:
    """A table's rows beside their fit; ``named`` is what the reader calls a field."""
    return {
        **fit_json.fit(answer.fit),
        "imported": {
            **_source(answer.record, answer.record.rows),
            "sections": answer.merged.sections,
            "notes": import_text.notes(answer, named),
            "rows": [
                {
                    "quantity": f.row.quantity,
                    "size_bytes": f.row.size_bytes,
                    "workers": f.row.workers,
                    "flows": f.row.flows,
                    "hosts": f.row.hosts,
                    "series": f.row.series,
                    "seconds": f.row.seconds,
                    "in_place": f.row.in_place,
                    "bandwidth_bytes_per_s": f.row.bandwidth_bytes_per_s,
                    "fitted_s": f.fitted_s,
                }
                for f in answer.merged.rows
            ],
        },
    }


def throughput(answer: ThroughputAnswer) -> ScalingFitDocument:
    return {**fit_json.fit(answer.fit), "scaling": _scaling(answer)}


def laws(answer: LawsAnswer, named: Callable[[str], str]) -> LawsAloneDocument:
    """Rows beside the laws alone, and what is missing for more."""
    return {
        "scaling": {
            "source": answer.file,
            "laws_alone": True,
            "missing": list(answer.missing),
            "asks": [with_fields(ask, named) for ask in answer.asks],
            "row_count": len(answer.rows),
            "notes": list(answer.read),
            "errors": _errors(answer.errors),
            "rows": [_scaling_row(compared) for compared in answer.rows],
            "beyond": [
                {
                    "system": row.system,
                    "model": row.model,
                    "strategy": row.strategy,
                    "workers": workers,
                    "predicted_samples_per_s": dict(rates),
                }
                for row, workers, rates in answer.beyond
            ],
        }
    }


def published(answer: PublishedAnswer) -> PublishedDocument:
    return {
        "tolerance": answer.tolerance,
        "holds": answer.holds,
        "published": [
            {"fit_to": held.split.fit_to, **_scaling(held.answer)} for held in answer.held
        ],
    }


def _source(record: Imported, rows: int) -> SourceDocument:
    return {
        "format": record.format,
        "source": record.source,
        "sha256": record.sha256,
        "base": record.base,
        "parameters": list(record.parameters),
        "row_count": rows,
    }


def _scaling(answer: ThroughputAnswer) -> ScalingDocument:
    """A table's rows beside every method."""
    return {
        **_source(answer.fit.profile.imported[-1], len(answer.rows)),
        "system": answer.inside[0].row.system,
        # The others are among the profile's parameters; a spread is in its noise.
        "spread": None if answer.spread is None else fit_json.identified(answer.spread),
        "reach_workers": answer.reach_workers,
        "notes": list(answer.notes),
        "errors": _errors(answer.errors),
        "rows": [_scaling_row(compared) for compared in answer.rows],
    }


def _errors(errors: Mapping[str, Mapping[Method, Errors]]) -> dict[str, dict[Method, Errors]]:
    return {
        label: {method: plain(found) for method, found in methods.items()}
        for label, methods in errors.items()
    }


def _scaling_row(compared: ComparedRow) -> ScalingRowEntry:
    measured = compared.row
    return {
        "model": measured.model,
        "strategy": measured.strategy,
        "batch_per_worker": measured.batch_per_worker,
        "workers": measured.workers,
        "ps": None if measured.strategy == "allreduce" else measured.servers,
        "gpus_per_node": measured.gpus_per_node,
        "measured_samples_per_s": measured.samples_per_s,
        "fitted": compared.fitted,
        "predicted_samples_per_s": dict(compared.samples_per_s),
        "predicted_samples_per_s_interval": compared.interval,
        "error": {method: compared.error(method) for method in compared.samples_per_s},
    }
