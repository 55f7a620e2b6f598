"""Report: what was predicted beside what was measured, in the terminal and in docs/accuracy.md."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from benchmarks.accuracy.design import DATA, HOME, Curve
from benchmarks.accuracy.rows import METHODS, Method, Row, rows
from benchmarks.accuracy.scores import (
    REJECTED,
    Scores,
    count_interval,
    first_beating,
    scores,
)
from benchmarks.page import Page, table
from nworkers.calibrate.campaigns.validation import SINGLE

PAGE = Page("accuracy", "# Accuracy\n\nSee git for the introduction.\n")
NAMES: dict[Method, str] = {
    "scale": "scale",
    "hockney": "Hockney, α + n/β without contention",
    "bandwidth": "bandwidth only (Paleo's way)",
    "usl": "USL through 1 and 2 workers",
}
COLUMNS = ("cells", "median error", "worst", "interval score", "covered", "width")
TITLES = {"development": "Development half", "test": "Test half"}


def show(curves: Sequence[Curve], version: int | None) -> None:
    """Every cell in the terminal, as soon as it is predicted."""
    for row in rows(curves, version):
        curve = row.curve
        said = "one process" if row.workers == SINGLE else f"{row.workers:2d} workers"
        largest = sorted(row.forecast.breakdown_s.items(), key=lambda item: -item[1])[:4]
        why = "" if row.workers == SINGLE else "  ".join(f"{k} {1e3 * v:.1f}" for k, v in largest)
        print(
            f"{curve.name:20s} {curve.model:5s} {curve.scaling:6s} b{curve.batch:<4d} ps{curve.ps} "
            f"{curve.link_mbit:5d} {said:11s} {len(row.runs)} starts ±{100 * row.spread:4.1f} % "
            f"busy {100 * row.busy:3.0f} %  measured {1e3 * row.measured_s:8.2f} "
            f"predicted {1e3 * row.predicted_s:8.2f} ms {100 * row.error:+6.1f} % "
            f"{'in ' if row.judged('scale').covered or row.workers == SINGLE else 'OUT'} {why}",
            flush=True,
        )


def publish(half: str, curves: Sequence[Curve], versions: Sequence[int]) -> None:
    """Write the half's section of docs/accuracy.md.

    Args:
        versions: of what was written down before training, the newest last; without any, cells
            are predicted anew.
    """
    found = list(rows(curves, versions[-1] if versions else None))
    cells = [row for row in found if row.workers != SINGLE]
    parts = [*_summary(cells), *_history(curves, versions), _breakeven(found), _cells(found)]
    data: dict[str, Any] = {"cells": [row.document for row in found]}
    section, title = half, TITLES[half]
    if DATA != HOME:
        section, title = f"{half}-{DATA.name}", f"{title} on another machine ({DATA.name})"
    PAGE.publish(section, title, "\n\n".join(parts), data)


def _history(curves: Sequence[Curve], versions: Sequence[int]) -> Iterator[str]:
    """How each version's predictions did, beside the same runs."""
    lines = []
    for version in versions:
        cells = [row for row in rows(curves, version) if row.workers != SINGLE]
        for title, chosen in _classes(cells):
            columns = _columns(scores([row.judged("scale") for row in chosen]), "scale")
            lines.append([str(version), title, *columns])
    if lines:
        head = ["predictions", "bound by", *COLUMNS]
        yield (
            "What was written down before training, and what later versions of the code said "
            f"(`forecasts.jsonl.gz`):\n\n{table(head, lines)}"
        )


def _classes(cells: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    for title, bound in (("wire or wait", False), ("processors", True)):
        chosen = [row for row in cells if row.processor_bound == bound]
        if chosen:
            yield title, chosen


def _summary(cells: Sequence[Row]) -> Iterator[str]:
    for title, chosen in _classes(cells):
        lines = []
        for method in METHODS:
            judged = [row.judged(method) for row in chosen if method in row.methods]
            if judged:
                lines.append([NAMES[method], *_columns(scores(judged), method)])
        yield f"**Bound by {title}**, {len(chosen)} cells:\n\n{table(['method', *COLUMNS], lines)}"


def _columns(found: Scores, method: Method) -> list[str]:
    ours = method == "scale"
    verdict = f"p = {found.p_value:.2g}" + (" rejected" if found.p_value < REJECTED else "")
    return [
        str(found.cells),
        f"{100 * found.median_error:.1f} %",
        f"{100 * found.worst_error:.1f} %",
        f"{100 * found.median_interval_score:.0f} %",
        f"{found.covered} of {found.cells}, {verdict}" if ours else "—",
        f"±{100 * found.half_width:.1f} %" if ours else "—",
    ]


def _breakeven(found: Sequence[Row]) -> str:
    """Each curve's first count that beats one process, measured and predicted."""
    lines, contradicted = [], 0
    for curve, group in groupby(found, key=lambda row: row.curve):
        alone, *more = group
        if alone.workers != SINGLE or not more:
            continue
        single_s = alone.measured_s / alone.runs[0].per_worker_batch
        counts = [row.workers for row in more]
        measured = first_beating(counts, [single_s * row.measured_samples_per_s for row in more])
        predicted = first_beating(counts, [row.forecast.speedup for row in more])
        draws = zip(*(row.forecast.speedups for row in more), strict=True)
        low, high = count_interval([first_beating(counts, draw) for draw in draws])
        for row in more:
            beats = single_s * row.measured_samples_per_s > 1.0
            sure = row.forecast.probability_beats
            contradicted += (sure >= 0.95 and not beats) or (sure <= 0.05 and beats)
        held = measured == predicted or low <= measured <= high
        lines.append(
            [
                curve.name,
                *(_count(n) for n in (measured, predicted)),
                f"{_count(low)} to {_count(high)}",
                "yes" if held else "**no**",
            ]
        )
    head = ["curve", "measured", "predicted", "interval", "held"]
    held_in = sum(line[-1] == "yes" for line in lines)
    return (
        f"Break-even among the counts tried, {held_in} of {len(lines)} curves held; "
        f"{contradicted} cells contradict a probability of 0.95.\n\n{table(head, lines)}"
    )


def _count(value: float) -> str:
    return "never" if math.isinf(value) else str(int(value))


def _cells(found: Sequence[Row]) -> str:
    head = [
        "cell", "workload", "batch", "scaling", "ps", "link", "evidence", "starts", "processors",
        "measured", "largest / smallest", "predicted", "90 % interval", "error",
    ]  # fmt: skip
    lines = []
    for row in found:
        curve, alone = row.curve, row.workers == SINGLE
        low, high = row.forecast.interval_s
        here = not curve.link_mbit or alone
        lines.append(
            [
                f"{curve.name}-{row.workers or 'one process'}",
                f"{curve.model}, {curve.compute}",
                str(row.runs[0].per_worker_batch),
                curve.scaling,
                "—" if alone or curve.training == "mirrored" else str(curve.ps),
                "loopback" if here else f"{curve.link_mbit} Mbit/s",
                "one host" if here else "emulated hosts",
                str(len(row.runs)),
                f"{100 * row.busy:.0f} %",
                f"{1e3 * row.measured_s:.4g} ms",
                f"{1 + row.spread:.3f}",
                f"{1e3 * row.predicted_s:.4g} ms",
                "—" if alone else f"{1e3 * low:.4g} to {1e3 * high:.4g}",
                f"{100 * row.error:+.1f} %",
            ]
        )
    return f"Every cell:\n\n{table(head, lines)}"
