"""Published: tables that others measured, fitted to their small rows and held against the large."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nworkers.cli.commands import fit_throughput
from nworkers.cli.shown import console, json_view
from nworkers.cli.shown import format as fmt
from nworkers.models.tables.throughput.compare import errors
from nworkers.models.tables.throughput.published import SPLITS, Split


@dataclass(frozen=True)
class _Held:
    """One split's answer; ``worst`` is the largest error of a row that was not fitted."""

    split: Split
    request: fit_throughput.Request
    answer: fit_throughput.Answer

    @property
    def median(self) -> float:
        return errors(fit_throughput.predicted(self.answer), "scale").median or 0.0

    @property
    def worst(self) -> float:
        return errors(fit_throughput.predicted(self.answer), "scale").worst or 0.0


def validate(tolerance: float, *, as_json: bool) -> bool:
    """Fit, predict and show every row of every split; whether all are within the tolerance."""
    held = []
    for number, split in enumerate(SPLITS, start=1):
        console.note(f"{number} of {len(SPLITS)}: {split.system}, fitted up to {split.fit_to}")
        request = _request(split.path, split.system, split.fit_to)
        held.append(_Held(split, request, fit_throughput.answer(request)))
    holds = all(one.worst <= tolerance for one in held)
    if as_json:
        json_view.emit(
            {
                "tolerance": tolerance,
                "holds": holds,
                "published": [
                    {"fit_to": one.split.fit_to} | fit_throughput.document(one.answer)
                    for one in held
                ],
            }
        )
        return holds
    for one in held:
        console.emit("\n".join(fit_throughput.compared_text(one.answer, one.request)) + "\n")
    console.emit(fit_throughput.LEGEND)
    for one in held:
        verdict = "within" if one.worst <= tolerance else "BEYOND"
        console.emit(
            f"{one.split.system}, fitted up to {one.split.fit_to}: median error "
            f"{fmt.percent(one.median)}, worst {fmt.percent(one.worst)}, "
            f"{verdict} {fmt.percent(tolerance)}"
        )
    return holds


def _request(path: Path, system: str, fit_to: int) -> fit_throughput.Request:
    return fit_throughput.Request(
        file=path,
        output=None,
        base=None,
        workload=None,
        system=system,
        fit_to=fit_to,
        force=False,
        as_json=False,
    )
