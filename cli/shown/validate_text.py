"""Validate text: measured beside predicted, with the verdict."""

from __future__ import annotations

from collections.abc import Iterator

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.cli.shown.sheet import Sheet, Shown
from nworkers.cli.shown.table import TextTable
from nworkers.cli.shown.tone import Tone, Toned
from nworkers.models.records.measurement import Comparison


def comparison(result: Comparison) -> Sheet:
    """Measured beside predicted, with the verdict."""
    table = TextTable(
        "workers",
        "measured",
        "predicted",
        "error",
        "covered",
        "speed-up m/p",
        "processors",
        "evidence",
        "verdict",
        left=(7,),
        spare=("processors", "covered", "speed-up m/p", "evidence", "verdict"),
    )
    single_s = (
        result.single_measured_samples_per_s,
        result.single_predicted_samples_per_s,
    )
    table.add_row(
        "one process",
        *(fmt.quantity(rate, "/s") for rate in single_s),
        fmt.signed_percent(result.single_error),
        "—",
        "—",
        "—",
        result.evidence,
        _verdict(result.single_error, result.tolerance),
    )
    for row in result.rows:
        predicted = row.predicted
        table.add_row(
            str(row.workers),
            fmt.seconds(row.measured_step_time_s, row.measured_step_time_s_range),
            fmt.seconds(predicted.step_time_s, predicted.step_time_s_interval),
            fmt.signed_percent(row.error),
            "yes" if row.covered else "no",
            f"{fmt.times(row.measured_speedup)} / {fmt.times(predicted.speedup)}",
            "—" if row.processor_share is None else fmt.percent(row.processor_share),
            result.evidence,
            _verdict(row.error, result.tolerance),
        )
    held = "holds" if result.holds else "does not hold"
    verdict = f"The prediction {held} within {fmt.percent(result.tolerance)}."
    return Sheet(
        table,
        *_parts(result),
        "Step time with the range of the starts (measured) and its 90 % interval (predicted); "
        "one process: samples per second; processors: how much of the host's were in use.",
        headline.of_comparison(result),
        Toned(verdict, Tone.GOOD if result.holds else Tone.BAD),
    )


def _parts(result: Comparison) -> Iterator[Shown]:
    """What a step's time goes to, traced and simulated, and where a prediction is off most."""
    traced = [(row, row.parts) for row in result.rows if row.parts]
    if not traced:
        return
    table = TextTable("workers", "fetch", "compute", "push and wait", "off most")
    for row, (measured, predicted) in traced:
        table.add_row(
            str(row.workers),
            *(
                f"{fmt.seconds(m)} / {fmt.seconds(p)}"
                for m, p in (
                    (measured.fetch_s, predicted.fetch_s),
                    (measured.compute_s, predicted.compute_s),
                    (measured.push_s, predicted.push_s),
                )
            ),
            "—" if abs(row.error) <= result.tolerance else str(row.part_most_off),
        )
    yield "Traced / simulated, a worker's step (tracing makes it longer):"
    yield table


def _verdict(error: float, tolerance: float) -> str:
    return "ok" if abs(error) <= tolerance else "off"
