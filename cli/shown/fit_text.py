"""Fit text: what was fitted, how well, and what is weak."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.parameter_table import parameter_table
from nworkers.cli.shown.sheet import Entry, Order, Sheet, Shown
from nworkers.cli.shown.table import TextTable
from nworkers.models.findings.fit_answer import FitAnswer
from nworkers.models.findings.for_information import for_information
from nworkers.models.findings.weak_parameters import Remedy
from nworkers.models.records.profile import Candidate, FitRow, Profile, parameters


def fit(answer: FitAnswer, first: Sequence[str] = ()) -> Sheet:
    """The lines that come first; what was fitted, how well, and what would strengthen it."""
    profile = answer.profile
    fitted = parameter_table(parameters(profile), "samples")
    told = (*_unread(profile), *_choices(profile), *_shares(profile), *_weak(answer))
    return Sheet(*first, fitted, quality(profile.fit), *told)


def _unread(profile: Profile) -> list[str]:
    """Parameters that no prediction reads, by the reason."""
    found: dict[str, list[str]] = {}
    for name, _ in parameters(profile):
        if reason := for_information(profile, name):
            found.setdefault(reason, []).append(name)
    if not found:
        return []
    lines = [f"  - {', '.join(names)}: {reason}" for reason, names in found.items()]
    return ["For information; no prediction reads them:", *lines]


def _choices(profile: Profile) -> list[Shown]:
    """Every law that was tried, with how much worse it is than the one that was chosen."""
    tried = [(row.operation, row.candidates) for row in profile.fit if row.candidates]
    if profile.link.candidates:
        tried.append(("sharing the link", profile.link.candidates))
    if not tried:
        return []
    table = TextTable("", "chosen", "also tried", left=(0, 1, 2))
    for what, candidates in tried:
        best = next(c for c in candidates if c.chosen)
        others = [_score(c, best) for c in candidates if not c.chosen]
        table.add_row(what, _score(best, best), "; ".join(others))
    return ["Laws that the data chose between:", table]


def _shares(profile: Profile) -> list[Shown]:
    """How far from equally transfers share the link that begin at once."""
    if not profile.link.flow_weights:
        return []
    table = TextTable("transfers at once", "bytes of each", "deviation of log weight", left=())
    for measured in profile.link.flow_weights:
        size = fmt.quantity(measured.size_bytes, "B")
        table.add_row(str(measured.flows), size, f"{measured.log_deviation:.2f}")
    return ["How unequally they share the link (0 is equally):", table]


def _score(candidate: Candidate, best: Candidate) -> str:
    """How much worse than the chosen one, or its error on what was left out of the fit."""
    if candidate.criterion == "left out":
        return f"{candidate.law} (off by {fmt.percent(candidate.score)} where left out)"
    if candidate is best:
        return candidate.law
    return f"{candidate.law} (BIC {candidate.score - best.score:+.0f})"


def _weak(answer: FitAnswer) -> list[str]:
    if not answer.weak:
        return ["Nothing here is weak."]
    lines = []
    for weak in answer.weak:
        told = remedy(weak.remedy)
        lines.append(f"  - {weak.what}: {weak.why}")
        if weak.remedy.how == "another":
            lines.append(Entry("    ", told))
        else:
            lines.append(Order("   ", f"scale calibrate {told} -o {answer.source}"))
    return ["What is weak, and what would strengthen it:", *lines]


def remedy(found: Remedy) -> str:
    """What would help: the options of ``scale calibrate``, or words."""
    if found.how == "another":
        return found.words
    only = f" --only {','.join(found.only)}" if found.only else ""
    rounds = "" if found.rounds is None else f" --rounds {found.rounds}"
    return f"--{found.how}{only}{rounds}"


def quality(rows: Iterable[FitRow]) -> Sheet:
    """How well each operation is fitted."""
    header = ("operation", "cells", "held out", "median error", "worst error")
    table = TextTable(*header, left=(0,), spare=("held out", "cells"))
    for row in rows:
        table.add_row(
            row.operation,
            str(row.cells),
            str(row.held_out),
            _error(row.median_error),
            _error(row.worst_error),
        )
    return Sheet("Relative error on sizes that the fit never saw:", table)


def _error(value: float | None) -> str:
    return "n/a" if value is None else fmt.percent(value)
