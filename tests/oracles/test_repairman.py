"""Asynchronous training with exponential demands is the machine repairman, exactly."""

from __future__ import annotations

import numpy as np
import pytest

from nworkers.simulator.step.variates import Given
from tests.support.costs import costs
from tests.support.queueing import machine_repairman, mean_value_analysis
from tests.support.runs import Trained

TRANSFER_S = 1e-3
#: Worker steps of a run; the standard error of throughput is then 0.2 to 0.3 %.
WORKER_STEPS = 120_000


def exponential(workers: int, steps: int) -> Given:
    """Compute and fetch vary exponentially, each with its exact mean."""
    rng = np.random.default_rng(workers)
    compute, fetch = (rng.exponential(1.0, (workers, steps)) for _ in range(2))
    return Given(
        {"compute": compute / compute.mean(), "fetch": fetch / fetch.mean()},
        starts=[k / workers for k in range(workers)],
    )


@pytest.mark.parametrize("workers", [1, 2, 5, 10, 20, 50, 100, 200])
def test_one_ps_of_one_core(trained: Trained, workers: int) -> None:
    """Processor sharing of exponential demands at the ps: mean value analysis, within 1 %."""
    # Half of the workers would saturate it.
    think_s = 0.5 * workers * TRANSFER_S
    steps = max(100, WORKER_STEPS // workers)
    run = trained(
        costs(
            compute_s=think_s,
            transfer_s=TRANSFER_S,
            push_transfer_s=0.0,
            cores=1.0,
            fetch_transfer_ps_s=TRANSFER_S,
        ),
        workers,
        variates=exponential(workers, steps + 50),
        warmup=50,
        steps=steps,
    )
    exact = mean_value_analysis(workers, think_s, TRANSFER_S)
    assert workers / run.step_time_s == pytest.approx(exact, rel=0.01)


def test_a_ps_of_four_cores(trained: Trained) -> None:
    workers, cores, think_s = 20, 4, 4e-3
    run = trained(
        costs(
            compute_s=think_s,
            transfer_s=TRANSFER_S,
            push_transfer_s=0.0,
            cores=float(cores),
            fetch_transfer_ps_s=TRANSFER_S,
        ),
        workers,
        variates=exponential(workers, 4050),
        warmup=50,
        steps=4000,
    )
    exact = machine_repairman(workers, think_s, TRANSFER_S, cores)
    assert workers / run.step_time_s == pytest.approx(exact, rel=0.01)
