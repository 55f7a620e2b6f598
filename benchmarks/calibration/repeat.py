"""Many calibrations of one machine: how far their estimates lie apart, and what intervals hold."""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.calibration import page, short
from benchmarks.calibration.quiet import QUIET_LOAD, QUIET_STOLEN, watched
from benchmarks.calibration.statistics import LEVEL, Run, Spread, spread
from scale.calibrate.plan import Plan
from scale.models.calibration import Calibration, Cell
from scale.models.profile import Profile, parameters

TITLE = "Many calibrations of one machine"
#: What was measured so far, one line a run; a rerun goes on. Remove it to begin anew.
RUNS = page.ROOT / "build" / "calibration-repeats.jsonl"
LARGEST_BYTES = 2**24
BATCHES = (1, 8, 32, 64)
REST_S = 0.002


@dataclass(frozen=True)
class Effort:
    rounds: int = 5
    sizes: int = 8
    burst_s: float = 0.08


SMOKE = Effort(rounds=2, sizes=6, burst_s=0.05)

INTRODUCTION = """So many short calibrations of this machine, tasks on loopback, each of {rounds}
rounds and fitted by the product. An interval is for the truth, which nobody knows; the mean of
the other runs' estimates stands for it. That mean varies too, so perfect 90 % intervals would hold
it in {expected:.1f} % of {runs} runs; a binomial test (two-sided, at {level:g} %) says
whether the count is that of perfect ones. The half-width is the median one: wide intervals cover
for free."""


def measure(effort: Effort, runs: int) -> None:
    planned = _plan(effort)
    key = _key(planned)
    RUNS.parent.mkdir(parents=True, exist_ok=True)
    done = _read(RUNS, key)[:runs]
    short.say(f"repeat: {len(done)} of {runs} runs are in {RUNS.relative_to(page.ROOT)}")
    with watched("repeat") as conditions:
        for number in range(len(done), runs):
            made = _run(planned, number, f"run {number + 1} of {runs}") | {"key": key}
            done.append(made)
            with RUNS.open("a") as lines:
                lines.write(json.dumps(made) + "\n")
    spreads = _spreads(done)
    busy = sum(not _quiet(run) for run in done)
    text = "\n\n".join(
        [
            INTRODUCTION.format(
                runs=len(done),
                rounds=planned.rounds,
                level=100 * LEVEL,
                expected=100 * next(iter(spreads.values())).expected,
            ),
            _table(spreads),
            f"({busy} of {len(done)} runs began at a load above {QUIET_LOAD:g} or lost more than "
            f"{100 * QUIET_STOLEN:g} % of the cores' time; the last sitting: {conditions.words})",
        ]
    )
    data: dict[str, Any] = {
        "conditions": asdict(conditions),
        "spreads": {name: asdict(found) for name, found in spreads.items()},
        "runs": done,
    }
    page.publish("repeat", TITLE, text, data)


def _plan(effort: Effort) -> Plan:
    """The fewest cells that identify what a profile of one host holds."""
    rng = random.Random(1)
    sizes = [short.sizes_bytes(4, LARGEST_BYTES, effort.sizes, rng) for _ in range(2)]
    chosen = list(short.cells(*sizes))
    for batch in BATCHES:
        chosen.append(Cell("step", "process", batch=batch))
        chosen.append(Cell("gradient", "process", batch=batch, rest_s=REST_S))
    chosen.append(Cell("noop", "ps", workers=2))
    for quantity in ("fetch", "push"):
        chosen += [Cell(quantity, "ps", size, workers=2) for size in (4, 2**17, 2**20, 2**22)]
        chosen.append(Cell(quantity, "ps", short.TENSORS_BYTES, tensors=short.TENSORS, workers=2))
    return short.plan(
        tuple(chosen), rounds=effort.rounds, burst_s=effort.burst_s, window_s=effort.burst_s
    )


def _key(planned: Plan) -> str:
    """Runs of other plans, or on another machine, are not of one kind with these."""
    from scale.calibrate.environment import environment

    told = f"{planned} {environment().hardware}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _read(path: Path, key: str) -> list[dict[str, Any]]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [run for line in lines if (run := json.loads(line))["key"] == key]


def _run(planned: Plan, number: int, title: str) -> dict[str, Any]:
    load, began_s = os.getloadavg()[0], time.monotonic()
    calibration = short.measure(title, planned)
    profile = short.fit(calibration, seed=number + 1)
    seconds = time.monotonic() - began_s
    short.say(f"{title}: {seconds:.0f} s, load {load:.2f} before")
    return {
        "seconds": round(seconds, 1),
        "load_before": load,
        "stolen_share": _stolen(calibration),
        "parameters": _values(profile),
    }


def _stolen(calibration: Calibration) -> float:
    return float(calibration.environment.facts["stolen_share"])


def _quiet(run: dict[str, Any]) -> bool:
    return bool(run["load_before"] <= QUIET_LOAD and run["stolen_share"] <= QUIET_STOLEN)


def _values(profile: Profile) -> dict[str, list[float]]:
    """Estimate and interval of every parameter that the data determine."""
    return {
        name: [float(f"{value:.5g}") for value in (found.estimate, *found.interval)]
        for name, found in parameters(profile)
        if found.identified and not name.startswith("collective")
    }


def _spreads(done: Sequence[dict[str, Any]]) -> dict[str, Spread]:
    """Of every parameter that at least three runs, and most of them, determine."""
    found: dict[str, list[Run]] = {}
    for run in done:
        for name, values in run["parameters"].items():
            found.setdefault(name, []).append(Run(*values))
    least = max(3, (len(done) + 1) // 2)
    return {name: spread(runs) for name, runs in sorted(found.items()) if len(runs) >= least}


def _table(spreads: dict[str, Spread]) -> str:
    head = [
        "parameter",
        "mean",
        "deviation of its logarithm",
        "largest / smallest",
        "intervals that hold the others' mean",
        "p",
        "half-width",
    ]
    rows = [
        [
            f"`{name}`",
            f"{found.mean:.3g}",
            f"{100 * found.log_deviation:.1f} %",
            f"{found.largest_over_smallest:.2f}",
            f"{found.covered} of {found.runs}",
            f"{found.p_value:.3f}" if found.kept else f"**{found.p_value:.2g}**",
            f"{100 * found.half_width:.1f} %",
        ]
        for name, found in spreads.items()
    ]
    return page.table(head, rows)
