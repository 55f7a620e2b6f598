"""Open queues: mean sojourn times of the resources themselves against theory.

Jobs come in a Poisson stream. Runs of 60,000 jobs have standard errors of about 1 %; bounds are
three times that.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import simpy

from nworkers.models.base.statistics import Floats
from nworkers.simulator.engine.events.fair_share import FairShare
from nworkers.simulator.engine.events.resources import FifoQueue, Resource, after

JOBS = 60_000
WITHIN = 0.03
Make = Callable[[simpy.Environment], Resource]


def sojourns(make: Make, gaps_s: Floats, work: Floats, rate: float) -> Floats:
    """How long each job is at the resource."""
    env = simpy.Environment()
    resource = make(env)
    arrived_s, left_s = np.cumsum(gaps_s), np.full(len(work), np.nan)

    def arrive(k: int) -> None:
        def end() -> None:
            left_s[k] = env.now

        resource.submit(float(work[k]), rate, end)
        if k + 1 < len(work):
            after(env, float(gaps_s[k + 1]), lambda _: arrive(k + 1))

    after(env, float(gaps_s[0]), lambda _: arrive(0))
    env.run()
    return np.asarray(left_s - arrived_s)


def poisson(load: float, seed: int = 1) -> Floats:
    """Gaps between jobs of mean work 1 that ask for this share of a resource of capacity 1."""
    return np.random.default_rng(seed).exponential(1.0 / load, JOBS)


def exponential() -> Floats:
    return np.random.default_rng(2).exponential(1.0, JOBS)


def deterministic() -> Floats:
    return np.ones(JOBS)


def hyperexponential() -> Floats:
    """Mean 1, squared coefficient of variation 4: one in ten takes 5.5, the others 0.5."""
    rng = np.random.default_rng(3)
    means = np.where(rng.random(JOBS) < 0.1, 5.5, 0.5)
    return np.asarray(rng.exponential(1.0, JOBS) * means)


@pytest.mark.parametrize("load", [0.3, 0.6])
@pytest.mark.parametrize(
    ("work", "variation"), [(exponential(), 1.0), (deterministic(), 0.0)], ids=["M/M/1", "M/D/1"]
)
def test_in_turn(load: float, work: Floats, variation: float) -> None:
    """Pollaczek and Khinchine: W = S + ρ·S·(1 + c²)/(2(1 − ρ)); with c² = 1, S/(1 − ρ)."""
    gaps = poisson(load)
    rho = work.mean() / gaps.mean()
    expected = work.mean() * (1 + rho * (1 + variation) / (2 * (1 - rho)))
    assert sojourns(lambda env: FifoQueue(env, 1.0), gaps, work, 1.0).mean() == pytest.approx(
        expected, rel=WITHIN
    )


@pytest.mark.parametrize("work", [exponential, deterministic, hyperexponential])
def test_processor_sharing_is_insensitive(work: Callable[[], Floats]) -> None:
    """M/G/1-PS: S/(1 − ρ), whatever the distribution (Kleinrock, *JACM* 14, 1967)."""
    gaps, jobs = poisson(0.5), work()
    rho = jobs.mean() / gaps.mean()
    found = sojourns(lambda env: FairShare(env, 1.0), gaps, jobs, 1.0).mean()
    assert found == pytest.approx(jobs.mean() / (1 - rho), rel=WITHIN)


def test_a_job_is_delayed_in_proportion_to_its_size() -> None:
    """Under processor sharing a job of size x takes x/(1 − ρ)."""
    gaps, jobs = poisson(0.5), hyperexponential()
    rho = jobs.mean() / gaps.mean()
    taken = sojourns(lambda env: FairShare(env, 1.0), gaps, jobs, 1.0)
    for low, high in ((0.0, 0.5), (1.0, 3.0), (5.0, 50.0)):
        chosen = (jobs >= low) & (jobs < high)
        # The largest are few, and as many standard errors wider.
        assert taken[chosen].mean() / jobs[chosen].mean() == pytest.approx(1 / (1 - rho), rel=0.06)


@pytest.mark.parametrize("cores", [2, 4])
def test_processor_sharing_on_several_cores(cores: int) -> None:
    """A job uses one core at most: M/M/c's number of jobs, by Erlang's C and Little's law.

    With exponential demands the number of jobs is the same birth-death chain, fair or in turn.
    """
    load = 0.7 * cores
    gaps, jobs = poisson(load, seed=5), exponential()
    a = jobs.mean() / gaps.mean()
    terms = [1.0]
    for k in range(1, cores):
        terms.append(terms[-1] * a / k)
    last = terms[-1] * a / cores / (1 - a / cores)
    waiting = last / (sum(terms) + last) * (a / cores) / (1 - a / cores)
    expected_s = (a + waiting) * gaps.mean()
    found = sojourns(lambda env: FairShare(env, float(cores)), gaps, jobs, 1.0).mean()
    assert found == pytest.approx(expected_s, rel=WITHIN)
