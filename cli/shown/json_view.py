"""JSON view: what ``--json`` prints, as the command contract names it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from nworkers.cli.shown import console, headline, settings_json, way_out_text
from nworkers.cli.shown.way_out_text import Ask
from nworkers.models.findings.rests_on import rests_on
from nworkers.models.records.prediction import Prediction, ResourceUse, row
from nworkers.models.records.profile import Profile

if TYPE_CHECKING:
    from nworkers.models.records.measurement import ComparedCount, Comparison
    from nworkers.simulator.answers import BreakEvenAnswer, PredictAnswer
    from nworkers.simulator.study.resolve import ResolvedJob

#: A thousand workers have three thousand, most of them alike; a sweep has a row for each scenario.
_MOST_RESOURCES = 50


def emit(document: dict[str, object]) -> None:
    console.emit_json(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def emit_line(document: dict[str, object]) -> None:
    """One line, which is there for its reader at once."""
    console.emit_json(json.dumps(document, ensure_ascii=False, allow_nan=False))


def emit_lines(document: dict[str, object]) -> None:
    """A line for each of the document's rows, then one for all else of it."""
    rows = document["rows"]
    assert isinstance(rows, list)
    for found in rows:
        emit_line(found)
    emit_line({name: value for name, value in document.items() if name != "rows"})


def predictions(answer: PredictAnswer, ask: Ask | None = None) -> dict[str, object]:
    """A row for each number of workers; the fields of a single one stand beside ``rows`` too."""
    rows = [described(answer.job, prediction) for prediction in answer.rows]
    return {
        **(rows[0] if len(rows) == 1 else {}),
        "rows": rows,
        "notes": list(answer.notes),
        **_ways_out(answer, ask),
    }


def described(job: ResolvedJob, prediction: Prediction) -> dict[str, object]:
    """A row with its resources, what it rests on, and what makes it again."""
    return (
        row(prediction)
        | {"resources": _resources(prediction.resources)}
        | {"rests_on": _rests_on(job.profile, prediction)}
        | context(job)
    )


def prediction(answer: PredictAnswer) -> dict[str, object]:
    """What `predictions` says of a single number of workers, said once."""
    document = predictions(answer)
    del document["rows"]
    return document


def _ways_out(answer: PredictAnswer | BreakEvenAnswer, ask: Ask | None) -> dict[str, object]:
    """What would win, where none does; empty where something does, or none was found."""
    return {} if ask is None else {"ways_out": way_out_text.as_json(answer.ways_out or (), ask)}


def context(job: ResolvedJob) -> dict[str, object]:
    """Whose hardware, and what makes the same answer again."""
    profile = job.profile
    return {
        "profile": profile.name,
        "hardware": profile.hardware,
        "evidence": profile.link.evidence,
        "as_measured": not any(change.is_other for change in job.changed),
        "settings": settings_json.made(job.changed),
        "seed": job.seed,
    }


def _resources(uses: Sequence[ResourceUse]) -> list[dict[str, object]]:
    """How busy the busiest resources are, the busiest first."""
    return [
        {"resource": of.resource, "utilisation": of.utilisation, "queue_length": of.queue_length}
        for of in uses[:_MOST_RESOURCES]
    ]


def _rests_on(profile: Profile, of: Prediction) -> dict[str, object]:
    """The evidence of a row; the errors of its class are null where it is unverified."""
    return asdict(rests_on(profile, of))


def breakeven(answer: BreakEvenAnswer, ask: Ask | None = None) -> dict[str, object]:
    result = answer.result
    return {
        "breakeven_workers": result.breakeven_workers,
        "breakeven_workers_interval": list(result.breakeven_workers_interval),
        "breakeven_hosts": result.breakeven_hosts,
        "beats_single": [list(found) for found in result.beats_single],
        "max_workers": result.max_workers,
        "target_speedup": result.target_speedup,
        "samples_factor": result.aim.samples_factor,
        "noise_scale_samples": result.aim.noise_scale,
        "answer": headline.of_breakeven(result),
        "best_workers": answer.best.scenario.workers,
        "rests_on": _rests_on(answer.job.profile, answer.decisive),
        "rows": [
            row(prediction)
            | {
                "probability_exceeds_target": prediction.probability_exceeds(result.target_speedup),
                "progress_per_sample": prediction.progress_per_sample,
            }
            for prediction in result.rows
        ],
        "notes": list(answer.notes),
        **_ways_out(answer, ask),
        **context(answer.job),
    }


def _parts(compared: ComparedCount) -> dict[str, object] | None:
    if compared.parts is None:
        return None
    traced, simulated = compared.parts
    return {
        "traced": asdict(traced),
        "simulated": asdict(simulated),
        "most_off": compared.part_most_off,
    }


def comparison(result: Comparison) -> dict[str, object]:
    return {
        "holds": result.holds,
        "tolerance": result.tolerance,
        "evidence": result.evidence,
        "single_measured_samples_per_s": result.single_measured_samples_per_s,
        "single_predicted_samples_per_s": result.single_predicted_samples_per_s,
        "single_error": result.single_error,
        "breakeven_measured": result.breakeven_measured,
        "breakeven_predicted": result.breakeven_predicted,
        "rows": [
            {
                "workers": compared.workers,
                "starts": compared.starts,
                "measured_step_time_s": compared.measured_step_time_s,
                "measured_step_time_s_range": list(compared.measured_step_time_s_range),
                "measured_throughput_samples_per_s": compared.measured_throughput_samples_per_s,
                "measured_throughput_samples_per_s_range": list(
                    compared.measured_throughput_samples_per_s_range
                ),
                "measured_speedup": compared.measured_speedup,
                "measured_speedup_range": list(compared.measured_speedup_range),
                "processor_share": compared.processor_share,
                "parts": _parts(compared),
                "error": compared.error,
                "covered": compared.covered,
                "predicted": row(compared.predicted),
            }
            for compared in result.rows
        ],
    }
