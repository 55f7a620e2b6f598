"""Steady: the mean step of a scenario by the profile's estimates, without chance."""

from __future__ import annotations

import numpy as np

from nworkers.models.costs.step import step_costs
from nworkers.models.records.profile import Noise, Profile
from nworkers.models.records.scenario import Scenario
from nworkers.simulator.engine.events.training import train
from nworkers.simulator.step.chance import OPERATIONS, Luck, mean_factor, of_compute

#: Steps of all workers together; each worker takes 2 to 8 of them.
_WORKER_STEPS = 64
_MIN_STEPS, _MAX_STEPS = 2, 8
#: Orders in which workers are lucky; any seed gives the same to within their few steps.
_SEED = 1


def steady_step_s(profile: Profile, scenario: Scenario) -> float:
    """Seconds of a worker's mean step: what `predict` gives, less its uncertainty.

    The same simulation, once, by the estimates and without variation between runs. Variation within
    a run stays, since synchronous workers wait for it, but evenly instead of by chance (`_evenly`).
    Every parameter changes the result smoothly, as a fit to it needs.
    """
    synchronous = scenario.strategy != "ps-async"
    steps = min(_MAX_STEPS, max(_MIN_STEPS, _WORKER_STEPS // scenario.workers))
    costs = step_costs(profile, scenario)
    training = train(
        costs,
        scenario,
        _evenly(of_compute(profile.noise, costs.compute_chance), scenario.workers, steps),
        discipline=scenario.discipline or profile.link.discipline,
        loopback=profile.link.kind == "loopback",
        # A barrier ends every step alike, so that the first is as good as any.
        warmup=0 if synchronous else 2,
        steps=steps,
    )
    return training.step_time_s


def _evenly(noise: Noise, workers: int, steps: int) -> Luck:
    """Factors whose largest in each step is as the largest of independent ones are, evenly.

    The largest of N uniform numbers lies below u with probability u^N, so those of S steps are put
    at ((s + ½)/S)^(1/N), and the others of a step evenly below it; who is slowest changes.
    """
    rng = np.random.default_rng(_SEED)
    factors = np.ones((workers, steps, len(OPERATIONS)))
    for k, name in enumerate(OPERATIONS):
        bins = np.asarray(noise.within.get(name, (1.0,)))
        if bins.size == 1:
            factors[:, :, k] = bins[0]
            continue
        for step in range(steps):
            largest = ((step + 0.5) / steps) ** (1.0 / workers)
            below = largest * (np.arange(workers - 1) + 0.5) / max(1, workers - 1)
            places = rng.permutation(np.append(below, largest))
            factors[:, step, k] = np.interp(places * bins.size - 0.5, np.arange(bins.size), bins)
    means = {name: mean_factor(noise, name) for name in OPERATIONS}
    return Luck(factors.tolist(), means, [k / workers for k in range(workers)])
