"""What sharing does, fairly or in turn: ``python -m benchmarks.simulator``.

Training of workers on hosts of their own, which share the ps's link.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from benchmarks.page import Page, table
from nworkers.models.base.statistics import Floats, interval90
from nworkers.models.records.profile import Discipline, Noise
from nworkers.simulator.step.variates import DrawnVariates
from nworkers.simulator.study.replications import starting_phases
from tests.support.costs import costs
from tests.support.runs import trained

PAGE = Page("simulator", "# Simulator\n")

#: Worker steps per second of TensorFlow 2.21 between emulated hosts, links of 200 Mbit/s, one 1 MiB
#: variable, compute replaced by a wait of 20 ms, 10 s windows (measured before this project).
TENSORFLOW = {
    "ps-async": {1: 9.2, 2: 15.0, 3: 16.3, 4: 16.7, 6: 19.1},
    "ps-sync": {1: 9.2, 2: 10.4, 4: 12.0},
}
TRANSFER_S, WAIT_S = 44.3e-3, 20.5e-3
#: Starts, and the length of each, which is that of the real runs: phases last that long.
RUNS, WINDOW_S = 48, 10.0


def shaped(workers: int, strategy: str, discipline: Discipline) -> Floats:
    """Worker steps per second on that link in each window, with 5 % of noise in the wait."""
    steps = round(WINDOW_S / max(2 * TRANSFER_S + WAIT_S, 2 * TRANSFER_S * workers / 1.9))
    bins = tuple(1.0 + 0.05 * NormalDist().inv_cdf((k + 0.5) / 64) for k in range(64))
    noise = Noise({"compute": bins}, ({},))
    starts = starting_phases(7, workers, range(RUNS))
    size = 1 << 20
    step = costs(compute_s=WAIT_S, transfer_s=TRANSFER_S, size_bytes=size, shared=size / TRANSFER_S)
    times_s = [
        trained(
            step,
            workers,
            strategy=strategy,
            discipline=discipline,
            variates=DrawnVariates(noise, 7, run, starts=starts[run].tolist()),
            steps=steps,
        ).step_time_s
        for run in range(RUNS)
    ]
    return np.asarray(workers / np.array(times_s))


def disciplines() -> None:
    """Fair sharing and FIFO beside what TensorFlow did."""
    rows, data = [], []
    for strategy, counts in TENSORFLOW.items():
        for workers in (1, 2, 3, 4, 6, 8, 16, 64) if strategy == "ps-async" else counts:
            real = counts.get(workers)
            windows = shaped(workers, strategy, "fair")
            fair, fifo = float(windows.mean()), float(shaped(workers, strategy, "fifo").mean())
            low, high = interval90(windows, fair)
            error = None if real is None else fair / real - 1
            data.append(
                {"strategy": strategy, "workers": workers, "tensorflow": real, "fair": fair}
                | {"fair_windows": [low, high], "fifo": fifo}
            )
            rows.append(
                [
                    strategy,
                    str(workers),
                    "" if real is None else f"{real:.1f}",
                    f"{fair:.1f}",
                    f"{low:.1f} to {high:.1f}",
                    "" if error is None else f"{100 * error:+.1f} %",
                    f"{fifo:.1f}",
                    f"{fifo / fair:.2f}",
                ]
            )
    head = ["strategy", "workers", "TensorFlow", "fair", "its windows"]
    head += ["error", "FIFO", "FIFO over fair"]
    text = f"""{table(head, rows)}

The figures are worker steps per second, all workers together. The link carries 200 Mbit/s each
way, one variable has 1 MiB, and a wait of 20 ms stands for compute. They are means of {RUNS}
windows of {WINDOW_S:g} s from random phases; *its windows* is the range of nine in ten.
TensorFlow's are means of a few such windows.

Phases between workers last for tens of steps on a fair link, so single windows differ as much as
that range. Four synchronous workers are a real miss. Equal shares end all transfers of a round at
once, and leave the other direction idle meanwhile. TensorFlow's do not end at once.
"""
    PAGE.publish("disciplines", "Fair or in turn", text, {"rows": data})


def main() -> None:
    disciplines()


if __name__ == "__main__":
    main()
