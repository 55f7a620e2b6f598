"""Soak: kill a task or the coordinator of a calibration at a random moment, over and over.

    python -m benchmarks.soak [times]

Writes the figures into docs/calibration-checks.md and exits 1 where one did not end as it must.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.calibration.pages import PAGE
from benchmarks.page import table
from tests.support.kills import END_S, Outcome, attempt

TIMES = 50
HEAD = ("victim", "times", "slowest end", "cells before", "cells kept", "bad")
INTRODUCTION = f"""`make soak`: a task or the coordinator of a calibration is killed (SIGKILL) at a
random moment, {{times}} times. *Bad* is any that hung past {END_S:g} s, or left a process or an
unreadable file. So is one that lost a measured cell, or did not name the task."""


def summary(outcomes: Iterable[Outcome]) -> list[list[str]]:
    """A row for each victim."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.victim, []).append(outcome)
    return [
        [
            victim,
            str(len(group)),
            f"{max(o.ended_after_s for o in group):.2f} s",
            str(sum(o.cells_before for o in group)),
            str(sum(o.cells_kept for o in group)),
            str(sum(bool(o.problem) for o in group)),
        ]
        for victim, group in sorted(groups.items())
    ]


def publish(outcomes: Sequence[Outcome]) -> None:
    text = f"{INTRODUCTION.format(times=len(outcomes))}\n\n{table(HEAD, summary(outcomes))}"
    PAGE.publish("kills", "Kills", text, {"outcomes": [asdict(o) for o in outcomes]})


def main() -> int:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else TIMES
    outcomes: list[Outcome] = []
    for seed in range(times):
        with tempfile.TemporaryDirectory(prefix="scale-soak-") as folder:
            outcome = attempt(seed, Path(folder))
        outcomes.append(outcome)
        print(
            f"{seed + 1:3d} of {times}: {outcome.victim} killed after "
            f"{outcome.killed_after_s:.1f} s, ended {outcome.ended_after_s:.2f} s later, "
            f"{outcome.cells_before} cells measured, {outcome.cells_kept} kept"
            + (f"; BAD: {outcome.problem}" if outcome.problem else ""),
            flush=True,
        )
    publish(outcomes)
    print(table(HEAD, summary(outcomes)))
    return int(any(outcome.problem for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
