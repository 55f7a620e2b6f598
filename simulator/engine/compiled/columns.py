"""Columns: a specification as the columns of numbers that the kernel reads.

Times, rates, capacities and keys have a row for each run; all else is alike in all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from nworkers.models.base.statistics import Floats
from nworkers.simulator.engine.seen import EVERY
from nworkers.simulator.step.graph import GateKey
from nworkers.simulator.step.plan import Activity, ResourceDemand, is_own, on_host_of
from nworkers.simulator.step.run_spec import Faults, RunSpec
from nworkers.simulator.step.topology import ResourceKey
from nworkers.simulator.step.variates import DEVIATES, PROBABILITIES, Factor, Purpose, key

Column = npt.NDArray[Any]
Columns = dict[str, Column]

#: Places of an activity in its plan, and demands of one activity, that the kernel has numbers for.
_MOST_ACTIVITIES, _MOST_DEMANDS = 2**15, 2**8
#: Links of a flow.
_MOST_HOPS = 8
_HOUR_S = 3600.0
_CAUSE = {cause: number for number, cause in enumerate(EVERY)}
_QUEUE, _SHARE, _ROUTE = range(3)
_CONSTANT, _DRAWN, _STATED = range(3)


def fits(spec: RunSpec) -> bool:
    """Whether the kernel has numbers for all that the run has."""
    return all(
        len(plan.activities) < _MOST_ACTIVITIES
        and all(len(activity.demands) < _MOST_DEMANDS for activity in plan.activities)
        and all(len(d.keys) <= _MOST_HOPS for a in plan.activities for d in a.demands)
        for plan in spec.plans
    )


def columns_of(spec: RunSpec) -> Columns:
    """What `kernel.run` reads, and what it writes: `ends_s`, `rounds_s`, `spent_s` and so on."""
    routes = {keys: number for number, keys in enumerate(spec.asked)}
    found = _plans(spec)
    found |= _resources(spec, routes)
    found |= _demanded(spec, routes)
    found |= _chance(spec)
    hosts = _hosts(spec)
    found |= _gates(spec, hosts)
    found |= _workers(spec, hosts)
    return found | _results(spec)


def _int32(values: Iterable[int]) -> Column:
    return np.array(list(values), dtype=np.int32)


def _float64(values: Iterable[float]) -> Floats:
    return np.array(list(values), dtype=np.float64)


def _each(spec: RunSpec, values: Iterable[float]) -> Floats:
    """[run, value]"""
    told = list(values)
    if not any(isinstance(value, np.ndarray) for value in told):
        return np.array([told] * (spec.runs or 1), dtype=np.float64)
    made = np.empty((spec.runs or 1, len(told)))
    for place, value in enumerate(told):
        made[:, place] = value
    return made


def _firsts(sizes: Iterable[int]) -> Column:
    """Where the lists of several owners begin, and where the last one ends."""
    return _int32([0, *accumulate(sizes)])


def _activities(spec: RunSpec) -> list[Activity]:
    return [activity for plan in spec.plans for activity in plan.activities]


def _demands(spec: RunSpec) -> list[ResourceDemand]:
    return [demand for activity in _activities(spec) for demand in activity.demands]


def _gate_keys(spec: RunSpec) -> dict[GateKey, int]:
    return {gate: number for number, gate in enumerate({gate: None for gate, _ in spec.gates})}


def _plans(spec: RunSpec) -> Columns:
    activities, demands, gates = _activities(spec), _demands(spec), _gate_keys(spec)
    parts = [part for activity in activities for part in activity.parts]
    factor = {operation: k for k, operation in enumerate(spec.operations)}
    score = {transfer: len(factor) + k for k, transfer in enumerate(spec.transfers)}
    weights = [demand.weight for demand in demands]
    return {
        "plan_first": _firsts(len(plan.activities) for plan in spec.plans),
        "gate": _int32(-1 if a.gate is None else gates[a.gate] for a in activities),
        "input": _int32(a.input for a in activities),
        "needs": _int32(a.needs for a in activities),
        "then_first": _firsts(len(a.then) for a in activities),
        "then": _int32(place for a in activities for place in a.then),
        "ps_first": _firsts(len(a.ps) for a in activities),
        "ps": _int32(ps for a in activities for ps in a.ps),
        "part_first": _firsts(len(a.parts) for a in activities),
        "part_operation": _int32(factor[part.operation] for part in parts),
        "part_cause": _int32(_CAUSE[part.cause] for part in parts),
        "part_wall_s": _each(spec, (part.wall_s for part in parts)),
        "demand_first": _firsts(len(a.demands) for a in activities),
        "demand_score": _int32(0 if w is None else score[w.transfer] for w in weights),
        "demand_cause": _int32(_CAUSE[d.blame] for d in demands),
        "demand_rate": _each(spec, (d.rate for d in demands)),
        "demand_size_bytes": _float64(d.size_bytes for d in demands),
        "demand_deviation": _float64(0.0 if w is None else w.log_deviation for w in weights),
    }


def _demanded(spec: RunSpec, routes: dict[tuple[ResourceKey, ...], int]) -> Columns:
    """The resource of every demand: of all workers of a plan, or one of each of their hosts."""
    first: list[int] = []
    own: list[bool] = []
    numbers: list[int] = []
    for plan, of_workers in zip(spec.plans, spec.hosts_of_plans, strict=True):
        hosts = dict.fromkeys(of_workers)
        places: dict[tuple[ResourceKey, ...], int] = {}
        for demand in (demand for activity in plan.activities for demand in activity.demands):
            own.append(is_own(demand.keys, plan))
            if demand.keys not in places:
                places[demand.keys] = len(numbers)
                where = hosts if own[-1] else (plan.host,)
                numbers += [routes[on_host_of(demand.keys, plan, host)] for host in where]
            first.append(places[demand.keys])
    return {
        "demand_resource": _int32(first),
        "demand_own": _int32(own),
        "resource_of": _int32(numbers),
        "place": _places(spec) if any(own) else np.zeros(spec.workers, dtype=np.int32),
    }


def _places(spec: RunSpec) -> Column:
    """Of each worker's host the place among those of its plan."""
    places = [
        {host: k for k, host in enumerate(dict.fromkeys(hosts))} for hosts in spec.hosts_of_plans
    ]
    return _int32(places[plan][host] for plan, host in zip(spec.plan_of, spec.hosts, strict=True))


def _resources(spec: RunSpec, routes: dict[tuple[ResourceKey, ...], int]) -> Columns:
    """Of every route what it is: a queue, a link or cores alone, or links of a network."""
    home = {key: number for number, of in enumerate(spec.resources) for key in of.keys}
    networks: dict[int, int] = {}
    sharing, network, capacities, losses = [], [], [], []
    hops: list[list[int]] = []
    for keys in routes:
        of = spec.resources[home[keys[0]]]
        several = of.sharing == "max_min" and len(of.keys) > 1
        sharing.append(_QUEUE if of.sharing == "queue" else _ROUTE if several else _SHARE)
        number = networks.setdefault(home[keys[0]], len(networks)) if several else -1
        network.append(number)
        capacities.append(of.capacities[0])
        losses.append(of.losses[0])
        hops.append([])
    links = {
        key: place for number in networks for place, key in enumerate(spec.resources[number].keys)
    }
    for keys, kind, of_route in zip(routes, sharing, hops, strict=True):
        if kind == _ROUTE:
            of_route += [links[key] for key in keys]
    connected = [spec.resources[number] for number in networks]
    return {
        "sharing": _int32(sharing),
        "network": _int32(network),
        "capacity": _each(spec, capacities),
        "loss": _float64(losses),
        "hop_first": _firsts(map(len, hops)),
        "hops": _int32(link for of_route in hops for link in of_route),
        "link_first": _firsts(len(of.keys) for of in connected),
        "link_capacity": _each(spec, (value for of in connected for value in of.capacities)),
        "link_loss": _float64(value for of in connected for value in of.losses),
    }


def _gates(spec: RunSpec, hosts: dict[int, int]) -> Columns:
    """Gates of all workers, and rows of those that each host has for itself."""
    keys = _gate_keys(spec)
    shared = [-1] * len(keys)
    rows: dict[int, list[int]] = {}
    for number, (gate, host) in enumerate(spec.gates):
        if host is None:
            shared[keys[gate]] = number
        else:
            rows.setdefault(keys[gate], [0] * len(hosts))[hosts[host]] = number
    row = {place: number for number, place in enumerate(rows)}
    of = spec.gates.values()
    return {
        "shared_gate": _int32(shared),
        "host_row": _int32(row.get(place, 0) for place in range(len(keys))),
        "host_gates": _int32(gate for of_row in rows.values() for gate in of_row),
        "gate_parties": _int32(gate.parties for gate in of),
        "gate_spare": _int32(gate.spare for gate in of),
        "gate_staleness": _int32(-1 if g.staleness is None else g.staleness for g in of),
        "gate_round": _int32(gate[0] == "round" for gate, _ in spec.gates),
    }


def _hosts(spec: RunSpec) -> dict[int, int]:
    """Numbers of hosts that have something of their own to wait for; else of none."""
    if not np.any(spec.input_s) and all(host is None for _, host in spec.gates):
        return {}
    return {host: number for number, host in enumerate(dict.fromkeys(spec.hosts))}


def _chance(spec: RunSpec) -> Columns:
    factors = [spec.variates.factor(operation) for operation in spec.operations]
    values = [_values(factor, spec.workers) for factor in factors]
    drawn = [_DRAWN if f.stated is None else _STATED for f in factors]
    varying = [kind if f.varies else _CONSTANT for f, kind in zip(factors, drawn, strict=True)]
    return {
        "factor_varying": _int32(varying),
        # The scale of what is constant is the factor itself.
        "factor_scale": _each(
            spec, (f.scale if f.varies else f.scale * f.bins[0] for f in factors)
        ),
        "factor_correlation": _float64(factor.correlation for factor in factors),
        "factor_key": _keys(spec, [factor.key for factor in factors]),
        "factor_first": _firsts(of.size for of in values),
        "factor_values": np.concatenate([*values, np.zeros(0)]),
        "transfers": _int32(spec.transfers),
        "worker_scores": _float64(spec.variates.worker_scores[: spec.workers]),
        "deviates": DEVIATES,
        "probabilities": PROBABILITIES,
    }


def _values(factor: Factor, workers: int) -> Floats:
    return factor.bins if factor.stated is None else factor.stated[:workers].ravel()


def _workers(spec: RunSpec, hosts: dict[int, int]) -> Columns:
    gates, variates = _gate_keys(spec), spec.variates
    plan_of = np.array(spec.plan_of, dtype=np.int32)
    starts = np.zeros((spec.runs or 1, spec.workers))
    if len(variates.starts):
        starts += np.asarray(variates.starts)[..., : spec.workers]
        starts *= np.asarray(spec.start_over_s)[..., np.newaxis]
    faults = spec.faults
    counts = [
        spec.runs or 1,
        len(hosts),
        spec.warmup,
        spec.warmup + spec.steps,
        spec.by_round,
        spec.record,
        variates.score_key is not None,
        faults is not None and faults.starts_over,
        0 if faults is None else faults.ps,
        gates.get(("round", 0), -1),
    ]
    return {
        "plan_of": plan_of,
        "host": _int32(map(hosts.__getitem__, spec.hosts)) if hosts else np.zeros_like(plan_of),
        "starts_s": starts,
        "counts": _int32(counts),
        "keys": _keys(
            spec, [0 if variates.score_key is None else variates.score_key, *_fault_keys(faults)]
        ),
        "numbers": _each(spec, [spec.input_s, *_fault_numbers(faults)]),
    }


def _keys(spec: RunSpec, keys: Sequence[int]) -> Column:
    """[run, key]"""
    made = np.empty((spec.runs or 1, len(keys)), dtype=np.uint64)
    for place, begin in enumerate(keys):
        made[:, place] = begin
    return made


def _fault_keys(faults: Faults | None) -> list[int]:
    purposes = (Purpose.STRAGGLER, Purpose.WORKER_FAILURE, Purpose.PS_FAILURE)
    if faults is None:
        return [0] * len(purposes)
    return [key(purpose, faults.seed, faults.replication) for purpose in purposes]


def _fault_numbers(faults: Faults | None) -> list[float]:
    """How often each befalls a task per second, and for how long; how slow a straggler is."""
    slow = faults and faults.stragglers
    found = [slow.per_hour / _HOUR_S, slow.duration_s, slow.factor] if slow else [0.0, 0.0, 1.0]
    for failures in (faults and faults.worker_failures, faults and faults.ps_failures):
        found += [failures.per_hour / _HOUR_S, failures.recovery_s] if failures else [0.0, 0.0]
    return found


def _results(spec: RunSpec) -> Columns:
    last, runs = spec.warmup + spec.steps, spec.runs or 1
    return {
        "ends_s": np.zeros((runs, spec.workers, last + 1)),
        "rounds_s": np.zeros((runs, last + 1)),
        "spent_s": np.zeros((runs, spec.workers, len(EVERY))),
        "lasted_s": np.zeros((runs, sum(len(plan.activities) for plan in spec.plans))),
        "lasted_steps": np.zeros((runs, len(spec.plans)), dtype=np.int64),
    }


def of_plans(spec: RunSpec, of_activities: Floats) -> list[Floats]:
    """A column of all activities as one of each plan."""
    ends = list(accumulate(len(plan.activities) for plan in spec.plans))
    return np.split(of_activities, ends[:-1], axis=-1)
