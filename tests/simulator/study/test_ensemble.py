"""An ensemble: its replications are prepared at once, and each is what it would be alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from nworkers.models.costs.step import step_costs
from nworkers.models.records.profile import Identified
from nworkers.simulator.engine.base import Engine, Run, mean_step_s
from nworkers.simulator.step.run_spec import RunSpec, run_spec
from nworkers.simulator.step.variates import DrawnVariates
from nworkers.simulator.study.ensemble import run_length, simulate
from nworkers.simulator.study.replications import replications, starting_phases
from nworkers.simulator.study.setup import setup
from tests.support.factories import profile
from tests.support.runs import job

COUNT = 12


def test_draws_that_need_another_structure_are_run_apart(engine: Engine) -> None:
    """In every third draw the directions of a link have less together, which is a queue more."""
    made = profile()
    shared = made.link.shared_bandwidth_bytes_per_s
    assert isinstance(shared, Identified)
    both = [0.5 * value if k % 3 == 0 else 2.0 * value for k, value in enumerate(shared.draws)]
    made = profile(link__both_ways_bandwidth_bytes_per_s=replace(shared, draws=tuple(both)))
    asked = job(3, batch=64, strategy="ps-sync")
    runs: list[int | None] = []

    def counted(spec: RunSpec) -> Run:
        runs.append(spec.runs)
        return engine(spec)

    found = simulate(made, asked, 1, COUNT, engine=counted)
    assert sorted(map(int, filter(None, runs))) == [COUNT // 3, 2 * COUNT // 3]
    of = setup(made, asked)
    drawn = replications(of.noise, 1, COUNT)
    starts = starting_phases(1, 3, COUNT)
    warmup, steps = run_length(asked)
    for k in range(COUNT):
        costs = step_costs(made, asked, k)
        slowdown = {name: float(each[k]) for name, each in drawn.between.items()}
        for name, spread in costs.log_spread.items():
            slowdown[name] *= math.exp(spread * drawn.deviates[name][k])
        chance = DrawnVariates(of.noise, 1, k, slowdown, starts[k].tolist())
        spec = run_spec(costs, of.layout, chance, warmup=warmup, steps=steps)
        run = engine(spec)
        steps_s = np.hstack([run.warmup_s, run.steps_s])[:, found.warmup :]
        alone_s = mean_step_s(steps_s, run.kinds)
        assert found.short_step_s[k] == pytest.approx(alone_s, rel=1e-12)
