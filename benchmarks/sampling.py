"""What the sampling protocol adds to a step: local GEMM cells against a bare loop of the same call.

Both are timed in one process on one session, in pairs of interleaved bursts, so that the machine's
slow phases meet both. Run by hand on an idle machine:

    python -m benchmarks.sampling
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from nworkers.calibrate.probes.probe import Context
from nworkers.calibrate.probes.sampling import Limits, sample
from nworkers.calibrate.tensorflow.graphs import build
from nworkers.models.records.calibration import Cell
from nworkers.models.records.workload import named_workload

SHAPES = ((32, 8, 32), (128, 32, 256), (512, 128, 512))
PAIRS = 40
CALLS = 300


def bare_loop(step: Callable[[], object]) -> float:
    """Median of calls timed by nothing but two readings of the clock."""
    clock = time.perf_counter
    taken: list[float] = []
    for _ in range(CALLS):
        begin = clock()
        step()
        taken.append(clock() - begin)
    return statistics.median(taken)


def protocol(step: Callable[[], object]) -> float:
    limits = Limits(precision=0.0, max_samples=CALLS, budget_s=1.0)
    return statistics.median(sample(step, limits).samples_s)


def main() -> None:
    cells = [Cell("gemm", "process", features=f, batch=b, hidden=h) for f, b, h in SHAPES]
    print(f"{PAIRS} interleaved pairs of {CALLS} calls each, medians in µs")
    print(f"{'features/batch/hidden':>22} {'bare loop':>10} {'protocol':>10} {'ratio':>7}")
    for probe in build(cells, Context("single", 0, "", {}, named_workload("gemm:128,256"))):
        bare: list[float] = []
        ours: list[float] = []
        for pair in range(PAIRS):
            order = [(bare, bare_loop), (ours, protocol)]
            for into, measure in order if pair % 2 else order[::-1]:
                into.append(measure(probe.step))
        cell = probe.cell
        ratio = statistics.median(o / b for o, b in zip(ours, bare, strict=True))
        print(
            f"{f'{cell.features}/{cell.batch}/{cell.hidden}':>22}"
            f" {1e6 * statistics.median(bare):>10.2f} {1e6 * statistics.median(ours):>10.2f}"
            f" {ratio:>7.4f}"
        )


if __name__ == "__main__":
    main()
