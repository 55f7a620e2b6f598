"""Cost of one step: the phases of a worker's step and what each takes of every resource.

This is where a Profile meets a Workload; the simulator only queues what comes out of here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from nworkers.models.base.draws import larger, smaller
from nworkers.models.costs.all_reduce import buckets, inside_host
from nworkers.models.costs.compute import Chance, ComputeTime, as_fast, compute_time
from nworkers.models.costs.extrapolation import log_spread
from nworkers.models.costs.laws import busy, step_s, sustained
from nworkers.models.costs.layers import WHOLE, Layer, layers
from nworkers.models.costs.phase import Chain, Direction, Operation, Phase
from nworkers.models.costs.ps_transfers import (
    coordinator_serial_s,
    fetches,
    ps_dispatch,
    pushes,
    round_end,
)
from nworkers.models.costs.sharding import carried_bytes, place
from nworkers.models.costs.two_way import TwoWayTraffic, two_way
from nworkers.models.records.profile import (
    Discipline,
    Drawn,
    FlowWeights,
    Link,
    Profile,
)
from nworkers.models.records.scenario import Scenario


@dataclass(frozen=True)
class SingleProcess:
    """The baseline's whole step: it computes so long, and its next batch is there so soon.

    ``log_spread`` is what extrapolation adds to the deviation of the computing's logarithm.
    """

    computes_s: float
    input_s: float = 0.0
    log_spread: float = 0.0

    def step_s(self, factor: float) -> float:
        """Seconds of a step whose computing takes ``factor`` times as long."""
        return larger(factor * self.computes_s, self.input_s)


@dataclass(frozen=True)
class StepCosts:
    """All phases of one worker's step, for one joint draw of the parameters.

    ``fetch`` and ``push`` hold, for each ps, its phases in order; the ps are served in parallel.
    ``collective`` replaces them under all-reduce, bucket after bucket; under hybrid training it
    comes before the push, and ``spread`` after the fetch. ``round`` follows when all workers of a
    synchronous round have pushed. ``layers`` divide the compute. The next batch is there
    ``input_s`` after the host's pipeline began with it; ``coordinator_s`` is what one process
    spends on every step of all workers. ``single_process`` has the baseline's batch. Bandwidths in
    bytes per second; ``shared`` is None if unlimited, ``both_ways`` of each direction while the
    other is busy, None if that changes nothing.
    ``flow_weights`` is how transfers that begin at once share a link, empty where none do, and
    ``two_way`` how such do that begin as they like, None where none do.
    ``gpu_share`` is what of a GPU a worker that computes on one keeps busy, ``gpu_discipline`` how
    several have it.
    ``log_spread`` is what extrapolation adds to the deviation of an operation's logarithm;
    ``compute_chance`` says how compute varies about its time. ``added`` are those of workers on
    another device, None where there are none.
    """

    dispatch: Phase
    fetch: tuple[Chain, ...]
    compute: Phase
    push: tuple[Chain, ...]
    collective: Chain
    single_process: SingleProcess
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
    flow_weights: tuple[FlowWeights, ...] = ()
    two_way: TwoWayTraffic | None = None
    gpu_share: float = 1.0
    gpu_discipline: Discipline = "fifo"
    added: StepCosts | None = None


def step_costs(profile: Profile, scenario: Scenario, draw: int | range | None = None) -> StepCosts:
    """Every phase of a worker's step, and the baseline's step (None: by the estimates).

    For a draw, or for each of several at once.

    Raises:
        InputError: the profile does not know what the scenario needs.
    """
    known = profile.drawn(draw)
    host, link, workload = known.host, known.link, scenario.workload
    change = scenario.what_if
    compute = _computed(known, scenario, scenario.per_worker_batch)
    single = _computed(known, scenario, scenario.batch)
    fetch: tuple[Chain, ...] = ()
    push: tuple[Chain, ...] = ()
    collective: Chain = ()
    spread: Chain = ()
    carried = 0.0
    if change.hybrid or change.compression is not None:
        carried = sum(carried_bytes(v, change) for v in workload.variables)
    if scenario.strategy == "allreduce":
        own_s = known.collective.dispatch_s
        dispatched_s = known.device.dispatch_s if own_s is None else own_s
        dispatch = Phase("dispatch", "dispatch", dispatched_s)
        collective = buckets(known, scenario)
    else:
        dispatch = ps_dispatch(known, scenario)
        placed = place(workload, scenario.ps, change)
        fetch = tuple(fetches(known, scenario, shard) for shard in placed)
        push = tuple(pushes(known, scenario, shard) for shard in placed)
        if change.hybrid:
            collective, spread = inside_host(known, scenario, carried)
    of = _layers(scenario, collective)
    compressing_s = 0.0
    if change.compression is not None:
        compressing_s = change.compression.seconds_per_byte * carried
    return StepCosts(
        dispatch=dispatch,
        fetch=fetch,
        compute=Phase(
            "compute",
            "compute",
            compute.gradient_s + compressing_s + _lost_s(known, collective, of, compute.gradient_s),
            _computing_s(known, compute) + compressing_s,
        ),
        push=push,
        collective=collective,
        single_process=SingleProcess(
            single.step_s, _input_s(known, scenario, scenario.batch), single.log_spread
        ),
        cores=host.cores,
        flow_bandwidth_bytes_per_s={
            "to_worker": sustained(link.fetch),
            "to_ps": sustained(link.push),
        },
        shared_bandwidth_bytes_per_s=link.shared_bandwidth_bytes_per_s,
        both_ways_bandwidth_bytes_per_s=_both_ways(link, rdma=change.rdma is not None),
        compute_source=compute.source,
        compute_chance=compute.chance,
        log_spread=log_spread(profile, scenario, compute.log_spread),
        layers=of,
        spread=spread,
        round=round_end(known, scenario) if scenario.strategy == "ps-sync" else (),
        input_s=_input_s(known, scenario, scenario.per_worker_batch),
        coordinator_s=coordinator_serial_s(host, scenario),
        # Asynchronous workers begin whenever they are ready.
        flow_weights=link.flow_weights if scenario.strategy == "ps-sync" else (),
        two_way=two_way(link, scenario),
        gpu_share=known.device.busy_share,
        gpu_discipline=known.device.discipline,
        added=_of_added(profile, scenario, draw),
    )


def _of_added(profile: Profile, scenario: Scenario, draw: int | range | None) -> StepCosts | None:
    """The step of a worker that is added; its batch is that of the others."""
    added, change = scenario.added, scenario.what_if
    if added is None or not scenario.added_workers:
        return None
    alike = replace(scenario, added=None, workers_per_gpu=added.workers_per_gpu)
    if added.profile is not None:
        return step_costs(added.profile, alike, draw)
    faster = replace(change, compute_factor=added.factor * (change.compute_factor or 1.0))
    return step_costs(profile, replace(alike, what_if=faster), draw)


def _computed(known: Drawn, scenario: Scenario, batch: int) -> ComputeTime:
    """The compute of one step on this scenario's devices."""
    measured = compute_time(known, scenario.workload, batch)
    return as_fast(measured, scenario.what_if.compute_factor, known.device.dispatch_s)


def _computing_s(known: Drawn, compute: ComputeTime) -> float:
    """Processor seconds of gradients beside other workers' steps.

    Variables have just come from another task, so that caches are cold; what was computed from a
    rate keeps all cores busy in any case.
    """
    spent_s = compute.processor_s * busy(known.host)
    if known.device.kind == "gpu" or compute.source not in ("step_table", "stated"):
        return spent_s
    return spent_s * (known.host.compute_under_load or 1.0)


def _layers(scenario: Scenario, collective: Chain) -> tuple[Layer, ...]:
    """The layers that transfers run beside: one where all wait for the last gradient or the first.

    A single all-reduce waits for every layer's gradients.
    """
    reduced = {phase.layer for phase in collective}
    if not scenario.what_if.overlap or (scenario.strategy == "allreduce" and len(reduced) < 2):
        return WHOLE
    found = layers(scenario.workload)
    return found if len(found) > 1 else WHOLE


def _lost_s(known: Drawn, collective: Chain, of: tuple[Layer, ...], compute_s: float) -> float:
    """How much longer gradients take for the all-reduces beside them, as it was measured.

    A share of the time that both go on: from the first bucket's gradients to the last ones, and of
    all buckets but the last. On one host the share holds what workers cost each other on its cores,
    which the simulation has already.
    """
    loss = known.collective.compute_loss
    if not loss or known.link.kind == "loopback" or not collective or of == WHOLE:
        return 0.0
    alone_s = compute_s * sum(layer.backward for layer in of[: collective[0].layer])
    busy_s = sum(p.wall_s for p in collective if p.layer != collective[-1].layer)
    # Gradients that take longer are longer beside it.
    return loss * (busy_s if loss >= 1.0 else smaller(busy_s, alone_s / (1.0 - loss)))


def _both_ways(link: Link[float], *, rdma: bool) -> float | None:
    """What each direction of a network's link carries beside the other, where that is less.

    Half of all where they share it. On loopback it is the processors that limit both, and with RDMA
    no acknowledgements of TCP wait behind the other direction's bytes.
    """
    if link.kind == "loopback":
        return None
    shared, both = link.shared_bandwidth_bytes_per_s, link.both_ways_bandwidth_bytes_per_s
    if link.duplex == "half" and shared is not None and (rdma or both is None):
        return shared / 2.0
    return None if rdma else both


def _input_s(known: Drawn, scenario: Scenario, batch: int) -> float:
    """Seconds in which a host's pipeline delivers a batch; 0 where nothing is known of one."""
    stated = scenario.what_if.input_samples_per_s
    if stated is not None:
        return batch / stated
    return step_s(known.host.input, batch) if known.host.input is not None else 0.0
