"""Steady: the mean step of a scenario by the profile's estimates, without chance."""

from __future__ import annotations

import numpy as np

from nworkers.models.base.statistics import Floats
from nworkers.models.costs.phase import OPERATIONS, Operation
from nworkers.models.costs.step import step_costs
from nworkers.models.records.profile import Noise, Profile
from nworkers.models.records.scenario import Scenario
from nworkers.simulator.engine.base import Engine
from nworkers.simulator.engine.events.training import train
from nworkers.simulator.step.noise import mean_factors
from nworkers.simulator.step.run_spec import run_spec
from nworkers.simulator.step.variates import Given
from nworkers.simulator.study.setup import setup

#: Steps of all workers together; each worker takes 2 to 8 of them.
_WORKER_STEPS = 64
_MIN_STEPS, _MAX_STEPS = 2, 8
#: Orders in which workers are lucky; any seed gives the same to within their few steps.
_SEED = 1


def steady_step_s(profile: Profile, scenario: Scenario, engine: Engine = train) -> float:
    """Seconds of a worker's mean step: what `predict` gives, less its uncertainty.

    The same simulation, once, by the estimates and without variation between runs. Variation within
    a run stays, since synchronous workers wait for it, but evenly instead of by chance (`_evenly`).
    Every parameter changes the result smoothly, as a fit to it needs.
    """
    synchronous = scenario.strategy != "ps-async"
    steps = min(_MAX_STEPS, max(_MIN_STEPS, _WORKER_STEPS // scenario.workers))
    of = setup(profile, scenario)
    spec = run_spec(
        step_costs(profile, scenario),
        of.layout,
        _evenly(of.noise, scenario.workers, steps),
        # A barrier ends every step alike, so that the first is as good as any.
        warmup=0 if synchronous else 2,
        steps=steps,
    )
    return engine(spec).step_time_s


def _evenly(noise: Noise, workers: int, steps: int) -> Given:
    """Factors whose largest in each step is as the largest of independent ones are, evenly.

    The largest of N uniform numbers lies below u with probability u^N, so those of S steps are put
    at ((s + ½)/S)^(1/N), and the others of a step evenly below it; who is slowest changes.
    """
    rng = np.random.default_rng(_SEED)
    table: dict[Operation, Floats] = {}
    for name in OPERATIONS:
        bins = np.asarray(noise.within.get(name, (1.0,)))
        table[name] = np.full((workers, steps), bins[0])
        if bins.size == 1:
            continue
        for step in range(steps):
            largest = ((step + 0.5) / steps) ** (1.0 / workers)
            below = largest * (np.arange(workers - 1) + 0.5) / max(1, workers - 1)
            places = rng.permutation(np.append(below, largest))
            table[name][:, step] = np.interp(places * bins.size - 0.5, np.arange(bins.size), bins)
    return Given(table, mean_factors(noise), [k / workers for k in range(workers)])
