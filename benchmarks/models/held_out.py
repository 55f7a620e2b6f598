"""Real calibrations: errors on sizes that the fit never saw."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.models.pages import PAGE
from benchmarks.page import table
from nworkers.models.files.store import read_calibration
from nworkers.models.fitting.fit import fit_profile, steps_apart
from nworkers.models.fitting.held_out import STEPS, cell_seconds, held_out_cells
from nworkers.models.records.calibration import Calibration, Cell
from nworkers.models.records.profile import Profile

TITLE = "Real calibrations, sizes that the fit never saw"
#: What the project asks for: medians of these quantities, and the worst of any.
ASKED = {"gemm": 0.03, "fetch": 0.05, "push": 0.05, "allreduce": 0.05}
WORST = 0.15

INTRODUCTION = f"""Every fourth size of each quantity and the largest are measured and never
fitted. For steps and gradients a fit of its own is judged, which never saw them; the profile's has
all. The error is the law's time over the median of the rounds' medians. That median is itself only
known to *rounds differ*: the log-deviation of the mean of a cell's rounds, in the median of cells.
Medians of at most {", ".join(f"{100 * most:g} % ({name})" for name, most in ASKED.items())} and
{100 * WORST:g} % at worst are asked for. Bold is what misses that."""


def measure(files: Sequence[Path]) -> None:
    rows: list[list[str]] = []
    data: dict[str, Any] = {}
    for file in files:
        calibration = read_calibration(file)
        began = time.perf_counter()
        profile = fit_profile(calibration)
        seconds = time.perf_counter() - began
        found = _errors(calibration, profile)
        name = file.stem
        data[name] = {"fit_s": seconds, "errors": found}
        for quantity, cells in found.items():
            errors = [abs(cell["error"]) for cell in cells]
            worst = max(cells, key=lambda cell: abs(cell["error"]))
            noise = float(np.median([cell["deviation"] for cell in cells]))
            rows.append(
                [
                    name,
                    quantity,
                    str(len(cells)),
                    _told(float(np.median(errors)), ASKED.get(quantity)),
                    f"{_told(abs(worst['error']), WORST)} (`{worst['cell']}`)",
                    f"{100 * noise:.1f} %",
                ]
            )
    head = ["calibration", "quantity", "held out", "median error", "worst", "rounds differ"]
    taken = ", ".join(f"{found['fit_s']:.1f} s" for found in data.values())
    text = f"{INTRODUCTION}\n\n{table(head, rows)}\n\nFits with 200 draws took {taken}."
    PAGE.publish("held-out", TITLE, text, data)


def _errors(calibration: Calibration, profile: Profile) -> dict[str, list[dict[str, Any]]]:
    medians: dict[Cell, list[float]] = {}
    held_out = held_out_cells(calibration.bursts)
    for burst in calibration.bursts:
        if burst.cell in held_out and burst.worker == 0:
            medians.setdefault(burst.cell, []).append(float(np.median(burst.samples_s)))
    known, steps = profile.drawn(None), steps_apart(calibration, held_out)
    found: dict[str, list[dict[str, Any]]] = {}
    for cell, taken in medians.items():
        if cell.quantity in STEPS:
            seconds = steps.seconds(cell) if steps else None
        else:
            seconds = cell_seconds(known, profile.workload, cell)
        if seconds is None:
            continue
        logs = np.log(taken)
        found.setdefault(cell.quantity, []).append(
            {
                "cell": cell.name,
                "error": seconds / float(np.median(taken)) - 1,
                "deviation": float(logs.std(ddof=1) / np.sqrt(logs.size)) if logs.size > 1 else 0.0,
            }
        )
    return found


def _told(error: float, most: float | None) -> str:
    text = f"{100 * error:.1f} %"
    return text if most is None or error <= most else f"**{text}**"
