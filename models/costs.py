"""Cost of one step: the phases of a worker's step and what each takes of every resource.

This is where a Profile meets a Workload; the simulator only queues what comes out of here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from scale.models.collectives import ALGORITHMS
from scale.models.errors import InputError
from scale.models.profile import Profile
from scale.models.scenario import Scenario
from scale.models.workload import Workload, shards

Operation = Literal["dispatch", "fetch", "compute", "push", "collective"]
Direction = Literal["to_worker", "to_ps"]

#: Log-deviation added to a compute time that comes from the GEMM rate instead of a measured step:
#: a stated judgement, since kernels of real layers reach between half and twice that rate.
GEMM_RATE_LOG_SPREAD = 0.35
#: The same for each doubling beyond a measured range.
RANGE_LOG_SPREAD = 0.10
#: And for each doubling of the workers beyond those that were measured at once.
CONCURRENCY_LOG_SPREAD = 0.05
#: A model further off than this on what it was not fitted to is said to be.
MISFIT = 0.25


@dataclass(frozen=True)
class Phase:
    """A part of a step that asks for several resources at once and ends with the slowest.

    Alone it takes ``wall_s``. ``worker_s`` and ``ps_s`` are the processor seconds that it asks of
    the worker's and the ps's host; ``size_bytes`` cross the link in ``direction``.
    """

    cause: str
    operation: Operation
    wall_s: float
    worker_s: float = 0.0
    ps_s: float = 0.0
    size_bytes: float = 0.0
    direction: Direction | None = None


@dataclass(frozen=True)
class StepCosts:
    """All phases of one worker's step, for one joint draw of the parameters.

    ``fetch`` and ``push`` hold, for each ps, its phases in order; the ps are served in parallel.
    ``collective`` replaces them under all-reduce. ``single_process_s`` is the baseline's whole
    step at ``baseline_batch``. Bandwidths in bytes per second; ``shared`` is None if unlimited.
    ``log_spread`` is what extrapolation adds to the deviation of an operation's logarithm.
    """

    dispatch: Phase
    fetch: tuple[tuple[Phase, ...], ...]
    compute: Phase
    push: tuple[tuple[Phase, ...], ...]
    collective: tuple[Phase, ...]
    single_process_s: float
    cores: float
    flow_bandwidth_bytes_per_s: dict[Direction, float]
    shared_bandwidth_bytes_per_s: float | None
    compute_source: str
    log_spread: dict[Operation, float]


@dataclass(frozen=True)
class ComputeTime:
    """One step's compute at one batch: with dispatch and apply (``step_s``), and without them."""

    source: str
    step_s: float
    gradient_s: float
    processor_s: float
    log_spread: float


def _doublings_outside(value: float, low: float, high: float) -> float:
    """How many doublings ``value`` lies beyond [low, high]; 0 inside."""
    if value > high:
        return math.log2(value / high)
    return math.log2(low / value) if value < low else 0.0


def _from_table(workload: Workload, batch: int) -> float:
    """Linear between the rows of the file's table; constant below, in proportion above."""
    rows = workload.step
    if batch <= rows[0].batch:
        return rows[0].seconds
    for low, high in pairwise(rows):
        if batch <= high.batch:
            share = (batch - low.batch) / (high.batch - low.batch)
            return low.seconds + share * (high.seconds - low.seconds)
    return rows[-1].seconds * batch / rows[-1].batch


def compute_time(profile: Profile, workload: Workload, batch: int, draw: int | None) -> ComputeTime:
    """The compute of one step from the best source there is.

    In order: the step measured on this device, or the file's own table; the file's cost; FLOPs
    over the fitted GEMM rate.

    Raises:
        InputError: the workload states no cost and is unknown to the profile.
    """
    device = profile.device
    dispatch_s = device.dispatch_s.at(draw)
    for measured in device.workloads:
        if measured.workload == workload.name:
            low, high = measured.batches
            return ComputeTime(
                "step_table",
                measured.step.at(batch, draw),
                max(0.0, measured.gradient.at(batch, draw) - dispatch_s),
                measured.processor.at(batch, draw),
                RANGE_LOG_SPREAD * _doublings_outside(batch, low, high),
            )
    if workload.step:
        seconds = _from_table(workload, batch)
        outside = _doublings_outside(batch, workload.step[0].batch, workload.step[-1].batch)
        return ComputeTime(
            "step_table",
            seconds,
            max(0.0, seconds - dispatch_s),
            0.0,
            RANGE_LOG_SPREAD * outside,
        )
    if workload.cost:
        seconds = workload.cost.floor_s + workload.cost.per_sample_s * batch
        return ComputeTime("workload_file", dispatch_s + seconds, seconds, 0.0, 0.0)
    if workload.flops_per_sample:
        seconds = device.product_s(workload.flops_per_sample * batch, draw)
        return ComputeTime(
            "gemm_rate",
            dispatch_s + seconds,
            seconds,
            seconds * profile.host.cores,
            GEMM_RATE_LOG_SPREAD,
        )
    raise InputError(
        "--workload", workload.name, "a workload with [cost], [[step]] or flops_per_sample"
    )


def _phases(
    kind: Literal["fetch", "push"],
    profile: Profile,
    sizes: tuple[int, ...],
    draw: int | None,
) -> tuple[Phase, ...]:
    """Latency, transfer, and the update of what was pushed, of one shard's variables in bytes."""
    if not sizes:
        return ()
    host, link = profile.host, profile.link
    path, worker, ps = link.push, host.push_worker, host.push_ps
    if kind == "fetch":
        path, worker, ps = link.fetch, host.fetch_worker, host.fetch_ps
    kernel, moved = 1.0 + host.kernel_share, float(sum(sizes))
    # A training step pushes after it has fetched.
    latency_s = path.latency_of(sizes, draw, after_fetch=kind == "push")
    apply_s = _apply_s(profile, moved, draw) if kind == "push" else 0.0
    ps_s = ps.per_byte_s.at(draw) * moved
    updating_s = min(apply_s, ps_s)
    phases = (
        Phase(
            f"{kind}_latency",
            kind,
            latency_s,
            worker.at(len(sizes), 0, draw) * kernel,
            ps.at(len(sizes), 0, draw) * kernel,
        ),
        Phase(
            f"{kind}_transfer",
            kind,
            path.transfer_of(sizes, draw),
            worker.per_byte_s.at(draw) * moved * kernel,
            (ps_s - updating_s) * kernel,
            moved,
            "to_worker" if kind == "fetch" else "to_ps",
        ),
    )
    update = Phase("apply", kind, apply_s, ps_s=updating_s * kernel)
    return (*phases, update) if apply_s else phases


def _apply_s(profile: Profile, size_bytes: float, draw: int | None) -> float:
    """Seconds of the update's bytes; what it costs at least is in the push's latency.

    Where updates were not measured alone they are in the push's bandwidth.
    """
    sgd = [update for update in profile.host.apply if update.optimizer == "sgd"]
    return sgd[0].per_byte_s.at(draw) * size_bytes if sgd else 0.0


def all_reduce(
    profile: Profile, workers: int, size_bytes: float, draw: int | None
) -> tuple[Phase, ...]:
    """Latency of every hop, then the bytes, by the algorithm's terms (`models.collectives`).

    Until collectives are measured, their processor time is a fetch's. An imported time holds
    whatever its processors did, which no table of another tool tells apart.
    """
    host, collective = profile.host, profile.collective
    hops, moved = ALGORITHMS[collective.algorithm](size_bytes, workers)
    kernel = 1.0 + host.kernel_share
    spent = collective.processor_per_hop_s, collective.processor_per_byte_s
    if spent[0] is not None and spent[1] is not None:
        per_hop_s, per_byte_s = (p.at(draw) for p in spent if p is not None)
    elif collective.imported:
        per_hop_s = per_byte_s = 0.0
    else:
        per_hop_s = host.fetch_worker.per_request_s.at(draw) + host.fetch_ps.per_request_s.at(draw)
        per_byte_s = host.fetch_worker.per_byte_s.at(draw) + host.fetch_ps.per_byte_s.at(draw)
    return (
        Phase(
            "collective_latency",
            "collective",
            hops * collective.latency_s.at(draw),
            hops * per_hop_s * kernel,
        ),
        Phase(
            "collective_transfer",
            "collective",
            moved / collective.bandwidth_bytes_per_s.at(draw),
            moved * per_byte_s * kernel,
        ),
    )


def step_costs(profile: Profile, scenario: Scenario, draw: int | None = None) -> StepCosts:
    """Every phase of a worker's step, and the baseline's step, for one draw (None: estimates)."""
    host, link, workload = profile.host, profile.link, scenario.workload
    kernel = 1.0 + host.kernel_share
    compute = compute_time(profile, workload, scenario.per_worker_batch, draw)
    single = compute_time(profile, workload, scenario.batch, draw)
    fetch: tuple[tuple[Phase, ...], ...] = ()
    push: tuple[tuple[Phase, ...], ...] = ()
    collective: tuple[Phase, ...] = ()
    if scenario.strategy == "allreduce":
        dispatched = profile.collective.dispatch_s or profile.device.dispatch_s
        dispatch = Phase("dispatch", "dispatch", dispatched.at(draw))
        collective = all_reduce(profile, scenario.workers, workload.size_bytes, draw)
    else:
        dispatch = Phase(
            "dispatch",
            "dispatch",
            host.server_dispatch_s.at(draw) + link.dispatch_s.at(draw),
            host.dispatch_worker_s.at(draw) * kernel,
            host.dispatch_ps_s.at(draw) * kernel,
        )
        placed = shards(workload, scenario.ps)
        fetch = tuple(_phases("fetch", profile, sizes, draw) for sizes in placed)
        push = tuple(_phases("push", profile, sizes, draw) for sizes in placed)
    shared = link.shared_bandwidth_bytes_per_s
    return StepCosts(
        dispatch=dispatch,
        fetch=fetch,
        compute=Phase("compute", "compute", compute.gradient_s, compute.processor_s * kernel),
        push=push,
        collective=collective,
        single_process_s=single.step_s,
        cores=host.cores,
        flow_bandwidth_bytes_per_s={
            "to_worker": link.fetch.sustained(draw),
            "to_ps": link.push.sustained(draw),
        },
        shared_bandwidth_bytes_per_s=None if shared is None else shared.at(draw),
        compute_source=compute.source,
        log_spread=_log_spread(profile, scenario, compute.log_spread),
    )


def _log_spread(profile: Profile, scenario: Scenario, compute: float) -> dict[Operation, float]:
    """How much less is known of what lies outside the measured ranges."""
    if scenario.strategy == "allreduce":
        measured = profile.collective
        low, high = measured.size_bytes or profile.link.size_bytes
        sizes = _doublings_outside(scenario.workload.size_bytes, low, high)
        most = measured.workers[1] if measured.workers else profile.host.concurrency
        crowd = _doublings_outside(scenario.workers, 1, most)
        moved: tuple[Operation, ...] = ("collective",)
    else:
        largest = max(v.size_bytes for v in scenario.workload.variables)
        sizes = _doublings_outside(largest, 1, profile.link.size_bytes[1])
        crowd = _doublings_outside(scenario.workers, 1, profile.host.concurrency)
        moved = ("fetch", "push")
    spread = RANGE_LOG_SPREAD * sizes + CONCURRENCY_LOG_SPREAD * crowd
    return {"compute": compute, **dict.fromkeys(moved, spread)}


def _beyond_collective(profile: Profile, scenario: Scenario) -> Iterator[str]:
    """What an all-reduce rests on beyond the times of some sizes and groups."""
    collective = profile.collective
    if not collective.measured:
        yield "collective: not measured, taken from a fetch's latency and bandwidth"
    source = "imported" if collective.imported else "measured"
    if collective.imported:
        yield "collective: imported times, of unknown processor demand: none is charged"
    for row in profile.fit:
        if row.operation == "allreduce" and (row.worst_error or 0.0) > MISFIT:
            yield (
                f"collective: a {collective.algorithm} misses the {source} times of sizes that it "
                f"was not fitted to by up to {100 * (row.worst_error or 0.0):.0f} %"
            )
    workers, size = scenario.workers, scenario.workload.size_bytes
    for range_, value, unit in (
        (collective.workers, workers, "workers"),
        (collective.size_bytes, size, "bytes"),
    ):
        if range_ is not None and value > 1 and not range_[0] <= value <= range_[1]:
            yield f"collective: {value} {unit}, {source} {range_[0]:.0f} to {range_[1]:.0f}"


def extrapolations(profile: Profile, scenario: Scenario) -> tuple[str, ...]:
    """What the prediction rests on beyond what was measured; empty when all is inside."""
    notes: list[str] = []
    workload, batch = scenario.workload, scenario.per_worker_batch
    source = compute_time(profile, workload, batch, None).source
    if source == "gemm_rate":
        notes.append("compute: flops over the GEMM rate, the workload's step was not measured")
    for measured in profile.device.workloads:
        if measured.workload == workload.name:
            low, high = measured.batches
            for label, value in (("per-worker batch", batch), ("baseline batch", scenario.batch)):
                if not low <= value <= high:
                    notes.append(f"compute: {label} {value} outside the measured {low} to {high}")
    if scenario.strategy == "allreduce":
        notes += _beyond_collective(profile, scenario)
    else:
        _, high_b = profile.link.size_bytes
        largest = max(v.size_bytes for v in workload.variables)
        if largest > high_b:
            notes.append(f"link: a variable of {largest} bytes, measured up to {high_b:.0f} bytes")
        if scenario.ps > 1:
            notes.append("ps: several parameter servers, measured with one")
    if scenario.placement == "mixed":
        notes.append("placement: traffic inside a host costs as much as between hosts")
    if scenario.workers > profile.host.concurrency:
        notes.append(
            f"concurrency: {scenario.workers} workers, measured with up to "
            f"{profile.host.concurrency} at once"
        )
    return tuple(dict.fromkeys(notes))
