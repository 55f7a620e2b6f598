"""What a pause before a step does to it: gradients of an MLP, one after the other and rested.

python -m benchmarks.rested
"""

from __future__ import annotations

import statistics
from functools import partial
from time import sleep

from nworkers.calibrate.probes.probe import Context
from nworkers.calibrate.probes.sampling import Limits, sample
from nworkers.calibrate.tensorflow.training_probes import build
from nworkers.models.records.calibration import Cell
from nworkers.models.records.workload import named_workload

WORKLOAD, BATCH = "mlp:256,128,10", 128
RESTS_S = (0.0, 0.001, 0.002, 0.003)
ROUNDS = 5


def main() -> None:
    context = Context("single", 0, "", {}, named_workload(WORKLOAD))
    (probe,) = build([Cell("gradient", "process", batch=BATCH)], context)
    limits = Limits(precision=0.0, max_samples=400, budget_s=2.0)
    print(f"gradients of {WORKLOAD} at batch {BATCH}: medians of {ROUNDS} rounds, in µs")

    def median_s(rest_s: float) -> float:
        return statistics.median(
            sample(probe.step, limits, before=partial(sleep, rest_s)).samples_s
        )

    rounds = [[median_s(rest_s) for rest_s in RESTS_S] for _ in range(ROUNDS)]
    for rest_s, medians in zip(RESTS_S, zip(*rounds, strict=True), strict=True):
        shown = "  ".join(f"{1e6 * m:6.0f}" for m in medians)
        print(f"pause of {1e3 * rest_s:.0f} ms: {shown}")


if __name__ == "__main__":
    main()
