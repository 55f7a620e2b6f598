"""How fast the simulator is: ``python -m benchmarks.simulator``.

Asynchronous training, each worker on a host of its own, so that all share the ps's link and cores;
a deterministic run of a made-up profile, timed as the best of three.
"""

from __future__ import annotations

import platform
import time

import simpy

from scale.models.costs import step_costs
from scale.models.scenario import Scenario
from scale.models.workload import named_workload
from scale.simulator.noise import no_luck
from scale.simulator.predict import predict
from scale.simulator.training import train
from tests.factories import profile

WORKER_STEPS = 16_000
WARMUP = 2


class _Counter:
    """Counts the events that simpy processes while it is entered."""

    def __enter__(self) -> _Counter:
        self.events = 0
        self._step = simpy.Environment.step
        counter = self

        def step(env: simpy.Environment) -> None:
            counter.events += 1
            counter._step(env)

        simpy.Environment.step = step  # type: ignore[assignment, method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        simpy.Environment.step = self._step  # type: ignore[method-assign]


def measure(workers: int) -> tuple[int, float, int]:
    """Worker steps, seconds and events of one run."""
    scenario = Scenario(named_workload("gemm:128,256"), workers, scaling="weak", batch=32)
    costs = step_costs(profile(), scenario)
    steps = max(2, WORKER_STEPS // workers - WARMUP)

    def run() -> None:
        train(
            costs,
            scenario,
            no_luck(workers),
            discipline="fair",
            loopback=False,
            warmup=WARMUP,
            steps=steps,
        )

    best_s = float("inf")
    for _ in range(3):
        started_s = time.perf_counter()
        run()
        best_s = min(best_s, time.perf_counter() - started_s)
    with _Counter() as counter:
        run()
    return workers * (WARMUP + steps), best_s, counter.events


def main() -> None:
    print(f"Python {platform.python_version()}, simpy {simpy.__version__}, {platform.machine()}")
    print(f"{'workers':>8} {'worker steps':>13} {'seconds':>8} {'steps/s':>9} {'events/s':>9}")
    for workers in (8, 64, 1000):
        steps, seconds, events = measure(workers)
        print(
            f"{workers:>8} {steps:>13} {seconds:>8.2f} {steps / seconds:>9.0f}"
            f" {events / seconds:>9.0f}"
        )
    started_s = time.perf_counter()
    predict(profile(), Scenario(named_workload("gemm:128,256"), 8, batch=64))
    print(f"predict, 8 workers: {time.perf_counter() - started_s:.2f} s")


if __name__ == "__main__":
    main()
