"""Topology: the hosts of a cluster, what connects them, and the way from one to another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Literal

from nworkers.models.base.draws import agreed, larger
from nworkers.models.base.errors import InputError
from nworkers.models.costs.step import StepCosts
from nworkers.models.records.prediction import Cause
from nworkers.models.records.profile import Discipline
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.what_if import InnerLink, Racks

#: A host's cores, the directions of its link and both of them together, the link inside it and its
#: input pipeline; one of its GPUs; the directions of a rack's uplink; what is one for all: the
#: process that schedules for all workers, the cores of a machine whose hosts are virtual.
ResourceKind = Literal[
    "cores", "out", "in", "both", "inner", "input", "gpu", "up", "down", "coordinator", "machine"
]
ResourceKey = tuple[ResourceKind, int]
_HOST_KINDS: tuple[ResourceKind, ...] = ("cores", "out", "in", "both", "inner", "input")
#: The GPUs of a host have numbers from this many times the host's own.
_GPUS = 2**16
#: What waiting for a resource counts as; that for links is in ``link_contention``. Workers wait for
#: the one process that dispatches for all.
_BLAME: Mapping[ResourceKind, Cause] = {
    "cores": "host_contention",
    "machine": "host_contention",
    "coordinator": "dispatch",
    "gpu": "device_contention",
}
#: Directions that keep this share of their rate do not disturb each other.
_UNDISTURBED = 0.97


def blame(kind: ResourceKind) -> Cause:
    """The cause that waiting for a resource of this kind counts as."""
    return _BLAME.get(kind, "link_contention")


def gpu_key(host: int, gpu: int) -> ResourceKey:
    """A GPU of a host."""
    return ("gpu", host * _GPUS + gpu)


def gpu_of(key: ResourceKey) -> int:
    """A GPU's number on its host."""
    return key[1] % _GPUS


def host_of(key: ResourceKey) -> int | None:
    """The host that a resource is of; None where it is of several."""
    kind, place = key
    if kind == "gpu":
        return place // _GPUS
    return place if kind in _HOST_KINDS else None


def on_host(key: ResourceKey, written_for: int, host: int) -> ResourceKey:
    """A resource of one host as that of another host like it; those of others stay."""
    if host_of(key) != written_for:
        return key
    return gpu_key(host, gpu_of(key)) if key[0] == "gpu" else (key[0], host)


@dataclass(frozen=True)
class Topology:
    """A star of hosts, or of racks of hosts.

    Every host has ``cores`` and a link of ``bandwidth_bytes_per_s`` in each direction; None where
    nothing but processors limits transfers. With ``both_ways_bytes_per_s`` the directions together
    carry no more than that: acknowledgements of the one wait in the queue of the other. ``slower``
    divides the link of single hosts. Inside a
    host bytes take ``inner`` if there is one, the host's own memory on ``loopback``, else nothing.
    Hosts on ``one_machine`` have their cores in common. ``gpu_discipline`` is how workers on one
    GPU have it. Transfers that share a link of one of ``ps_hosts`` get less of it together, by
    ``two_way_loss``. Of resources that ``without`` would be waited for, there is no end.
    """

    cores: float
    bandwidth_bytes_per_s: float | None
    loopback: bool = False
    racks: Racks | None = None
    inner: InnerLink | None = None
    slower: Mapping[int, float] = field(default_factory=dict)
    one_machine: bool = False
    both_ways_bytes_per_s: float | None = None
    gpu_discipline: Discipline = "fifo"
    two_way_loss: float = 0.0
    ps_hosts: frozenset[int] = frozenset()
    without: Cause | None = None

    def __post_init__(self) -> None:
        for name, value in (
            ("cores", self.cores),
            ("bandwidth_bytes_per_s", self.bandwidth_bytes_per_s),
        ):
            if value is not None and not agreed(value > 0.0):
                raise InputError(name, value, "above 0: nothing arrives otherwise")
        if self.inner is not None and self.inner.latency_s < 0.0:
            raise InputError("inner.latency_s", self.inner.latency_s, "at least 0")

    def capacity(self, key: ResourceKey) -> float:
        """Cores, bytes per second, or seconds of a server or a GPU per second."""
        kind, place = key
        if self.without is not None and blame(kind) == self.without:
            return math.inf
        if kind in ("cores", "machine"):
            return self.cores
        if kind in ("input", "coordinator", "gpu"):
            return 1.0
        if kind == "inner" and self.inner is not None:
            return self.inner.bandwidth_bytes_per_s
        if self.bandwidth_bytes_per_s is None:
            raise InputError("link", f"{kind} of {place}", "a link whose bandwidth is known")
        if kind in ("up", "down") and self.racks is not None:
            return self.bandwidth_bytes_per_s * self.racks.hosts / self.racks.oversubscription
        whole = self.bandwidth_bytes_per_s
        if kind == "both" and self.both_ways_bytes_per_s is not None:
            whole = self.both_ways_bytes_per_s
        return whole / self.slower.get(place, 1.0)

    def loss(self, key: ResourceKey) -> float:
        """K transfers that share a link get k^-loss of it together."""
        kind, place = key
        return self.two_way_loss if kind in ("in", "out") and place in self.ps_hosts else 0.0

    def processors(self, host: int) -> ResourceKey:
        """The cores that a host's tasks run on."""
        return ("machine", 0) if self.one_machine else ("cores", host)

    def route(self, source: int, target: int) -> tuple[ResourceKey, ...]:
        """What bytes take from one host to another; on loopback the memory, once."""
        if source == target and self.inner is not None:
            return (("inner", source),)
        if self.bandwidth_bytes_per_s is None:
            return ()
        if source == target:
            return (("out", source),) if self.loopback else ()
        keys: list[ResourceKey] = [("out", source)]
        if self.racks is not None:
            leaves, enters = self.rack(source), self.rack(target)
            if leaves != enters:
                keys += [("up", leaves), ("down", enters)]
        keys.append(("in", target))
        if self.both_ways_bytes_per_s is not None:
            keys += [("both", source), ("both", target)]
        return tuple(keys)

    def rack(self, host: int) -> int:
        return 0 if self.racks is None else host // self.racks.hosts

    def slowdown(self, source: int, target: int) -> float:
        """How many times slower than others' the links at either end are."""
        return max(self.slower.get(source, 1.0), self.slower.get(target, 1.0))


def topology(
    costs: StepCosts, scenario: Scenario, *, loopback: bool, without: Cause | None = None
) -> Topology:
    """The hosts of a scenario; nobody waits there for what ``without`` counts.

    What one flow was seen to reach, a link carries, even where the fit of the shared rate came out
    a little lower. The last workers are those with slow links.
    """
    change = scenario.what_if
    shared = costs.shared_bandwidth_bytes_per_s
    if shared is not None:
        shared = reduce(larger, costs.flow_bandwidth_bytes_per_s.values(), shared)
    both = costs.both_ways_bandwidth_bytes_per_s
    if shared is None or both is None or agreed(both > _UNDISTURBED * shared):
        both = None
    two_way = costs.two_way
    if two_way is not None:
        # What both directions lose is in the loss of those that share one.
        both = None
    slow = change.slow_links
    hosts = scenario.worker_hosts[-slow.count :] if slow else ()
    slower = dict.fromkeys(hosts, slow.factor if slow else 1.0)
    return Topology(
        costs.cores,
        shared,
        loopback,
        change.racks,
        change.inner_link,
        slower,
        change.one_machine,
        # No less than one direction alone: then they would take turns.
        None if both is None or shared is None else larger(shared, 2.0 * both),
        costs.gpu_discipline,
        two_way.loss_exponent if two_way else 0.0,
        frozenset(scenario.ps_hosts),
        without,
    )
