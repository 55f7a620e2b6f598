"""Extrapolation: what a prediction rests on beyond what was measured, and how much wider it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from nworkers.models.costs.compute import RANGE_LOG_SPREAD, compute_time, doublings_outside
from nworkers.models.costs.phase import Operation
from nworkers.models.costs.task_memory import memory_notes
from nworkers.models.records.profile import NOMINAL, Profile
from nworkers.models.records.scenario import Scenario

#: Log-deviation for each doubling of the workers beyond those that were measured at once: a stated
#: judgement.
CONCURRENCY_LOG_SPREAD = 0.05
#: A model further off than this on what it was not fitted to is said to be.
MISFIT = 0.25


def log_spread(profile: Profile, scenario: Scenario, compute: float) -> dict[Operation, float]:
    """How much less is known of what lies outside the measured ranges."""
    if scenario.strategy == "allreduce":
        measured = profile.collective
        low, high = measured.size_bytes or profile.link.size_bytes
        sizes = doublings_outside(scenario.workload.size_bytes, low, high)
        most = measured.workers[1] if measured.workers else profile.host.concurrency
        crowd = doublings_outside(scenario.workers, 1, most)
        moved: tuple[Operation, ...] = ("collective",)
    else:
        largest = max(v.size_bytes for v in scenario.workload.variables)
        sizes = doublings_outside(largest, 1, profile.link.size_bytes[1])
        crowd = doublings_outside(scenario.workers, 1, profile.host.concurrency)
        moved = ("fetch", "push", "fetch_transfer", "push_transfer")
    spread = RANGE_LOG_SPREAD * sizes + CONCURRENCY_LOG_SPREAD * crowd
    return {"compute": compute, **dict.fromkeys(moved, spread)}


def _beyond_collective(profile: Profile, scenario: Scenario) -> Iterator[str]:
    """What an all-reduce rests on beyond the times of some sizes and groups."""
    collective = profile.collective
    one_host = scenario.hosts == 1 and collective.inner is not None
    if not collective.measured and not one_host:
        between = " between hosts" if collective.inner is not None else ""
        yield f"collective: not measured{between}, each hop is taken for a fetch of its bytes"
    source = "imported" if collective.imported else "measured"
    if collective.imported:
        yield "collective: imported times, of unknown processor demand: none is charged"
    for row in profile.fit:
        if row.operation.startswith("allreduce") and (row.worst_error or 0.0) > MISFIT:
            place = row.operation.removeprefix("allreduce")
            yield (
                f"collective: a {collective.algorithm}{place} misses the {source} times of sizes "
                f"that it was not fitted to by up to {100 * (row.worst_error or 0.0):.0f} %"
            )
    workers, size = scenario.workers, scenario.workload.size_bytes
    for range_, value, unit in (
        (collective.workers, workers, "workers"),
        (collective.size_bytes, size, "bytes"),
    ):
        if range_ is not None and value > 1 and not range_[0] <= value <= range_[1]:
            yield f"collective: {value} {unit}, {source} {range_[0]:.0f} to {range_[1]:.0f}"


def _beyond_gpu(profile: Profile, scenario: Scenario) -> Iterator[str]:
    """What workers on GPUs rest on beyond what was measured there."""
    gpu, per_gpu = profile.gpu, scenario.workers_per_gpu
    if gpu is None or per_gpu is None:
        return
    if gpu.sharing_evidence == "assumed" and min(per_gpu, scenario.workers_on_a_host) > 1:
        yield "GPU: not measured with two workers, which are taken to use it in turn"
    if gpu.fetch is None and scenario.strategy != "allreduce":
        yield "GPU: transfers into it were not measured, a copy of each tensor is added"
    used = 1 + max(place or 0 for place in scenario.gpus)
    if used > gpu.count:
        yield f"GPU: {used} on a host, measured {gpu.count}"


def _beyond_stated(profile: Profile, scenario: Scenario) -> Iterator[str]:
    """What a stated step leaves open: other batches, and what of it is processor time."""
    rows = scenario.workload.stated_step
    low, high = rows[0].batch, rows[-1].batch
    stated = f"{low} to {high}" if low < high else f"{low} alone"
    how = "the same as at the smallest" if low < high else "in proportion, beyond the dispatch"
    for label, value in (
        ("per-worker batch", scenario.per_worker_batch),
        ("baseline batch", scenario.batch),
    ):
        if not low <= value <= high:
            taken = how if value < low else "in proportion"
            yield f"compute: {label} {value} outside the stated {stated}, taken {taken}"
    crowded = scenario.placement != "separate" and not any(row.processor_s for row in rows)
    if profile.device.kind == "cpu" and crowded:
        yield "compute: processor time was not stated, tasks of a host compute beside each other"


def _beyond_added(scenario: Scenario, known: Sequence[str]) -> Iterator[str]:
    """What workers on another device rest on beside what all do."""
    added = scenario.added
    if added is None or not scenario.added_workers:
        return
    yield f"{added.name} beside {added.owned} on another device, which was not measured"
    if added.profile is not None:
        alike = replace(scenario, added=None, workers_per_gpu=added.workers_per_gpu)
        of = extrapolations(added.profile, alike)
        yield from (note for note in of if note not in known and "baseline" not in note)


def extrapolations(profile: Profile, scenario: Scenario) -> tuple[str, ...]:
    """What the prediction rests on beyond what was measured; empty when all is inside."""
    notes: list[str] = []
    workload, batch = scenario.workload, scenario.per_worker_batch
    source = compute_time(profile.drawn(None), workload, batch).source
    if source == "gemm_rate":
        notes.append("compute: flops over the GEMM rate, the workload's step was not measured")
    if workload.stated_step:
        notes += _beyond_stated(profile, scenario)
    for measured in profile.device.workloads:
        if measured.workload == workload.name and not workload.stated_step:
            low, high = measured.batches
            for label, value in (("per-worker batch", batch), ("baseline batch", scenario.batch)):
                if not low <= value <= high:
                    notes.append(f"compute: {label} {value} outside the measured {low} to {high}")
    if profile.link.evidence == NOMINAL:
        wire = next(of for of in reversed(profile.imported) if of.format == NOMINAL)
        notes.append(
            f"link: a nominal link of {wire.source}, the wire alone, which was not measured; "
            f"TensorFlow's latency and processor time are as {wire.base} has them"
        )
    if scenario.strategy == "allreduce":
        notes += _beyond_collective(profile, scenario)
    else:
        _, high_b = profile.link.size_bytes
        largest = max(v.size_bytes for v in workload.variables)
        if largest > high_b:
            notes.append(f"link: a variable of {largest} bytes, measured up to {high_b:.0f} bytes")
        if workload.tensors > (most := profile.link.tensors[1]):
            notes.append(f"link: {workload.tensors} variables, measured up to {most} at once")
        most_ps = profile.host.most_ps
        if most_ps == 1 < scenario.ps:
            notes.append("ps: several parameter servers, measured with one")
        elif scenario.ps > most_ps:
            notes.append(f"ps: {scenario.ps} parameter servers, measured with up to {most_ps}")
    notes += [f"what if: {change}, which was not measured" for change in scenario.what_if.changes]
    tiers = scenario.strategy == "allreduce" and profile.collective.inner is not None
    if scenario.placement == "mixed" and not tiers:
        notes.append("placement: traffic inside a host costs as much as between hosts")
    if scenario.workers > profile.host.concurrency:
        notes.append(
            f"concurrency: {scenario.workers} workers, measured with up to "
            f"{profile.host.concurrency} at once"
        )
    notes += [*_beyond_gpu(profile, scenario), *memory_notes(profile, scenario)]
    notes += [f"added workers: {note}" for note in _beyond_added(scenario, notes)]
    return tuple(dict.fromkeys(notes))
