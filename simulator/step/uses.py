"""Uses: for how long the resources of a run work, and phases are at them, in a mean step's time.

By the service demand law and Little's law (Denning and Buzen, *ACM Computing Surveys* 10, 1978) the
first over the step time is a resource's utilisation, and the second its mean number of phases.
"""

from __future__ import annotations

import operator
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from nworkers.models.base.draws import agreed, larger
from nworkers.models.base.statistics import Floats
from nworkers.models.costs.phase import Operation
from nworkers.simulator.step.plan import StepPlan
from nworkers.simulator.step.run_spec import RunSpec
from nworkers.simulator.step.topology import ResourceKey, ResourceKind, host_of, on_host

_SERVERS: tuple[ResourceKind, ...] = ("cores", "machine", "coordinator", "gpu")


def service_demands_s(
    spec: RunSpec, steps: Floats, factors: Mapping[Operation, float]
) -> dict[ResourceKey, float]:
    """Seconds for which each resource works, for all workers together (`on_every_host`).

    Args:
        steps: how many steps each worker ends in a mean step's time, in each run if of several.
        factors: what multiplies operations in the mean; nothing does where one is not named.
    """

    def terms(plan: StepPlan) -> Iterator[tuple[ResourceKey, float]]:
        if agreed(spec.input_s > 0.0):
            yield ("input", plan.host), spec.input_s
        for activity in plan.activities:
            for part in activity.parts:
                factor = factors.get(part.operation, 1.0)
                for key, amount in part.work:
                    work = amount * factor if key[0] in _SERVERS else amount
                    yield key, work / spec.topology.capacity(key)

    return _of_all(spec, steps, [_sums(terms(plan)) for plan in spec.plans])


def residences_s(
    spec: RunSpec, steps: Floats, lasted_s: Sequence[Floats]
) -> dict[ResourceKey, float]:
    """Seconds that phases spend at each resource, all workers together (`on_every_host`).

    Args:
        steps: how many steps each worker ends in a mean step's time.
        lasted_s: seconds of every plan's activities in a step.
    """

    def terms(plan: StepPlan, seconds: Floats) -> Iterator[tuple[ResourceKey, float]]:
        for activity, whole_s in zip(plan.activities, np.moveaxis(seconds, -1, 0), strict=True):
            # Several parts follow each other and wait for nobody; each takes some time.
            alone_s = sum(part.wall_s for part in activity.parts)
            for part in activity.parts:
                for key, _ in part.work:
                    yield key, whole_s * part.wall_s / alone_s

    of_plans = [_sums(terms(plan, of)) for plan, of in zip(spec.plans, lasted_s, strict=True)]
    return _of_all(spec, steps, of_plans)


def busiest_s(spec: RunSpec, demands_s: Mapping[ResourceKey, float]) -> float:
    """Seconds of the busiest of the resources that workers compete for: no mean step is shorter.

    Args:
        demands_s: as `service_demands_s` gives them.
    """
    shared = (demands_s.get(key, 0.0) for resource in spec.resources for key in resource.keys)
    return reduce(larger, shared, 0.0)


def alone_s(spec: RunSpec, factors: Mapping[Operation, float]) -> float:
    """Seconds of a mean step of workers of which each is alone: chance apart, none is shorter.

    Nothing where rounds are counted, which need not wait for steps that take long by chance.

    Args:
        factors: what multiplies operations in the mean; nothing does where one is not named.
    """
    if spec.by_round:
        return 0.0
    workers = [len(hosts) for hosts in spec.hosts_of_plans]
    rates = [plan.alone_s(factors) ** -1.0 for plan in spec.plans]
    step_s: float = spec.workers / sum(map(operator.mul, rates, workers))
    return step_s


def _sums(terms: Iterator[tuple[ResourceKey, float]]) -> dict[ResourceKey, float]:
    found: dict[ResourceKey, float] = defaultdict(float)
    for key, amount in terms:
        found[key] = found[key] + amount
    return found


def on_every_host(spec: RunSpec, seconds: Mapping[ResourceKey, float]) -> dict[ResourceKey, float]:
    """What is told of the first of hosts that are alike, told of each of them."""
    alike = {
        plan.host: hosts
        for plan, hosts in zip(spec.plans, spec.hosts_of_plans, strict=True)
        if _are_alike(hosts)
    }
    found: dict[ResourceKey, float] = {}
    for key, of in seconds.items():
        first = host_of(key)
        hosts = () if first is None else alike.get(first, ())
        found[key] = of
        found |= {on_host(key, first, host): of for host in hosts if first is not None}
    return found


def _are_alike(hosts: Sequence[int]) -> bool:
    """Whether workers of one plan are each alone on a host, of which one tells of all."""
    return len(hosts) > 1 and len(set(hosts)) == len(hosts)


def _of_all(
    spec: RunSpec, steps: Floats, of_plans: Sequence[Mapping[ResourceKey, float]]
) -> dict[ResourceKey, float]:
    """What the steps of all workers amount to, each on its own host; of hosts alike on the first.

    Workers of one plan end equally many steps.
    """
    found: dict[ResourceKey, Any] = defaultdict(float)
    for number, (plan, sums_s, hosts) in enumerate(
        zip(spec.plans, of_plans, spec.hosts_of_plans, strict=True)
    ):
        ended = steps[..., spec.plan_of.index(number)]
        together = len(hosts) * spec.stands_for * ended
        own = {plan.host: 1} if _are_alike(hosts) else Counter(hosts)
        for key, seconds in sums_s.items():
            if host_of(key) != plan.host:
                found[key] = found[key] + seconds * together
                continue
            for host, workers in own.items():
                at = on_host(key, plan.host, host)
                found[at] = found[at] + workers * seconds * ended
    return dict(found)
