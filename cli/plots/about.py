"""About: the configuration of a job in a picture's lines, and what of it is full."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nworkers.cli.plots.style import name
from nworkers.cli.shown import format as fmt
from nworkers.models.records.prediction import Prediction
from nworkers.models.records.scenario import Scenario

if TYPE_CHECKING:
    from nworkers.simulator.study.resolve import ResolvedJob

#: A resource this busy leaves nothing to more workers.
FULL = 0.9


def about(job: ResolvedJob, scenario: Scenario, *, counted: bool = True) -> Iterator[str]:
    """What is trained and how; on what; and what of it is otherwise than measured or plain.

    Args:
        counted: a number of workers belongs to what is shown.
    """
    profile = job.profile
    batch = "global batch" if scenario.scaling == "strong" else "batch per worker"
    parts = [
        name(scenario.workload.name),
        *([fmt.count(scenario.workers, "worker")] if counted else []),
        scenario.strategy,
        *([f"{scenario.ps} ps"] if scenario.ps_hosts else []),
        f"{batch} {scenario.batch:,}",
        f"{scenario.scaling} scaling",
        f"{scenario.placement} hosts" if scenario.placement != "shared" else "one host",
    ]
    yield ", ".join(parts)
    yield f"{name(profile.hardware)} ({profile.link.evidence})"
    if scenario.what_if.changes:
        yield f"what if: {', '.join(map(name, scenario.what_if.changes))}"
    if told := [f"{one.path} {fmt.quantity(one.value, one.unit)}" for one in job.changed]:
        yield f"set: {', '.join(map(name, told))}"


def full_from(rows: Sequence[Prediction]) -> tuple[str, int] | None:
    """The resource that is full at the largest number of workers, and from how many on it is."""
    last = rows[-1].resources[0] if rows[-1].resources else None
    if last is None or last.utilisation < FULL:
        return None
    what = _kind(last.resource)
    first = rows[-1].scenario.workers
    for row in reversed(rows):
        if not any(_kind(u.resource) == what and u.utilisation >= FULL for u in row.resources):
            break
        first = row.scenario.workers
    return what, first


def full(rows: Sequence[Prediction]) -> str:
    """``the ps link is full from 6``; empty where nothing is."""
    found = full_from(rows)
    if found is None:
        return ""
    what, workers = found
    verb = "are" if what.endswith("cores") else "is"
    from_ = "" if workers == rows[0].scenario.workers else f" from {workers}"
    return f"the {what} {verb} full{from_}"


def _kind(resource: str) -> str:
    """``ps link`` of ``ps 0, link out``: whose it is and what, without which one."""
    return re.sub(r" (out|in)$|, both ways$", "", re.sub(r" \d+\b", "", resource)).replace(",", "")
