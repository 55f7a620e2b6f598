"""Many calibrations of one machine: how far their estimates lie apart, and what intervals hold."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.calibration import short
from benchmarks.calibration.pages import PAGE
from benchmarks.calibration.quiet import QUIET_STOLEN, watched
from benchmarks.calibration.statistics import LEVEL, Run, Spread, spread
from benchmarks.page import ROOT, table
from nworkers.calibrate.campaigns.plan import MeasurementPlan
from nworkers.models.files.store import read_calibration, write_record
from nworkers.models.records.calibration import Cell
from nworkers.models.records.profile import Identified, Profile, parameters

TITLE = "Many calibrations of one machine"
#: A folder for each plan and machine, with a calibration a run; a rerun goes on.
RUNS = ROOT / "build" / "calibration-repeats"
LARGEST_BYTES = 2**24
BATCHES = (1, 8, 32, 64)
REST_S = 0.002


@dataclass(frozen=True)
class Effort:
    rounds: int = 5
    sizes: int = 8
    burst_s: float = 0.08


SMOKE = Effort(rounds=2, sizes=6, burst_s=0.05)

INTRODUCTION = """Each of these short calibrations of one machine, tasks on loopback, has
{rounds} rounds and a fit of its own. An interval is for the truth, which nobody knows. The mean
of the other runs' estimates stands for it. That mean varies too, so perfect 90 % intervals
would hold it in {expected:.1f} % of {runs} runs. A binomial test (two-sided, at {level:g} %)
says whether the count is that of perfect ones. The half-width is the median one, since wide
intervals cover for free."""


def measure(effort: Effort, runs: int) -> None:
    planned = _plan(effort)
    folder = RUNS / _key(planned)
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number}.json" for number in range(runs)]
    left = [(number, file) for number, file in enumerate(files) if not file.exists()]
    short.say(f"repeat: {runs - len(left)} of {runs} runs are in {RUNS.relative_to(ROOT)}")
    with watched("repeat") as conditions:
        for number, file in left:
            calibration = short.measure(f"run {number + 1} of {runs}", planned)
            write_record(file, calibration, force=False)
    done = [_fitted(file, seed=number + 1) for number, file in enumerate(files)]
    spreads = _spreads(done)
    busy = sum(run["stolen_share"] > QUIET_STOLEN for run in done)
    text = "\n\n".join(
        [
            INTRODUCTION.format(
                runs=len(done),
                rounds=planned.rounds,
                level=100 * LEVEL,
                expected=100 * next(iter(spreads.values())).expected,
            ),
            _table(spreads),
            f"({busy} of {len(done)} runs lost more than {100 * QUIET_STOLEN:g} % of the cores' "
            f"time to a hypervisor. The last sitting: {conditions.words})",
        ]
    )
    data: dict[str, Any] = {
        "conditions": asdict(conditions),
        "spreads": {name: asdict(found) for name, found in spreads.items()},
        "runs": done,
    }
    PAGE.publish("repeat", TITLE, text, data)


def _plan(effort: Effort) -> MeasurementPlan:
    """The fewest cells that identify what a profile of one host holds."""
    rng = random.Random(1)
    sizes = [short.sizes_bytes(4, LARGEST_BYTES, effort.sizes, rng) for _ in range(2)]
    chosen = list(short.cells(*sizes))
    for batch in BATCHES:
        chosen.append(Cell("step", "process", batch=batch))
        chosen.append(Cell("gradient", "process", batch=batch, idle_s=REST_S))
    chosen.append(Cell("noop", "ps", workers=2))
    for quantity in ("fetch", "push"):
        chosen += [Cell(quantity, "ps", size, workers=2) for size in (4, 2**17, 2**20, 2**22)]
        chosen.append(Cell(quantity, "ps", short.TENSORS_BYTES, tensors=short.TENSORS, workers=2))
    return short.plan(
        tuple(chosen), rounds=effort.rounds, burst_s=effort.burst_s, window_s=effort.burst_s
    )


def _key(planned: MeasurementPlan) -> str:
    """Runs of other plans, or on another machine, are not of one kind with these."""
    from nworkers.calibrate.host.environment import environment

    told = f"{planned} {environment().hardware}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _fitted(file: Path, seed: int) -> dict[str, Any]:
    calibration = read_calibration(file)
    return {
        "stolen_share": float(calibration.environment.facts["stolen_share"]),
        "parameters": _values(short.fit(calibration, seed=seed)),
    }


def _values(profile: Profile) -> dict[str, list[float]]:
    """Estimate and interval of every parameter that the data determine."""
    return {
        name: [float(f"{value:.5g}") for value in (found.estimate, *found.interval)]
        for name, found in parameters(profile)
        if isinstance(found, Identified) and not name.startswith("collective")
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
    return table(head, rows)
