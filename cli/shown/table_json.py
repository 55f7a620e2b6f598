"""Table JSON: what ``--json`` prints of tables that others measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict

from nworkers.cli.shown import fit_json, import_text
from nworkers.models.base.errors import with_fields
from nworkers.models.tables.components.import_answer import ImportAnswer
from nworkers.models.tables.throughput.compare import ComparedRow, Errors, Method
from nworkers.models.tables.throughput.laws_answer import LawsAnswer
from nworkers.models.tables.throughput.throughput_answer import PublishedAnswer, ThroughputAnswer


def imported(answer: ImportAnswer, named: Callable[[str], str]) -> dict[str, object]:
    """A table's rows beside their fit; ``named`` is what the reader calls a field."""
    record = asdict(answer.record)
    return fit_json.fit(answer.fit) | {
        "imported": {
            **record,
            "row_count": record["rows"],
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
        }
    }


def throughput(answer: ThroughputAnswer) -> dict[str, object]:
    return fit_json.fit(answer.fit) | {"scaling": _scaling(answer)}


def laws(answer: LawsAnswer, named: Callable[[str], str]) -> dict[str, object]:
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


def published(answer: PublishedAnswer) -> dict[str, object]:
    return {
        "tolerance": answer.tolerance,
        "holds": answer.holds,
        "published": [
            {"fit_to": held.split.fit_to} | _scaling(held.answer) for held in answer.held
        ],
    }


def _scaling(answer: ThroughputAnswer) -> dict[str, object]:
    """A table's rows beside every method."""
    return {
        **asdict(answer.fit.profile.imported[-1]),
        "row_count": len(answer.rows),
        "system": answer.inside[0].row.system,
        # The others are among the profile's parameters; a spread is in its noise.
        "spread": answer.spread and fit_json.identified(answer.spread),
        "reach_workers": answer.reach_workers,
        "notes": list(answer.notes),
        "errors": _errors(answer.errors),
        "rows": [_scaling_row(compared) for compared in answer.rows],
    }


def _errors(errors: Mapping[str, Mapping[Method, Errors]]) -> dict[str, object]:
    return {
        label: {method: asdict(found) for method, found in methods.items()}
        for label, methods in errors.items()
    }


def _scaling_row(compared: ComparedRow) -> dict[str, object]:
    measured = compared.row
    interval = compared.interval
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
        "predicted_samples_per_s_interval": None if interval is None else list(interval),
        "error": {method: compared.error(method) for method in compared.samples_per_s},
    }
