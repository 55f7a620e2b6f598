"""Transfers with parameter servers: dispatch, fetches, pushes, the end of a synchronous round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from nworkers.models.base.draws import NUMBERS, agreed, larger, smaller
from nworkers.models.base.errors import InputError
from nworkers.models.base.leaves import mapped
from nworkers.models.costs.laws import (
    apart_s,
    busy,
    bytes_s,
    latency_s,
    request_s,
    transfer_s,
    update_s,
)
from nworkers.models.costs.layers import layer_of
from nworkers.models.costs.phase import Chain, Phase
from nworkers.models.costs.sharding import Piece, compressed, place
from nworkers.models.records.profile import Coordinator, Demand, Drawn, Host
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import Optimizer

#: The number of a step.
_STEP_BYTES = 8.0


def ps_dispatch(known: Drawn, scenario: Scenario) -> Phase:
    """A step through a worker's own server, or a function that the coordinator schedules.

    What the coordinator spends on each function are processor seconds, which the workers lack where
    it runs on their machine.
    """
    host = known.host
    sent_s, beside_s = host.server_dispatch_s, 0.0
    if scenario.scheduled:
        sent_s = _coordinator(host).latency_s
        if scenario.hosts == 1 or scenario.what_if.one_machine:
            beside_s = coordinator_serial_s(host, scenario)
    worker_s, ps_s = _dispatched(known, scenario)
    return Phase(
        "dispatch",
        "dispatch",
        sent_s + known.link.dispatch_s,
        worker_s + beside_s * busy(host),
        ps_s,
    )


def _dispatched(known: Drawn, scenario: Scenario) -> tuple[float, float]:
    """Processor seconds of one run that touches all ps: of the worker, and of each ps.

    Each ps is sent its part of the graph, and what comes after all parts waits for a tensor without
    content from each: TensorFlow joins the parts' ends with an edge between their devices.
    """
    host = known.host
    touched = _touched(scenario)
    # A run that touches nothing takes a processor throughout.
    alone_s = host.server_dispatch_s
    sent_s = larger(0.0, host.dispatch_worker_s - alone_s)
    joined_s = host.fetch_worker.per_tensor_s
    return (
        (alone_s + touched * (sent_s + joined_s)) * busy(host),
        (host.dispatch_ps_s + host.fetch_ps.per_tensor_s) * busy(host),
    )


def _touched(scenario: Scenario) -> int:
    """How many ps hold anything."""
    if scenario.ps == 1:
        return 1
    placed = place(scenario.workload, scenario.ps, scenario.what_if)
    return sum(1 for shard in placed if shard)


def _coordinator(host: Host[float]) -> Coordinator[float]:
    found = host.coordinator
    if found is None:
        raise InputError(
            "runtime",
            "coordinator",
            "session: this profile has no coordinator measured, as with calibrate <quick>",
        )
    return found


def coordinator_serial_s(host: Host[float], scenario: Scenario) -> float:
    """What the coordinator's one process spends on every step of all workers.

    Raises:
        InputError: the profile has no coordinator measured.
    """
    return _coordinator(host).serial_s if scenario.scheduled else 0.0


@dataclass(frozen=True)
class _Requests:
    """What requests take of the wall clock and of the processors at both ends.

    ``wall`` is written as a demand: seconds of the first tensor and of each further.
    """

    wall: Demand[float]
    worker: Demand[float]
    ps: Demand[float]

    def of(self, tensors: int, *, first: bool) -> tuple[float, float, float]:
        """Wall seconds, and processor seconds at the worker and at the ps."""
        return (
            request_s(self.wall, tensors, first=first),
            request_s(self.worker, tensors, first=first),
            request_s(self.ps, tensors, first=first),
        )


def _requests(
    known: Drawn, scenario: Scenario, sizes: tuple[float, ...], *, fetching: bool
) -> _Requests:
    """What the tensors of one ps cost, of a job that may have several."""
    host, link = known.host, known.link
    rdma = scenario.what_if.rdma
    if rdma is not None:
        each = Demand(rdma.processor_s, rdma.processor_s, 0.0)
        first_s = rdma.latency_s + rdma.processor_s
        return _Requests(Demand(first_s, rdma.processor_s, 0.0), each, each)
    path, worker, ps = link.push, host.push_worker, host.push_ps
    if fetching:
        path, worker, ps = link.fetch, host.fetch_worker, host.fetch_ps
    # A training step pushes after it has fetched.
    all_s = latency_s(path, sizes, after_fetch=not fetching)
    first_s = all_s - path.per_tensor_s * (len(sizes) - 1)
    wall = Demand(first_s, path.per_tensor_s, 0.0)
    more_s = apart_s(host.apart_ps_s or 0.0, len(sizes), _touched(scenario))
    ps = replace(ps, per_request_s=ps.per_request_s + more_s)
    return _Requests(wall, _with_system(worker, host), _with_system(ps, host))


def _with_system(demand: Demand[float], host: Host[float]) -> Demand[float]:
    """A task's demand with what the operating system spends beside it."""
    made: Demand[float] = mapped(demand, NUMBERS, lambda seconds: seconds * busy(host))
    return made


def _by_layer(
    scenario: Scenario, shard: Iterable[Piece]
) -> Iterator[tuple[int, tuple[Piece, ...]]]:
    """Neighbouring tensors of one layer together; all of them without overlap."""
    if not scenario.what_if.overlap:
        yield 0, tuple(shard)
        return
    of = layer_of(scenario.workload)
    for layer, group in groupby(shard, key=lambda piece: of[piece.variable]):
        yield layer, tuple(group)


def fetches(known: Drawn, scenario: Scenario, shard: tuple[Piece, ...]) -> Chain:
    """Latency and transfer of one shard's variables, in the order in which layers need them."""
    sizes = tuple(piece.size_bytes for piece in shard)
    if not sizes:
        return ()
    asked = _requests(known, scenario, sizes, fetching=True)
    chain: list[Phase] = []
    for layer, group in _by_layer(scenario, shard):
        tensors = tuple(piece.size_bytes for piece in group)
        moved = sum(tensors)
        wall_s, worker_s, ps_s = asked.of(len(group), first=not chain)
        chain += [
            Phase("fetch_latency", "fetch", wall_s, worker_s, ps_s, layer=layer),
            Phase(
                "fetch_transfer",
                "fetch_transfer",
                transfer_s(known.link.fetch, tensors),
                bytes_s(asked.worker, moved),
                bytes_s(asked.ps, moved),
                moved,
                "to_worker",
                layer,
            ),
        ]
    return tuple(chain)


def pushes(known: Drawn, scenario: Scenario, shard: tuple[Piece, ...]) -> Chain:
    """Latency, transfer and update of one shard's gradients, in the order in which they appear."""
    factor = compressed(scenario.what_if)
    sent = shard
    if factor != 1.0:
        sent = tuple(replace(piece, size_bytes=piece.size_bytes * factor) for piece in shard)
    # A synchronous worker sends the number of its step with each gradient, by which the ps drops
    # those that come too late.
    beside = (_STEP_BYTES,) if scenario.strategy == "ps-sync" else ()
    sizes = tuple(size for piece in sent for size in (piece.size_bytes, *beside))
    if not sizes:
        return ()
    asked = _requests(known, scenario, sizes, fetching=False)
    chain: list[Phase] = []
    for layer, group in _by_layer(scenario, reversed(sent)):
        tensors = tuple(size for piece in group for size in (piece.size_bytes, *beside))
        moved = sum(tensors)
        wall_s, worker_s, ps_s = asked.of(len(tensors), first=not chain)
        # What was not compressed is updated.
        updated = sum(p.size_bytes for p in group) / factor
        updated_s = _updated_s(known.host, scenario.workload.optimizer, updated)
        updating_s = smaller(updated_s * busy(known.host), bytes_s(asked.ps, moved))
        chain += [
            Phase("push_latency", "push", wall_s, worker_s, ps_s, layer=layer),
            Phase(
                "push_transfer",
                "push_transfer",
                transfer_s(known.link.push, tensors),
                bytes_s(asked.worker, moved),
                bytes_s(asked.ps, moved) - updating_s,
                moved,
                "to_ps",
                layer,
            ),
        ]
        if agreed(updated_s > 0.0):
            chain.append(Phase("apply", "push", updated_s, ps_s=updating_s, layer=layer))
    return tuple(chain)


def round_end(known: Drawn, scenario: Scenario) -> Chain:
    """What the chief does between the last push of a round and the first token of the next.

    One run that begins on the chief and touches the ps: it takes the gradients' means, applies them
    and puts out tokens (`tf.compat.v1.train.SyncReplicasOptimizer`).
    """
    started_s = known.host.server_dispatch_s + known.link.dispatch_s
    worker_s, ps_s = _dispatched(known, scenario)
    # Of all workers' steps at once; each of them has its share of what the processors do.
    each = scenario.workers
    updated = max(
        sum(piece.size_bytes for piece in shard)
        for shard in place(scenario.workload, scenario.ps, scenario.what_if)
    )
    return (
        Phase("dispatch", "round", started_s, worker_s / each, ps_s / each),
        Phase("apply", "round", _updated_s(known.host, scenario.workload.optimizer, updated)),
    )


def _updated_s(host: Host[float], optimizer: Optimizer, size_bytes: float) -> float:
    """Seconds of an update's bytes, or of a plain one's if the optimizer's was not measured.

    Where neither was, it is in the push's rate.
    """
    known = {update.optimizer: update for update in host.apply}
    update = known.get(optimizer) or known.get("sgd")
    return 0.0 if update is None else update_s(update, size_bytes)
