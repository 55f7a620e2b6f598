"""Labels: what the resources and hosts of a scenario are called."""

from __future__ import annotations

from nworkers.models.records.scenario import Scenario
from nworkers.simulator.step.topology import ResourceKey, gpu_of, host_of


def label(key: ResourceKey, scenario: Scenario) -> str:
    """What a resource is called: by its host's tasks."""
    kind, place = key
    if kind in ("up", "down"):
        return f"rack {place}, uplink {'out' if kind == 'up' else 'in'}"
    if kind == "coordinator":
        return "coordinator"
    if kind == "machine":
        return "machine, cores"
    if kind == "gpu":
        return f"{host_name(host_of(key) or 0, scenario)}, GPU {gpu_of(key)}"
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
    each, used = scenario.workers_per_host, scenario.hosts_with_workers
    workers = range(host * each, min(scenario.workers, (host + 1) * each))
    ps = range(0)
    if scenario.strategy != "allreduce":
        shared = scenario.ps_placement == "shared"
        ps = (
            range(host, scenario.ps, used)
            if shared
            else range(max(0, host - used), host - used + 1)
        )
    if len(workers) + len(ps) != 1:
        return f"host {host}"
    return f"worker {workers[0]}" if workers else f"ps {ps[0]}"
