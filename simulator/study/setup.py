"""Setup: what all runs of one job have in common, made once from its profile and scenario."""

from __future__ import annotations

from dataclasses import dataclass

from nworkers.models.costs.compute import compute_time
from nworkers.models.records.profile import SPREAD, Noise, Profile
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.what_if import WhatIf
from nworkers.simulator.step.demand import Layout, layout
from nworkers.simulator.step.noise import of_compute
from nworkers.simulator.step.run_spec import Faults
from nworkers.simulator.study.fluid import representatives


@dataclass(frozen=True)
class Setup:
    """Who trains where, and how what they do varies from step to step."""

    layout: Layout
    noise: Noise


def setup(profile: Profile, scenario: Scenario) -> Setup:
    """Of a job on this profile's hardware.

    Raises:
        InputError: the workload states no cost and is unknown to the profile.
    """
    compute = compute_time(profile.drawn(None), scenario.workload, scenario.per_worker_batch)
    return Setup(
        layout(
            scenario,
            discipline=scenario.discipline or profile.link.discipline,
            loopback=profile.link.kind == "loopback",
            most=representatives(scenario),
        ),
        of_compute(profile.noise, compute.chance, stated=SPREAD in profile.stated),
    )


def faults(change: WhatIf, scenario: Scenario, seed: int, replication: int) -> Faults | None:
    """Those of a what-if, in a run of the scenario or in several; None where nothing happens."""
    if not change.faults:
        return None
    waits = scenario.strategy == "allreduce" or scenario.what_if.hybrid
    return Faults(
        seed,
        replication,
        change.stragglers,
        change.worker_failures,
        change.ps_failures,
        len(scenario.ps_hosts),
        starts_over=not waits,
    )
