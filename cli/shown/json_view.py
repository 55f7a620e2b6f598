"""JSON view: what ``--json`` prints, as the command contract names it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nworkers.cli.shown import console, headline, settings_json, way_out_text
from nworkers.cli.shown.row_json import beside, plain, row
from nworkers.cli.shown.way_out_text import Ask
from nworkers.models.findings.rests_on import rests_on
from nworkers.models.records.prediction import BreakEven, Prediction

if TYPE_CHECKING:
    from nworkers.cli.documents.curve_document import (
        BesideCurveDocument,
        BreakEvenDocument,
        ListedPredictionDocument,
        MoneyDocument,
        NotesDocument,
        OnePredictionDocument,
        OptionDocument,
        PredictionsDocument,
        WonDocument,
    )
    from nworkers.cli.documents.measured_document import ComparisonDocument, PartsDocument
    from nworkers.cli.documents.row_document import ContextDocument, DescribedDocument
    from nworkers.models.records.measurement import ComparedCount, Comparison
    from nworkers.simulator.answers import BreakEvenAnswer, PredictAnswer
    from nworkers.simulator.decide.job_mix import JobMix
    from nworkers.simulator.study.resolve import ResolvedJob

#: A thousand workers have three thousand, most of them alike; a sweep has a row for each scenario.
_MOST_RESOURCES = 50


def emit(document: Mapping[str, object]) -> None:
    console.emit_json(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def emit_line(document: Mapping[str, object]) -> None:
    """One line, which is there for its reader at once."""
    console.emit_json(json.dumps(document, ensure_ascii=False, allow_nan=False))


def emit_lines(document: Mapping[str, object]) -> None:
    """A line for each of the document's rows, then one for all else of it."""
    rows = document["rows"]
    assert isinstance(rows, list)
    for found in rows:
        emit_line(found)
    emit_line({name: value for name, value in document.items() if name != "rows"})


def predictions(
    answer: PredictAnswer, ask: Ask | None = None
) -> PredictionsDocument | ListedPredictionDocument:
    """A row for each number of workers; the fields of a single one stand beside ``rows`` too."""
    rows = [described(answer.job, prediction) for prediction in answer.rows]
    document: PredictionsDocument = {"rows": rows, **_notes(answer, ask)}
    if len(rows) > 1:
        return document
    listed: ListedPredictionDocument = {**rows[0], **document}
    return listed


def described(job: ResolvedJob, prediction: Prediction) -> DescribedDocument:
    """A row with its resources, what it rests on, and what makes it again."""
    return {
        **row(prediction),
        # How busy the busiest are, the busiest first.
        "resources": [plain(use) for use in prediction.resources[:_MOST_RESOURCES]],
        "rests_on": plain(rests_on(job.profile, prediction)),
        **context(job),
    }


def prediction(answer: PredictAnswer) -> OnePredictionDocument:
    """What `predictions` says of a single number of workers, said once."""
    (only,) = answer.rows
    return {**described(answer.job, only), **_notes(answer, None)}


def _notes(answer: PredictAnswer | BreakEvenAnswer, ask: Ask | None) -> NotesDocument:
    """What to know, and what would win; of the latter none where something does already."""
    notes = list(answer.notes)
    if ask is None:
        return {"notes": notes}
    return {"notes": notes, "ways_out": way_out_text.as_json(answer.ways_out or (), ask)}


def context(job: ResolvedJob) -> ContextDocument:
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


def breakeven(
    answer: BreakEvenAnswer,
    ask: Ask | None = None,
    *,
    money: MoneyDocument | None = None,
    options: Sequence[OptionDocument] = (),
) -> BreakEvenDocument:
    """The curve; with what workers cost, or beside other options, where that was asked."""
    result = answer.result
    beside: BesideCurveDocument = {}
    if money is not None:
        beside["money"] = money
    if options:
        beside["options"] = [*options]
    return {
        **won(result, answer.best.scenario.workers, headline.of_breakeven(result)),
        "breakeven_hosts": result.breakeven_hosts,
        "rests_on": plain(rests_on(answer.job.profile, answer.decisive)),
        "rows": [
            {
                **row(prediction),
                "probability_exceeds_target": prediction.probability_exceeds(result.target_speedup),
                "progress_per_sample": prediction.progress_per_sample,
            }
            for prediction in result.rows
        ],
        **_notes(answer, ask),
        **context(answer.job),
        **beside,
    }


def won(found: BreakEven | JobMix, best_workers: int, answer: str) -> WonDocument:
    """How many workers win, with the sentence that says so."""
    return {
        "breakeven_workers": found.breakeven_workers,
        "breakeven_workers_interval": found.breakeven_workers_interval,
        "beats_single": list(found.beats_single),
        "max_workers": found.max_workers,
        "target_speedup": found.target_speedup,
        "samples_factor": found.aim.samples_factor,
        "noise_scale_samples": found.aim.noise_scale,
        "answer": answer,
        "best_workers": best_workers,
    }


def _parts(compared: ComparedCount) -> PartsDocument | None:
    if compared.parts is None:
        return None
    traced, simulated = compared.parts
    return {
        "traced": plain(traced),
        "simulated": plain(simulated),
        "most_off": compared.part_most_off,
    }


def comparison(result: Comparison) -> ComparisonDocument:
    from nworkers.models.records.measurement import MeasuredCount

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
            beside(
                compared,
                MeasuredCount,
                parts=_parts(compared),
                predicted=row(compared.predicted),
            )
            for compared in result.rows
        ],
    }
