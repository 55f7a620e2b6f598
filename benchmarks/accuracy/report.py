"""Report: predicted beside measured, in the terminal and in docs/accuracy.md and its cells."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import get_args

import nworkers
from benchmarks.accuracy import blind, sessions
from benchmarks.accuracy.curves import DATA, HOME, Curve, chosen
from benchmarks.accuracy.regret import regrets
from benchmarks.accuracy.rows import Row, busy, cells, measured_s, rows, spread
from benchmarks.accuracy.scores import (
    METHODS,
    REJECTED,
    Cell,
    Scores,
    by_class,
    count_interval,
    first_beating,
    scores,
)
from benchmarks.page import ROOT, Page, table
from nworkers.models.files.accuracy import ACCURACY, accuracy_text
from nworkers.models.files.validate_json import value_of
from nworkers.models.records.measured_accuracy import (
    AccuracyClass,
    AccuracyHalf,
    ClassAccuracy,
    MeasuredAccuracy,
)
from nworkers.models.records.profile import Evidence

PAGE = Page("accuracy", "# Accuracy\n\nSee git for the introduction.\n")
#: What few read: each curve, single process and cell.
CELLS = Page("accuracy-cells", "# Accuracy, cell by cell\n\nSee git for the introduction.\n")
FIGURES = ROOT / "benchmarks" / "data" / "accuracy.json"
NAMES: Mapping[str, str] = {
    "scale": "scale",
    "known": "what is known alone",
    "hockney": "Hockney",
    "paleo": "Paleo",
    "amdahl": "Amdahl, fitted",
    "usl": "USL, fitted",
    "optimus": "Optimus, fitted",
}
COLUMNS = (
    "cells", "median error", "worst", "added: median", "worst", "interval score", "covered",
    "half-width",
)  # fmt: skip
TITLES = {"blind": "Blind half", "development": "Development half", "test": "First sights"}
EVIDENCE: tuple[Evidence, ...] = ("emulated hosts", "one host", "cluster")


def show(found: Sequence[Row]) -> None:
    """Every cell in the terminal, then the figures by class."""
    judged = cells(found)
    for row, cell in zip(found, judged, strict=True):
        curve, told = row.curve, row.forecast
        largest = sorted(told.breakdown_s.items(), key=lambda item: -item[1])[:4]
        why = "  ".join(f"{cause} {1e3 * seconds:.1f}" for cause, seconds in largest)
        ours = cell.judged("scale")
        print(
            f"{curve.name:20s} {curve.model:10s} {curve.scaling:6s} b{curve.batch:<4d} "
            f"ps{curve.ps} {curve.link_mbit:5d} {row.workers:2d} workers {len(row.runs)} starts "
            f"±{100 * spread(row.runs):4.1f} % busy {100 * cell.processors:3.0f} %  "
            f"{cell.kind:14s} measured {1e3 * cell.measured_s:8.2f} "
            f"predicted {1e3 * told.step_s:8.2f} ms {100 * ours.error:+6.1f} % "
            f"{'in ' if ours.covered else 'OUT'} {why}",
            flush=True,
        )
    if found:
        print("\n" + "\n\n".join([*figures(judged, METHODS), *_breakeven(found)]))


def publish(part: str, curves: Sequence[Curve], version: int | None) -> None:
    """Write a half's sections of both pages, and the errors by class that ship.

    Args:
        version: of what was written down before training; without it, cells are predicted anew.
    """
    found = list(rows(curves, version))
    judged = cells(found)
    section, title = part, TITLES[part]
    if DATA != HOME:
        section, title = f"{part}-{DATA.name}", f"{title} on another machine ({DATA.name})"
    if found:
        exact, curves_told = _breakeven(found)
        parts = [*figures(judged, METHODS), exact]
        each = [curves_told, _singles(found), _cells(found)]
        CELLS.write(section, title, "\n\n".join(each))
    else:
        parts = [_untrained()]
    PAGE.publish(section, title, "\n\n".join(parts), {"cells": [asdict(cell) for cell in judged]})
    ACCURACY.write_text(accuracy_text(shipped()))


def publish_history(curves: Sequence[Curve], versions: Sequence[int]) -> None:
    """What each version said of the first design's test half, which it had not been fitted to."""
    lines = []
    for version in versions:
        for kind, chosen_cells in by_class(cells(list(rows(curves, version)))):
            columns = _columns(scores([cell.judged("scale") for cell in chosen_cells]), "scale")
            lines.append([str(version), kind, *columns[:3], *columns[5:]])
    head = ["version", "class", *COLUMNS[:3], *COLUMNS[5:]]
    PAGE.publish("first-sights", TITLES["test"], table(head, lines), {})


def published(part: str) -> list[Cell]:
    """The cells of a section, as they were published last."""
    kept = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    text = json.dumps(kept.get(part, {}).get("cells", []))
    found: list[Cell] = value_of(list[Cell], text, FIGURES.name)
    return found


def shipped() -> MeasuredAccuracy:
    """The errors by class, from the published cells of both halves."""
    found: list[ClassAccuracy] = []
    halves: tuple[AccuracyHalf, ...] = get_args(AccuracyHalf)
    for half in halves:
        for kind, of_kind in by_class(published(half)):
            found += _shipped(half, kind, of_kind)
    return MeasuredAccuracy(nworkers.__version__, tuple(found))


def _shipped(
    half: AccuracyHalf, kind: AccuracyClass, of_kind: Sequence[Cell]
) -> Iterator[ClassAccuracy]:
    for evidence in EVIDENCE:
        judged = [cell.judged("scale") for cell in of_kind if cell.evidence == evidence]
        if judged:
            of = scores(judged)
            yield ClassAccuracy(
                kind=kind,
                evidence=evidence,
                half=half,
                cells=of.cells,
                median=round(of.median_error, 4),
                worst=round(of.worst_error, 4),
                covered=of.covered,
                half_width=round(of.half_width, 4),
            )


def figures(judged: Sequence[Cell], methods: Iterable[str]) -> Iterator[str]:
    """A table for each class, and what following each method would have lost."""
    methods = list(methods)
    for kind, of_kind in by_class(judged):
        lines = []
        for method in methods:
            theirs = [cell.judged(method) for cell in of_kind if method in cell.predicted_s]
            if theirs:
                lines.append([NAMES.get(method, method), *_columns(scores(theirs), method)])
        yield f"**{kind.capitalize()}**, {len(of_kind)} cells:\n\n" + table(
            ["method", *COLUMNS], lines
        )
    if lost := list(_regrets(judged, methods)):
        head = ["method", "options", "choices", "lost, mean", "worst", "pairs ranked right"]
        yield f"**Choices** between options of one job:\n\n{table(head, lost)}"


def _regrets(judged: Sequence[Cell], methods: Iterable[str]) -> Iterator[list[str]]:
    for method in methods:
        if not all(method in cell.predicted_s for cell in judged):
            continue
        for regret in regrets(judged, method):
            yield [
                NAMES.get(method, method),
                str(regret.options),
                str(regret.choices),
                f"{100 * regret.mean:.1f} %",
                f"{100 * regret.worst:.1f} %",
                f"{regret.ranked} of {regret.different}" if regret.different else "—",
            ]


def _columns(found: Scores, method: str) -> list[str]:
    ours = found.half_width > 0.0
    verdict = f"p = {found.p_value:.2g}" + (" rejected" if found.p_value < REJECTED else "")
    added = math.isfinite(found.median_added) and method != "known"
    return [
        str(found.cells),
        f"{100 * found.median_error:.1f} %",
        f"{100 * found.worst_error:.1f} %",
        f"{100 * found.median_added:.1f} %" if added else "—",
        f"{100 * found.worst_added:.1f} %" if added else "—",
        f"{100 * found.median_interval_score:.0f} %",
        f"{found.covered} of {found.cells}, {verdict}" if ours else "—",
        f"±{100 * found.half_width:.1f} %" if ours else "—",
    ]


def _breakeven(found: Sequence[Row]) -> tuple[str, str]:
    """How often the first count that beats one process was right, and that of each curve."""
    lines, contradicted = [], 0
    for curve, group in groupby(found, key=lambda row: row.curve):
        tried = [row for row in group if row.alone]
        if not tried:
            continue
        counts = [row.workers for row in tried]
        measured = first_beating(counts, [row.speedup for row in tried])
        predicted = first_beating(counts, [row.forecast.speedup for row in tried])
        draws = zip(*(row.forecast.speedups for row in tried), strict=True)
        low, high = count_interval([first_beating(counts, draw) for draw in draws])
        for row in tried:
            sure = row.forecast.probability_beats
            beats = row.speedup > 1.0
            contradicted += (sure >= 0.95 and not beats) or (sure <= 0.05 and beats)
        held = "exact" if measured == predicted else "**no**"
        if held != "exact" and low <= measured <= high:
            held = "inside"
        lines.append(
            [
                curve.name,
                ", ".join(map(str, counts)),
                *(_count(n) for n in (measured, predicted)),
                f"{_count(low)} to {_count(high)}",
                held,
            ]
        )
    head = ["curve", "counts", "measured", "predicted", "interval", "held"]
    exact, inside = (sum(line[-1] == word for line in lines) for word in ("exact", "inside"))
    return (
        f"**Break-even** among the counts tried: {exact} of {len(lines)} curves exact, {inside} "
        f"more inside the interval. {contradicted} cells contradict a probability of 0.95.",
        f"Break-even of each curve:\n\n{table(head, lines)}",
    )


def _count(value: float) -> str:
    return "never" if math.isinf(value) else str(int(value))


def _singles(found: Sequence[Row]) -> str:
    """The single process of each job."""
    lines: dict[str, list[str]] = {}
    for row in found:
        if row.alone and row.curve.same_job not in lines:
            measured, predicted_s = measured_s(row.alone), row.forecast.single_s
            lines[row.curve.same_job] = [
                row.curve.same_job,
                str(row.alone[0].per_worker_batch),
                str(len(row.alone)),
                f"{100 * busy(row.alone):.0f} %",
                f"{1e3 * measured:.4g} ms",
                f"{1 + spread(row.alone):.3f}",
                f"{1e3 * predicted_s:.4g} ms",
                f"{100 * (predicted_s / measured - 1):+.1f} %",
            ]
    head = [
        "job", "batch", "starts", "processors", "measured", "largest / smallest", "predicted",
        "error",
    ]  # fmt: skip
    return f"One process:\n\n{table(head, list(lines.values()))}"


def _cells(found: Sequence[Row]) -> str:
    head = [
        "cell", "class", "workload", "batch", "scaling", "ps", "link", "starts", "processors",
        "measured", "largest / smallest", "predicted", "90 % interval", "error", "calibration",
    ]  # fmt: skip
    lines = []
    for row, cell in zip(found, cells(found), strict=True):
        curve, (low, high) = row.curve, row.forecast.interval_s
        lines.append(
            [
                cell.name,
                cell.kind,
                f"{curve.model}, {curve.compute}",
                str(row.runs[0].per_worker_batch),
                curve.scaling,
                "—" if curve.training == "mirrored" else str(curve.ps),
                f"{curve.link_mbit} Mbit/s" if curve.link_mbit else "loopback",
                str(len(row.runs)),
                f"{100 * cell.processors:.0f} %",
                f"{1e3 * cell.measured_s:.4g} ms",
                f"{1 + spread(row.runs):.3f}",
                f"{1e3 * row.forecast.step_s:.4g} ms",
                f"{1e3 * low:.4g} to {1e3 * high:.4g}",
                f"{100 * cell.judged('scale').error:+.1f} %",
                row.forecast.calibration or "—",
            ]
        )
    return f"Every cell:\n\n{table(head, lines)}"


def _untrained() -> str:
    """The blind half's jobs, as they were drawn."""
    told = blind.expectations()
    curves = chosen("blind")
    lines = [
        [
            curve.name,
            curve.same_job,
            f"{curve.link_mbit} Mbit/s" if curve.link_mbit else "loopback",
            "—" if curve.training == "mirrored" else str(curve.ps),
            curve.scaling,
            f"{1e3 * (curve.floor_s + curve.per_sample_s * curve.batch):.0f} ms"
            if curve.compute == "wait"
            else "computes",
            f"{curve.workload.size_bytes / 1e6:.2f} MB" if curve.model != "residual" else "—",
            ", ".join(map(str, curve.workers)),
            *_expected(told.get(curve.name)),
        ]
        for curve in curves
    ]
    head = ["curve", "job", "link", "ps", "scaling", "wait", "variables", "counts", "break-even",
            "peak"]  # fmt: skip
    whole = sum(len(curve.workers) for curve in curves)
    plan = sessions.plan(sessions.sessions(curves)).splitlines()[-1]
    return (
        f"**Not trained yet.** {len(curves)} curves, {whole} cells; {plan}. Break-even and peak "
        "are what was predicted when the design was drawn, from links by their names.\n\n"
        f"{table(head, lines)}"
    )


def _expected(told: blind.Expected | None) -> tuple[str, str]:
    if told is None:
        return "—", "—"
    return _count(told.breakeven or math.inf), f"{told.peak:.2f}"
