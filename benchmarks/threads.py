"""Steps around the batch from which on TensorFlow gives a product to all threads.

python -m benchmarks.threads                            # with all cores
python -m benchmarks.threads 1                          # with one thread
TF_ENABLE_ONEDNN_OPTS=0 python -m benchmarks.threads    # with Eigen's products
"""

from __future__ import annotations

import statistics
import sys

from nworkers.calibrate.host.environment import l2_cache_kib
from nworkers.calibrate.probes.probe import Context
from nworkers.calibrate.probes.sampling import Limits, sample
from nworkers.calibrate.tensorflow.training_probes import build
from nworkers.models.costs.layers import threaded_products
from nworkers.models.records.calibration import Cell
from nworkers.models.records.workload import named_workload

WORKLOAD = "gemm:128,256"
#: Batches over the one from which on the product is on all threads.
SHARES = (0.33, 0.5, 0.71, 0.83, 0.93, 0.985, 1.01, 1.06, 1.26, 1.7, 3.4)
ROUNDS = 3


def main() -> None:
    workload, threads = named_workload(WORKLOAD), int(sys.argv[1]) if sys.argv[1:] else None
    joins = threaded_products(workload, 1024.0 * (l2_cache_kib() or 1024.0))[0].from_batch
    context = Context("single", 0, "", {}, workload, threads=threads)
    cells = [Cell("step", "process", batch=round(share * joins)) for share in SHARES]
    limits = Limits(precision=0.02, max_samples=5000, budget_s=0.12)
    found: dict[int, list[float]] = {}
    probes = build(cells, context)
    for _ in range(ROUNDS):
        for probe in probes:
            taken = statistics.median(sample(probe.step, limits).samples_s)
            found.setdefault(probe.cell.batch, []).append(taken)
    print(f"{WORKLOAD}: on all threads from a batch of {joins} on, by the L2 cache; rounds in µs")
    for batch, rounds in sorted(found.items()):
        shown = "  ".join(f"{1e6 * seconds:6.0f}" for seconds in rounds)
        print(f"{batch:6d}: {shown}")


if __name__ == "__main__":
    main()
