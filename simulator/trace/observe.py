"""Observe: one run of a scenario in full, as spans, and how busy its resources are."""

from __future__ import annotations

from dataclasses import dataclass

from nworkers.models.costs.step import step_costs
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario, check_scenario
from nworkers.simulator.engine.base import Engine
from nworkers.simulator.engine.engines import DEFAULT
from nworkers.simulator.step.run_spec import run_spec
from nworkers.simulator.step.spans import Span, Use, uses
from nworkers.simulator.step.topology import ResourceKey
from nworkers.simulator.step.variates import DrawnVariates
from nworkers.simulator.study.predict import REPLICATIONS
from nworkers.simulator.study.replications import starting_phases
from nworkers.simulator.study.setup import faults, setup

#: Steps of each worker, the first of which are the way to a steady state.
STEPS = 12
_WARMUP = 4


@dataclass(frozen=True)
class Observation:
    """Spans of every worker, and the resources of the cluster over the steps after the warm-up."""

    scenario: Scenario
    spans: tuple[Span, ...]
    uses: dict[ResourceKey, Use]

    def named(self) -> dict[str, Use]:
        """Uses by the resources' names, the busiest first."""
        found = {label(key, self.scenario): use for key, use in self.uses.items()}
        return dict(sorted(found.items(), key=lambda item: -item[1].utilisation))


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
    starts = starting_phases(seed, scenario.workers, REPLICATIONS)[0]
    spec = run_spec(
        step_costs(profile, scenario),
        of.layout,
        DrawnVariates(of.noise, seed, 0, starts=starts.tolist()),
        warmup=min(_WARMUP, steps - 1),
        steps=max(1, steps - _WARMUP),
        faults=faults(scenario.what_if, scenario, seed, 0),
        record=True,
    )
    spans = engine(spec).spans
    begin_s = max(min(s.end_s for s in spans if s.step == _first_counted(steps)), 0.0)
    end_s = min(_last_ends(spans).values())
    keys = {key for span in spans for key, _ in span.work}
    capacities = {key: spec.topology.capacity(key) for key in keys}
    used = uses(spans, capacities, begin_s, end_s) if end_s > begin_s else {}
    return Observation(scenario, spans, used)


def _first_counted(steps: int) -> int:
    return min(_WARMUP, steps - 1)


def _last_ends(spans: tuple[Span, ...]) -> dict[int, float]:
    """When each worker's last span ends."""
    ends: dict[int, float] = {}
    for span in spans:
        ends[span.worker] = max(ends.get(span.worker, 0.0), span.end_s)
    return ends


def label(key: ResourceKey, scenario: Scenario) -> str:
    """What a resource is called: by its host's tasks."""
    kind, place = key
    if kind in ("up", "down"):
        return f"rack {place}, uplink {'out' if kind == 'up' else 'in'}"
    if kind == "coordinator":
        return "coordinator"
    if kind == "machine":
        return "machine, cores"
    what = {
        "cores": "cores",
        "out": "link out",
        "in": "link in",
        "both": "link, both ways",
        "inner": "inner link",
        "input": "input",
    }[kind]
    return f"{host_name(place, scenario)}, {what}"


def host_name(host: int, scenario: Scenario) -> str:
    """A host by the one task on it, or by its number."""
    workers = [k for k, h in enumerate(scenario.worker_hosts) if h == host]
    ps = [k for k, h in enumerate(scenario.ps_hosts) if h == host]
    if len(workers) + len(ps) != 1:
        return f"host {host}"
    return f"worker {workers[0]}" if workers else f"ps {ps[0]}"
