"""scale against SimGrid in the same run, one after the other: ``python -m benchmarks.simgrid``.

Both simulate asynchronous training with one ps. Compute varies, so that no two workers are in step,
and the ps's link is full in both directions: with much waiting at it, or with little.

Both compute the same to rounding, but a fair link makes rounding grow: bytes that come late by δ
while m share it end late by about δ·n/m if n share it then. Here that is tenfold every other step.
So ends are compared over the first ten steps; and over all, beside how far apart scale's own are
when its compute times are changed by 1e-12.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.page import Page, table
from nworkers.models.base.statistics import Floats
from tests.support.simgrid import Job, by_scale, run

SIZE_BYTES = 1_000_000
BANDWIDTH_BYTES_PER_S = 1.25e9
LATENCY_S = 1e-4
#: For so long, rounding stays far below anything that counts.
EARLY_STEPS = 10


@dataclass(frozen=True)
class Load:
    """A run of the benchmark.

    ``compute_share`` is the mean compute time, as a share of the time that the ps's link needs for
    a step of every worker. The rest of the workers are at the link on average; at 1 only those whom
    chance brings there together.
    """

    workers: int
    steps: int
    compute_share: float


PAGE = Page("simulator", "# Simulator\n")
HEAD = ("workers", "steps", "compute", "SimGrid", "scale", "ratio", "early", "all", "own")
LOADS = (Load(1_000, 100, 0.75), Load(1_000, 100, 1.0), Load(10_000, 3, 1.0))


def varied(load: Load) -> Job:
    """Asynchronous training, compute varied uniformly by ±50 %."""
    link_s = load.workers * SIZE_BYTES / BANDWIDTH_BYTES_PER_S
    rng = np.random.default_rng(load.workers)
    compute_s = load.compute_share * link_s * rng.uniform(0.5, 1.5, (load.workers, load.steps))
    return Job("async", (SIZE_BYTES,), compute_s, BANDWIDTH_BYTES_PER_S, LATENCY_S)


def apart(one: Floats, other: Floats) -> str:
    """Mean relative difference of the ends of steps."""
    return f"{np.abs(one / other - 1.0).mean():.0e}"


def row(load: Load) -> tuple[object, ...]:
    job = varied(load)
    theirs, ours = run(job), by_scale(job)
    changed = by_scale(replace(job, compute_s=job.compute_s * (1.0 + 1e-12)))
    return (
        load.workers,
        load.steps,
        load.compute_share,
        f"{theirs.wall_s:.2f}",
        f"{ours.wall_s:.2f}",
        f"{theirs.wall_s / ours.wall_s:.1f}",
        apart(ours.ends_s[:, :EARLY_STEPS], theirs.ends_s[:, :EARLY_STEPS]),
        apart(ours.ends_s, theirs.ends_s),
        apart(changed.ends_s, ours.ends_s),
    )


def main() -> None:
    print(f"Python {platform.python_version()}, {platform.machine()}; compute varies by ±50 %")
    rows = []
    for cells in map(row, LOADS):
        rows.append([str(cell) for cell in cells])
        print("".join(f"{cell:>9}" for cell in cells), flush=True)
    text = f"""{table(HEAD, rows)}

Python {platform.python_version()}, SimGrid from Debian, one after the other in one run. `compute`
is the mean compute time over what the link needs for a step of every worker; seconds are those of
the simulation itself. The last three columns are mean relative differences of the ends of steps:
over the first {EARLY_STEPS}, over all, and between scale and scale with compute times changed by
1e-12."""
    PAGE.publish("peer", "Against SimGrid", text, {"head": list(HEAD), "rows": rows})


if __name__ == "__main__":
    main()
