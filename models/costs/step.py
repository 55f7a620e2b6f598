"""Cost of one step: the phases of a worker's step and what each takes of every resource.

This is where a Profile meets a Workload; the simulator only queues what comes out of here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from nworkers.models.base.all_reduce_terms import ALGORITHMS, hierarchical_terms
from nworkers.models.base.errors import InputError
from nworkers.models.costs.compute import Chance, compute_time
from nworkers.models.costs.extrapolation import log_spread
from nworkers.models.costs.layers import WHOLE, Layer, layer_of, layers
from nworkers.models.costs.phase import Direction, Operation, Phase
from nworkers.models.costs.sharding import Piece, carried_bytes, place
from nworkers.models.records.profile import Coordinator, FlowWeights, Profile
from nworkers.models.records.scenario import Scenario

Chain = tuple[Phase, ...]
#: The number of a step.
_STEP_BYTES = 8.0


@dataclass(frozen=True)
class StepCosts:
    """All phases of one worker's step, for one joint draw of the parameters.

    ``fetch`` and ``push`` hold, for each ps, its phases in order; the ps are served in parallel.
    ``collective`` replaces them under all-reduce, bucket after bucket; under hybrid training it
    comes before the push, and ``spread`` after the fetch. ``round`` follows when all workers of a
    synchronous round have pushed. ``layers`` divide the compute. The next batch is there
    ``input_s`` after the host's pipeline began with it; ``coordinator_s`` is what one process
    spends on every step of all workers. ``single_process_s`` is the baseline's whole step at
    ``baseline_batch``. Bandwidths in bytes per second; ``shared`` is None if unlimited,
    ``both_ways`` of each direction while the other is busy, None if that changes nothing.
    ``uneven`` is how transfers that begin at once share a link, empty where none do.
    ``log_spread`` is what extrapolation adds to the deviation of an operation's logarithm;
    ``compute_chance`` says how compute varies about its time.
    """

    dispatch: Phase
    fetch: tuple[Chain, ...]
    compute: Phase
    push: tuple[Chain, ...]
    collective: Chain
    single_process_s: float
    cores: float
    flow_bandwidth_bytes_per_s: dict[Direction, float]
    shared_bandwidth_bytes_per_s: float | None
    compute_source: str
    log_spread: dict[Operation, float]
    layers: tuple[Layer, ...] = WHOLE
    spread: Chain = ()
    round: Chain = ()
    input_s: float = 0.0
    coordinator_s: float = 0.0
    compute_chance: Chance = "about median"
    both_ways_bandwidth_bytes_per_s: float | None = None
    uneven: tuple[FlowWeights, ...] = ()


def step_costs(profile: Profile, scenario: Scenario, draw: int | None = None) -> StepCosts:
    """Every phase of a worker's step, and the baseline's step, for one draw (None: estimates).

    Raises:
        InputError: the profile does not know what the scenario needs.
    """
    host, link, workload = profile.host, profile.link, scenario.workload
    change = scenario.variation
    kernel = 1.0 + host.kernel_share
    compute = compute_time(profile, workload, scenario.per_worker_batch, draw)
    single = compute_time(profile, workload, scenario.batch, draw)
    fetch: tuple[Chain, ...] = ()
    push: tuple[Chain, ...] = ()
    collective: Chain = ()
    spread: Chain = ()
    if scenario.strategy == "allreduce":
        dispatched = profile.collective.dispatch_s or profile.device.dispatch_s
        dispatch = Phase("dispatch", "dispatch", dispatched.at(draw))
        collective = _buckets(profile, scenario, draw)
    else:
        dispatch = _ps_dispatch(profile, scenario, draw)
        placed = place(workload, scenario.ps, change)
        fetch = tuple(_fetches(profile, scenario, shard, draw) for shard in placed)
        push = tuple(_pushes(profile, scenario, shard, draw) for shard in placed)
        if change.hybrid:
            collective, spread = _inside_host(profile, scenario, draw)
    compressing_s = 0.0
    if change.compression is not None:
        compressing_s = change.compression.seconds_per_byte * _gradient_bytes(scenario)
    shared = link.shared_bandwidth_bytes_per_s
    return StepCosts(
        dispatch=dispatch,
        fetch=fetch,
        compute=Phase(
            "compute",
            "compute",
            compute.gradient_s + compressing_s,
            compute.processor_s * kernel + compressing_s,
        ),
        push=push,
        collective=collective,
        single_process_s=max(single.step_s, _input_s(profile, scenario, scenario.batch, draw)),
        cores=host.cores,
        flow_bandwidth_bytes_per_s={
            "to_worker": link.fetch.sustained(draw),
            "to_ps": link.push.sustained(draw),
        },
        shared_bandwidth_bytes_per_s=None if shared is None else shared.at(draw),
        both_ways_bandwidth_bytes_per_s=_both_ways(profile, draw),
        compute_source=compute.source,
        compute_chance=compute.chance,
        log_spread=log_spread(profile, scenario, compute.log_spread),
        layers=layers(workload) if change.overlap else WHOLE,
        spread=spread,
        round=_round(profile, scenario, draw) if scenario.strategy == "ps-sync" else (),
        input_s=_input_s(profile, scenario, scenario.per_worker_batch, draw),
        coordinator_s=_coordinator_s(profile, scenario, draw),
        # Asynchronous workers begin whenever they are ready.
        uneven=link.uneven if scenario.strategy == "ps-sync" else (),
    )


def _ps_dispatch(profile: Profile, scenario: Scenario, draw: int | None) -> Phase:
    """A step through a worker's own server, or a function that the coordinator schedules.

    What the coordinator spends on each function are processor seconds, which the workers lack where
    it runs on their machine.
    """
    host, link = profile.host, profile.link
    sent, beside_s = host.server_dispatch_s, 0.0
    if scenario.scheduled:
        sent = _coordinator(profile).latency_s
        if scenario.hosts == 1 or scenario.variation.one_machine:
            beside_s = _coordinator_s(profile, scenario, draw)
    worker_s, ps_s = _dispatched(profile, scenario, draw)
    return Phase(
        "dispatch",
        "dispatch",
        sent.at(draw) + link.dispatch_s.at(draw),
        worker_s + beside_s * (1.0 + host.kernel_share),
        ps_s,
    )


def _dispatched(profile: Profile, scenario: Scenario, draw: int | None) -> tuple[float, float]:
    """Processor seconds of one run that touches all ps: of the worker, and of each ps.

    Each ps is sent its part of the graph, and what comes after all parts waits for a tensor without
    content from each: TensorFlow joins the parts' ends with an edge between their devices.
    """
    host = profile.host
    kernel = 1.0 + host.kernel_share
    placed = place(scenario.workload, scenario.ps, scenario.variation)
    touched = sum(1 for shard in placed if shard)
    # A run that touches nothing takes a processor throughout.
    alone_s = host.server_dispatch_s.at(draw)
    sent_s = max(0.0, host.dispatch_worker_s.at(draw) - alone_s)
    joined_s = host.fetch_worker.per_tensor_s.at(draw)
    return (
        (alone_s + touched * (sent_s + joined_s)) * kernel,
        (host.dispatch_ps_s.at(draw) + host.fetch_ps.per_tensor_s.at(draw)) * kernel,
    )


def _coordinator(profile: Profile) -> Coordinator:
    found = profile.host.coordinator
    if found is None:
        raise InputError(
            "runtime",
            "coordinator",
            "session: this profile has no coordinator measured, as with calibrate <quick>",
        )
    return found


def _both_ways(profile: Profile, draw: int | None) -> float | None:
    """What each direction of a network's link carries beside the other, where that is less.

    On loopback it is the processors that limit both.
    """
    found = profile.link.both_ways_bandwidth_bytes_per_s
    return None if found is None or profile.link.kind == "loopback" else found.at(draw)


def _coordinator_s(profile: Profile, scenario: Scenario, draw: int | None) -> float:
    return _coordinator(profile).serial_s.at(draw) if scenario.scheduled else 0.0


def _input_s(profile: Profile, scenario: Scenario, batch: int, draw: int | None) -> float:
    """Seconds in which a host's pipeline delivers a batch; 0 where nothing is known of one."""
    stated = scenario.variation.input_samples_per_s
    if stated is not None:
        return batch / stated
    return profile.host.input.at(batch, draw) if profile.host.input is not None else 0.0


@dataclass(frozen=True)
class _Requests:
    """Seconds before bytes move and processor seconds, of the first tensor and of each further."""

    first: tuple[float, float, float]
    further: tuple[float, float, float]
    per_byte: tuple[float, float]

    def of(self, tensors: int, *, first: bool) -> tuple[float, float, float]:
        """Wall seconds, and processor seconds at the worker and at the ps."""
        beginning = self.first if first else self.further
        wall_s, worker_s, ps_s = (
            begun + more * (tensors - 1)
            for begun, more in zip(beginning, self.further, strict=True)
        )
        return wall_s, worker_s, ps_s


def _requests(
    profile: Profile, scenario: Scenario, fetching: bool, sizes: tuple[float, ...], draw: int | None
) -> _Requests:
    host, link = profile.host, profile.link
    kernel = 1.0 + host.kernel_share
    rdma = scenario.variation.rdma
    if rdma is not None:
        each = (rdma.processor_s, rdma.processor_s, rdma.processor_s)
        first = (rdma.latency_s + rdma.processor_s, rdma.processor_s, rdma.processor_s)
        return _Requests(first, each, (0.0, 0.0))
    path, worker, ps = link.push, host.push_worker, host.push_ps
    if fetching:
        path, worker, ps = link.fetch, host.fetch_worker, host.fetch_ps
    per_tensor_s = path.per_tensor_s.at(draw)
    # A training step pushes after it has fetched.
    all_s = path.latency_of(sizes, draw, after_fetch=not fetching)
    return _Requests(
        (
            all_s - per_tensor_s * (len(sizes) - 1),
            worker.per_request_s.at(draw) * kernel,
            ps.per_request_s.at(draw) * kernel,
        ),
        (
            per_tensor_s,
            worker.per_tensor_s.at(draw) * kernel,
            ps.per_tensor_s.at(draw) * kernel,
        ),
        (worker.per_byte_s.at(draw) * kernel, ps.per_byte_s.at(draw) * kernel),
    )


def _by_layer(
    scenario: Scenario, shard: Iterable[Piece]
) -> Iterator[tuple[int, tuple[Piece, ...]]]:
    """Neighbouring tensors of one layer together; all of them without overlap."""
    if not scenario.variation.overlap:
        yield 0, tuple(shard)
        return
    of = layer_of(scenario.workload)
    for layer, group in groupby(shard, key=lambda piece: of[piece.variable]):
        yield layer, tuple(group)


def _fetches(
    profile: Profile, scenario: Scenario, shard: tuple[Piece, ...], draw: int | None
) -> Chain:
    """Latency and transfer of one shard's variables, in the order in which layers need them."""
    sizes = tuple(piece.size_bytes for piece in shard)
    if not sizes:
        return ()
    asked = _requests(profile, scenario, True, sizes, draw)
    chain: list[Phase] = []
    for layer, group in _by_layer(scenario, shard):
        moved = sum(piece.size_bytes for piece in group)
        wall_s, worker_s, ps_s = asked.of(len(group), first=not chain)
        chain += [
            Phase("fetch_latency", "fetch", wall_s, worker_s, ps_s, layer=layer),
            Phase(
                "fetch_transfer",
                "fetch_transfer",
                profile.link.fetch.transfer_of(tuple(p.size_bytes for p in group), draw),
                asked.per_byte[0] * moved,
                asked.per_byte[1] * moved,
                moved,
                "to_worker",
                layer,
            ),
        ]
    return tuple(chain)


def _pushes(
    profile: Profile, scenario: Scenario, shard: tuple[Piece, ...], draw: int | None
) -> Chain:
    """Latency, transfer and update of one shard's gradients, in the order in which they appear."""
    factor = _compressed(scenario)
    sent = tuple(replace(piece, size_bytes=piece.size_bytes * factor) for piece in shard)
    # A synchronous worker sends the number of its step with each gradient, by which the ps drops
    # those that come too late.
    beside = (_STEP_BYTES,) if scenario.strategy == "ps-sync" else ()
    sizes = tuple(size for piece in sent for size in (piece.size_bytes, *beside))
    if not sizes:
        return ()
    kernel = 1.0 + profile.host.kernel_share
    asked = _requests(profile, scenario, False, sizes, draw)
    chain: list[Phase] = []
    for layer, group in _by_layer(scenario, reversed(sent)):
        tensors = tuple(size for piece in group for size in (piece.size_bytes, *beside))
        moved = sum(tensors)
        wall_s, worker_s, ps_s = asked.of(len(tensors), first=not chain)
        # What was not compressed is updated.
        apply_s = _apply_s(profile, sum(p.size_bytes for p in group) / factor, draw)
        updating_s = min(apply_s * kernel, asked.per_byte[1] * moved)
        chain += [
            Phase("push_latency", "push", wall_s, worker_s, ps_s, layer=layer),
            Phase(
                "push_transfer",
                "push_transfer",
                profile.link.push.transfer_of(tensors, draw),
                asked.per_byte[0] * moved,
                asked.per_byte[1] * moved - updating_s,
                moved,
                "to_ps",
                layer,
            ),
        ]
        if apply_s:
            chain.append(Phase("apply", "push", apply_s, ps_s=updating_s, layer=layer))
    return tuple(chain)


def _round(profile: Profile, scenario: Scenario, draw: int | None) -> Chain:
    """What the chief does between the last push of a round and the first token of the next.

    One run that begins on the chief and touches the ps: it takes the gradients' means, applies them
    and puts out tokens (`tf.compat.v1.train.SyncReplicasOptimizer`).
    """
    started_s = profile.host.server_dispatch_s.at(draw) + profile.link.dispatch_s.at(draw)
    worker_s, ps_s = _dispatched(profile, scenario, draw)
    # Of all workers' steps at once; each of them has its share of what the processors do.
    each = scenario.workers
    updated = max(
        sum(piece.size_bytes for piece in shard)
        for shard in place(scenario.workload, scenario.ps, scenario.variation)
    )
    return (
        Phase("dispatch", "round", started_s, worker_s / each, ps_s / each),
        Phase("apply", "round", _apply_s(profile, updated, draw)),
    )


def _apply_s(profile: Profile, size_bytes: float, draw: int | None) -> float:
    """Seconds of the update's bytes; what it costs at least is in the push's latency.

    Where updates were not measured alone they are in the push's bandwidth.
    """
    sgd = [update for update in profile.host.apply if update.optimizer == "sgd"]
    return sgd[0].per_byte_s.at(draw) * size_bytes if sgd else 0.0


def _compressed(scenario: Scenario) -> float:
    """Which share of its bytes a gradient has on the way."""
    compression = scenario.variation.compression
    return 1.0 if compression is None else compression.factor


def _gradient_bytes(scenario: Scenario) -> float:
    return sum(carried_bytes(v, scenario.variation) for v in scenario.workload.variables)


@dataclass(frozen=True)
class AlphaBeta:
    """What a collective costs: seconds of a hop and of a byte, and processor seconds of them."""

    hop_s: float
    byte_s: float
    processor_hop_s: float
    processor_byte_s: float

    def phases(self, terms: tuple[float, float], layer: int = 0) -> Chain:
        """Latency of every hop, then the bytes (`models.collectives`)."""
        hops, moved = terms
        return (
            Phase(
                "collective_latency",
                "collective",
                hops * self.hop_s,
                hops * self.processor_hop_s,
                layer=layer,
            ),
            Phase(
                "collective_transfer",
                "collective",
                moved * self.byte_s,
                moved * self.processor_byte_s,
                layer=layer,
            ),
        )


def _between_workers(profile: Profile, draw: int | None) -> AlphaBeta:
    """As collectives were measured.

    Until they are, their processor time is a fetch's. An imported time holds whatever its
    processors did, which no table of another tool tells apart.
    """
    host, collective = profile.host, profile.collective
    kernel = 1.0 + host.kernel_share
    spent = collective.processor_per_hop_s, collective.processor_per_byte_s
    if spent[0] is not None and spent[1] is not None:
        per_hop_s, per_byte_s = (p.at(draw) for p in spent if p is not None)
    elif collective.imported:
        per_hop_s = per_byte_s = 0.0
    else:
        per_hop_s = host.fetch_worker.per_request_s.at(draw) + host.fetch_ps.per_request_s.at(draw)
        per_byte_s = host.fetch_worker.per_byte_s.at(draw) + host.fetch_ps.per_byte_s.at(draw)
    return AlphaBeta(
        collective.latency_s.at(draw),
        1.0 / collective.bandwidth_bytes_per_s.at(draw),
        per_hop_s * kernel,
        per_byte_s * kernel,
    )


def all_reduce(profile: Profile, workers: int, size_bytes: float, draw: int | None) -> Chain:
    """One all-reduce between workers on hosts alike, by the algorithm that was measured."""
    terms = ALGORITHMS[profile.collective.algorithm](size_bytes, workers)
    return _between_workers(profile, draw).phases(terms)


def _between_hosts(profile: Profile, scenario: Scenario, draw: int | None) -> AlphaBeta:
    """Over the slowest link of the ring, and with the transport that was asked for."""
    change, ring = scenario.variation, _between_workers(profile, draw)
    slower = 1.0 if change.slow_links is None else change.slow_links.factor
    if change.racks is not None:
        # A ring in the order of the racks leaves and enters each of them once.
        slower = max(slower, change.racks.oversubscription / change.racks.hosts)
    ring = replace(ring, byte_s=ring.byte_s * slower)
    if change.rdma is not None:
        ring = replace(ring, hop_s=change.rdma.latency_s, processor_hop_s=change.rdma.processor_s)
        ring = replace(ring, processor_byte_s=0.0)
    return ring


def _inside(profile: Profile, scenario: Scenario, draw: int | None) -> AlphaBeta:
    """Inside a host: its own link where one is stated, else as between workers."""
    ring, inner = _between_workers(profile, draw), scenario.variation.inner_link
    if inner is None:
        return ring
    return replace(
        ring, hop_s=inner.latency_s or ring.hop_s, byte_s=1.0 / inner.bandwidth_bytes_per_s
    )


def _buckets(profile: Profile, scenario: Scenario, draw: int | None) -> Chain:
    """All-reduces of fused gradients, in the order in which these appear.

    A bucket takes gradients as long as they fit, and at least one.
    """
    workload, change = scenario.workload, scenario.variation
    of = layer_of(workload)
    factor = _compressed(scenario)
    buckets: list[tuple[int, float]] = []
    for layer, variable in zip(reversed(of), reversed(workload.variables), strict=True):
        size = carried_bytes(variable, change) * factor
        begun = buckets[-1][1] if buckets else 0.0
        if buckets and (change.bucket_bytes is None or begun + size <= change.bucket_bytes):
            buckets[-1] = (layer, begun + size)
        else:
            buckets.append((layer, size))
    chain: Chain = ()
    for layer, size in buckets:
        chain += _one_all_reduce(profile, scenario, size, layer if change.overlap else 0, draw)
    return chain


def _one_all_reduce(
    profile: Profile, scenario: Scenario, size_bytes: float, layer: int, draw: int | None
) -> Chain:
    workers, per_host = scenario.workers, scenario.workers_on_a_host
    wanted = scenario.variation.all_reduce or profile.collective.algorithm
    between = _between_hosts(profile, scenario, draw)
    if wanted != "hierarchical":
        inner = _inside(profile, scenario, draw)
        if per_host > 1:
            # In lock-step, every hop is as slow as the slowest.
            between = replace(between, byte_s=max(between.byte_s, inner.byte_s))
        return between.phases(ALGORITHMS[wanted](size_bytes, workers), layer)
    hosts = -(-workers // per_host)
    inside, outside = hierarchical_terms(size_bytes, hosts, per_host)
    return _inside(profile, scenario, draw).phases(inside, layer) + between.phases(outside, layer)


def _inside_host(profile: Profile, scenario: Scenario, draw: int | None) -> tuple[Chain, Chain]:
    """A reduce to one worker of each host, and a broadcast from it: half an all-reduce each."""
    hops, moved = ALGORITHMS["ring"](_gradient_bytes(scenario), scenario.workers_on_a_host)
    ring = _inside(profile, scenario, draw)
    half = (hops / 2.0, moved / 2.0)
    return ring.phases(half), ring.phases(half)
