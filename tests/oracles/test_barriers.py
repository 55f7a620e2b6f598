"""Barriers, backup workers and bounds against order statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nworkers.models.base.statistics import Floats
from nworkers.models.costs.phase import Phase
from nworkers.simulator.engine.base import Run
from nworkers.simulator.step.variates import Given
from tests.support.costs import costs
from tests.support.runs import Trained

ROUNDS = 20_000


def computing(trained: Trained, times_s: Floats, *said: str, **job: Any) -> Run:
    """Workers that do nothing but compute for these times, [worker, step]."""
    workers, steps = times_s.shape
    step = costs(compute_s=1.0)
    if job.get("strategy") == "allreduce":
        # What all have to do together takes no time to speak of.
        reduce = Phase("collective_latency", "collective", 1e-12)
        step = costs(compute_s=1.0, collective=(reduce,))
    given = Given({"compute": times_s})
    return trained(step, workers, *said, variates=given, warmup=0, steps=steps - 1, **job)


def exponential(workers: int, rounds: int = ROUNDS) -> Floats:
    return np.random.default_rng(workers).exponential(1.0, (workers, rounds))


@pytest.mark.parametrize(
    "job", [{"strategy": "ps-sync"}, {"strategy": "allreduce", "runtime": "mirrored"}]
)
@pytest.mark.parametrize("workers", [2, 5, 10])
def test_a_round_is_the_largest_of_n(trained: Trained, job: dict[str, Any], workers: int) -> None:
    """Of exponential times the harmonic number H_N, of uniform ones N/(N + 1)."""
    harmonic = sum(1 / k for k in range(1, workers + 1))
    run = computing(trained, exponential(workers, 4000), **job)
    assert run.step_time_s == pytest.approx(harmonic, rel=0.03)
    even = np.random.default_rng(9).random((workers, 4000))
    assert computing(trained, even, **job).step_time_s == pytest.approx(
        workers / (workers + 1), rel=0.01
    )


@pytest.mark.parametrize("spare", [1, 2, 4])
def test_a_round_without_the_slowest(trained: Trained, spare: int) -> None:
    """Of N exponential times the (N − b)-th: 1/N + … + 1/(b + 1).

    A worker that is late goes on with its old step into the next round, and is then as far from its
    end as one that begins, for the exponential forgets. But its gradient is dropped, so that it
    counts only once it has begun anew: a round is longer than that, by the b workers that at first
    do not count. In state (d, r) d workers are due to be dropped and r gradients are missing.
    """
    workers = 6

    def round_s() -> float:
        """Mean rounds of the Markov chain itself, by its own events."""
        rng = np.random.default_rng(4)
        late, total_s, rounds = 0, 0.0, 60_000
        for _ in range(rounds):
            counting, done = workers - late, 0
            while done < workers - spare:
                total_s += rng.exponential(1.0 / (late + counting))
                if rng.random() * (late + counting) < late:
                    late, counting = late - 1, counting + 1
                else:
                    counting, done = counting - 1, done + 1
            late += counting
        return total_s / rounds

    run = computing(trained, exponential(workers), f"backup-workers={spare}", strategy="ps-sync")
    assert run.step_time_s == pytest.approx(round_s(), rel=0.02)
    least = sum(1 / k for k in range(spare + 1, workers + 1))
    assert run.step_time_s > least


def test_a_bound_of_zero_is_a_barrier(trained: Trained) -> None:
    times_s = exponential(5, 300)
    bound = computing(trained, times_s, "staleness=0")
    assert bound.steps_s == pytest.approx(computing(trained, times_s, strategy="ps-sync").steps_s)


def test_a_bound_that_nobody_reaches_changes_nothing(trained: Trained) -> None:
    times_s = exponential(5, 300)
    assert np.array_equal(
        computing(trained, times_s, "staleness=300").steps_s, computing(trained, times_s).steps_s
    )


def test_a_looser_bound_is_never_slower(trained: Trained) -> None:
    times_s = exponential(8, 1000)
    bounds = [
        computing(trained, times_s, f"staleness={s}").step_time_s for s in (0, 1, 2, 4, 8, 16)
    ]
    assert bounds == sorted(bounds, reverse=True)
