"""Steady: the mean step of a scenario by the profile's estimates, without chance."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from nworkers.models.base.statistics import Floats
from nworkers.models.costs.phase import Operation
from nworkers.models.costs.step import StepCosts, step_costs
from nworkers.models.records.profile import Noise, Profile
from nworkers.models.records.scenario import Scenario
from nworkers.simulator.engine.base import Engine
from nworkers.simulator.engine.engines import DEFAULT
from nworkers.simulator.step.noise import VARYING, mean_factors
from nworkers.simulator.step.run_spec import run_spec
from nworkers.simulator.step.variates import Given, Purpose, key, uniforms
from nworkers.simulator.study.setup import setup

#: Steps of all workers together; each worker takes 2 to 8 of them.
_WORKER_STEPS = 64
_MIN_STEPS, _MAX_STEPS = 2, 8


def steady_step_s(
    profile: Profile,
    scenario: Scenario,
    engine: Engine = DEFAULT,
    *,
    costs: StepCosts | None = None,
) -> float:
    """Seconds of a worker's mean step: what `predict` gives, less its uncertainty.

    The same simulation, once, by the estimates and without variation between runs. Variation within
    a run stays, since synchronous workers wait for it, but evenly instead of by chance (`_evenly`).
    Every parameter changes the result smoothly, as a fit to it needs.

    Args:
        costs: of the step by the estimates, where they are known already.
    """
    synchronous = scenario.strategy != "ps-async"
    steps = min(_MAX_STEPS, max(_MIN_STEPS, _WORKER_STEPS // scenario.workers))
    of = setup(profile, scenario)
    spec = run_spec(
        step_costs(profile, scenario) if costs is None else costs,
        of.layout,
        _evenly(of.noise, scenario.workers, steps),
        # A barrier ends every step alike, so that the first is as good as any.
        warmup=0 if synchronous else 2,
        steps=steps,
    )
    return engine(spec).step_time_s


def _evenly(noise: Noise, workers: int, steps: int) -> Given:
    """Factors whose largest in each step is as the largest of independent ones are, evenly."""
    table: dict[Operation, Floats] = {}
    for name, varying in VARYING.items():
        bins = np.asarray(noise.within.get(name, (1.0,)))
        if varying.number is not None:
            put = _places(varying.number, workers, steps)
            table[name] = np.interp(put * bins.size - 0.5, np.arange(bins.size), bins)
    return Given(table, mean_factors(noise), [k / workers for k in range(workers)])


@lru_cache(64)
def _places(number: int, workers: int, steps: int) -> Floats:
    """Where among an operation's factors, from 0 to 1, that of each is; [worker, step].

    The largest of N uniform numbers lies below u with probability u^N, so those of S steps are put
    at ((s + ½)/S)^(1/N), and the others of a step evenly below it; who is slowest changes.
    """
    step = np.arange(steps)
    largest = ((step + 0.5) / steps) ** (1.0 / workers)
    below = (np.arange(workers - 1) + 0.5) / max(1, workers - 1)
    places = np.append(below, 1.0)[:, np.newaxis] * largest
    begin = key(Purpose.ORDER, number)
    order = uniforms(begin, np.arange(workers)[:, np.newaxis], step).argsort(axis=0)
    return np.take_along_axis(places, order, axis=0)
