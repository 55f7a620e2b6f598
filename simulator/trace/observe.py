"""Observe: one run of a scenario in full, as spans."""

from __future__ import annotations

from dataclasses import dataclass

from nworkers.models.costs.step import step_costs
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario, check_scenario
from nworkers.simulator.engine.base import Engine
from nworkers.simulator.engine.engines import DEFAULT
from nworkers.simulator.step.run_spec import run_spec
from nworkers.simulator.step.spans import Span
from nworkers.simulator.step.variates import DrawnVariates
from nworkers.simulator.study.ensemble import RUNS_AT_ONCE
from nworkers.simulator.study.replications import starting_phases
from nworkers.simulator.study.setup import faults, setup

#: Steps of each worker, the first of which are the way to a steady state.
STEPS = 12
_WARMUP = 4


@dataclass(frozen=True)
class Observation:
    """Spans of every worker."""

    scenario: Scenario
    spans: tuple[Span, ...]


def observe(
    profile: Profile,
    scenario: Scenario,
    seed: int = 1,
    steps: int = STEPS,
    engine: Engine = DEFAULT,
) -> Observation:
    """Train once, by the profile's estimates, with the chance of the first replication.

    Raises:
        InputError: the scenario cannot be trained, or its spans do not fit into memory.
    """
    check_scenario(scenario)
    of = setup(profile, scenario)
    starts = starting_phases(seed, scenario.workers, range(RUNS_AT_ONCE))[0]
    spec = run_spec(
        step_costs(profile, scenario),
        of.layout,
        DrawnVariates(of.noise, seed, 0, starts=starts.tolist()),
        warmup=min(_WARMUP, steps - 1),
        steps=max(1, steps - _WARMUP),
        faults=faults(scenario.what_if, scenario, seed, 0),
        record=True,
    )
    return Observation(scenario, engine(spec).spans)
