"""Uses: for how long the resources of a run work, and phases are at them, in a mean step's time.

By the service demand law and Little's law (Denning and Buzen, *ACM Computing Surveys* 10, 1978) the
first over the step time is a resource's utilisation, and the second its mean number of phases.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from nworkers.models.base.statistics import Floats
from nworkers.models.costs.phase import Operation
from nworkers.simulator.step.plan import StepPlan
from nworkers.simulator.step.run_spec import RunSpec
from nworkers.simulator.step.topology import ResourceKey, ResourceKind, host_of, on_host

_SERVERS: tuple[ResourceKind, ...] = ("cores", "machine", "coordinator", "gpu")


def service_demands_s(
    spec: RunSpec, steps: Floats, factors: Mapping[Operation, float]
) -> dict[ResourceKey, float]:
    """Seconds for which each resource works, for all workers together.

    Args:
        steps: how many steps each worker ends in a mean step's time.
        factors: what multiplies operations in the mean; nothing does where one is not named.
    """

    def terms(plan: StepPlan) -> Iterator[tuple[ResourceKey, float]]:
        for activity in plan.activities:
            for part in activity.parts:
                factor = factors.get(part.operation, 1.0)
                for key, amount in part.work:
                    work = amount * factor if key[0] in _SERVERS else amount
                    yield key, work / spec.topology.capacity(key)

    found = _of_all(spec, steps, [_sums(terms(plan)) for plan in spec.plans])
    if spec.input_s > 0.0:
        for host, ended in zip(spec.hosts, steps.tolist(), strict=True):
            pipeline: ResourceKey = ("input", host)
            found[pipeline] = found.get(pipeline, 0.0) + spec.input_s * ended
    return found


def residences_s(
    spec: RunSpec, steps: Floats, lasted_s: Sequence[Floats]
) -> dict[ResourceKey, float]:
    """Seconds that phases spend at each resource, those of all workers together.

    Args:
        steps: how many steps each worker ends in a mean step's time.
        lasted_s: seconds of every plan's activities in a step.
    """

    def terms(plan: StepPlan, seconds: Floats) -> Iterator[tuple[ResourceKey, float]]:
        for activity, whole_s in zip(plan.activities, seconds.tolist(), strict=True):
            # Several parts follow each other and wait for nobody.
            alone_s = sum(part.wall_s for part in activity.parts)
            for part in activity.parts:
                for key, _ in part.work:
                    yield key, whole_s * part.wall_s / alone_s if alone_s else 0.0

    of_plans = [_sums(terms(plan, of)) for plan, of in zip(spec.plans, lasted_s, strict=True)]
    return _of_all(spec, steps, of_plans)


def busiest_s(spec: RunSpec, demands_s: Mapping[ResourceKey, float]) -> float:
    """Seconds of the busiest of the resources that workers compete for: no mean step is shorter.

    Args:
        demands_s: as `service_demands_s` gives them.
    """
    shared = (demands_s.get(key, 0.0) for resource in spec.resources for key in resource.keys)
    return max(shared, default=0.0)


def alone_s(spec: RunSpec, factors: Mapping[Operation, float]) -> float:
    """Seconds of a mean step of workers of which each is alone: chance apart, none is shorter.

    Nothing where rounds are counted, which need not wait for steps that take long by chance.

    Args:
        factors: what multiplies operations in the mean; nothing does where one is not named.
    """
    if spec.by_round:
        return 0.0
    workers = [len(hosts) for hosts in spec.hosts_of_plans]
    of_plans = np.array([plan.alone_s(factors) for plan in spec.plans])
    return float(1.0 / np.average(1.0 / of_plans, weights=workers))


def _sums(terms: Iterator[tuple[ResourceKey, float]]) -> dict[ResourceKey, float]:
    found: dict[ResourceKey, float] = defaultdict(float)
    for key, amount in terms:
        found[key] += amount
    return found


def _of_all(
    spec: RunSpec, steps: Floats, of_plans: Sequence[Mapping[ResourceKey, float]]
) -> dict[ResourceKey, float]:
    """What the steps of all workers amount to, each on its own host."""
    found: dict[ResourceKey, float] = defaultdict(float)
    ended: list[list[float]] = [[] for _ in spec.plans]
    for number, count in zip(spec.plan_of, steps.tolist(), strict=True):
        ended[number].append(count)
    for plan, sums_s, counts, hosts in zip(
        spec.plans, of_plans, ended, spec.hosts_of_plans, strict=True
    ):
        together = sum(counts) * spec.stands_for
        alone = len(hosts) == len(set(hosts))
        for key, seconds in sums_s.items():
            if host_of(key) != plan.host:
                found[key] += seconds * together
                continue
            keys = _on_hosts(key, plan.host, hosts)
            if alone and keys[0] not in found:
                found.update(zip(keys, (seconds * np.array(counts)).tolist(), strict=True))
                continue
            for own, count in zip(keys, counts, strict=True):
                found[own] += seconds * count
    return dict(found)


def _on_hosts(key: ResourceKey, written_for: int, hosts: Sequence[int]) -> list[ResourceKey]:
    kind = key[0]
    if kind == "gpu":
        return [on_host(key, written_for, host) for host in hosts]
    return [(kind, host) for host in hosts]
