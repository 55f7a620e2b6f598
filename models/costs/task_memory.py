"""Task memory: the tensors that each task of a job keeps at once, and what would make them fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from nworkers.models.base.errors import InputError, with_fields
from nworkers.models.costs.sharding import carried_bytes, compressed, place
from nworkers.models.records.prediction import Overfull, TaskMemory
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import SLOTS

#: What TensorFlow 2.21 took of memory at its peak, over the tensors counted here: messages on
#: their way and copies of variables that are read while they change. By `benchmarks.resident`.
RESIDENT_OVER_TENSORS = (1.8, 3.3)
#: From here on nobody is expected to have it where nothing is known of a host: a judgement.
ABSURD_BYTES = 64e9
#: The partition that is tried where a variable is too large for one ps.
PARTITION_BYTES = float(2**20)
#: Up to so many ps are tried.
_MOST_PS = 1024


def task_memory(profile: Profile, scenario: Scenario) -> TaskMemory:
    """Bytes of tensors that have to be there at once.

    A ps has its variables with the optimizer's slots, and a gradient from each worker that pushes;
    under synchronous training also the sum of them. A worker has a copy of what it fetches and its
    gradients; under all-reduce variables, slots, gradients and the buffer that fuses them.
    Activations count where a calibration measured them.

    Raises:
        InputError: there are more ps than bytes.
    """
    workload, change = scenario.workload, scenario.what_if
    stored = float(workload.size_bytes)
    kept = 1.0 + SLOTS[workload.optimizer]
    fused = min(stored, change.bucket_bytes or stored)
    ps: tuple[float, ...] = ()
    if scenario.strategy == "allreduce":
        worker = stored * kept + stored + fused
    else:
        carried = sum(carried_bytes(v, change) for v in workload.variables)
        worker = carried + stored + (fused if change.hybrid else 0.0)
        ps = tuple(_ps_bytes(scenario, kept))
    worker += activation_bytes_per_sample(profile, scenario) * scenario.per_worker_batch
    # Without a ps, no host has more than the first.
    hosts = {host: scenario.workers_on(host) * worker for host in sorted({0, *scenario.ps_hosts})}
    for host, needed in zip(scenario.ps_hosts, ps, strict=True):
        hosts[host] += needed
    fullest = max(hosts, key=hosts.__getitem__)
    return TaskMemory(ps, worker, hosts[fullest], fullest, profile.host.memory_bytes)


def _ps_bytes(scenario: Scenario, kept: float) -> Iterator[float]:
    """What each ps keeps."""
    workload, change = scenario.workload, scenario.what_if
    pushing = scenario.hosts_with_workers if change.hybrid else scenario.workers
    for shard in place(workload, scenario.ps, change):
        stored = pushed = 0.0
        for piece in shard:
            variable = workload.variables[piece.variable]
            stored += piece.size_bytes * variable.size_bytes / carried_bytes(variable, change)
            pushed += piece.size_bytes * compressed(change)
        sums = stored if scenario.strategy == "ps-sync" else 0.0
        yield stored * kept + pushing * pushed + sums


def activation_bytes_per_sample(profile: Profile, scenario: Scenario) -> float:
    """What a calibration of this workload measured; 0 where none did."""
    measured = [
        known.activation_bytes_per_sample
        for known in profile.device.workloads
        if known.workload == scenario.workload.name
    ]
    return (measured[0] if measured else None) or 0.0


def check_task_memory(profile: Profile, scenario: Scenario, *, curve: bool) -> None:
    """Refuse a job that a host's stated memory cannot hold.

    Args:
        curve: the number of workers is the largest of a curve.

    Raises:
        InputError: which tasks need how much, and what would make them fit.
    """
    memory = task_memory(profile, scenario)
    available = memory.available_bytes
    if available is None or memory.host_bytes <= available:
        return
    raise InputError(
        "memory_bytes",
        f"{_gb(available)} a host, less than {_needs(scenario, memory)}",
        " or ".join([f"at least {_gb(memory.host_bytes)}", *fitting(profile, scenario, curve)]),
    )


def overfull(profile: Profile, scenario: Scenario) -> Overfull | None:
    """What memory cannot hold the job, of those that are known; None if it can.

    Raises:
        InputError: there are more ps than bytes.
    """
    memory = task_memory(profile, scenario)
    on_a_gpu = _per_gpu(scenario) * memory.worker_bytes
    has = profile.gpu.memory_bytes if profile.gpu else None
    if has is not None and on_a_gpu > has:
        return Overfull("GPU", on_a_gpu, has)
    if memory.available_bytes is not None and memory.host_bytes > memory.available_bytes:
        return Overfull("host", memory.host_bytes, memory.available_bytes)
    return None


def _per_gpu(scenario: Scenario) -> int:
    """Workers that share a GPU."""
    return min(scenario.workers_per_gpu or 0, scenario.workers_on_a_host)


def memory_notes(profile: Profile, scenario: Scenario) -> Iterator[str]:
    """What of a job does not fit, or may not."""
    memory, over = task_memory(profile, scenario), overfull(profile, scenario)
    if over is not None and over.where == "GPU":
        count = _per_gpu(scenario)
        yield (
            f"memory: {count} worker{'' if count == 1 else 's'} need {_gb(over.needed_bytes)} "
            f"of a GPU, which has {_gb(over.available_bytes)}: it cannot train"
        )
    available, needed = memory.available_bytes, memory.host_bytes
    low, high = RESIDENT_OVER_TENSORS
    who = f"memory: {_needs(scenario, memory)} on one host"
    if available is None:
        if needed > ABSURD_BYTES:
            yield f"{who}, and what it has is not known{_would_fit(profile, scenario)}"
    elif needed > available:
        yield f"{who}, which has {_gb(available)}: it cannot train{_would_fit(profile, scenario)}"
    elif needed * high > available:
        yield (
            f"{who} of {_gb(available)}; TensorFlow took {low:g} to {high:g} times the tensors "
            "where that was measured"
        )


def _would_fit(profile: Profile, scenario: Scenario) -> str:
    found = fitting(profile, scenario, curve=False)
    return "".join(f"; {with_fields(way, _plain)} would fit" for way in found)


def _plain(field: str) -> str:
    return field.replace("_", "-")


def fitting(profile: Profile, scenario: Scenario, curve: bool) -> list[str]:
    """The first change that makes the job fit, tried out; empty where none of them does."""
    available = profile.host.memory_bytes or ABSURD_BYTES

    def fits(changed: Scenario) -> bool:
        try:
            return task_memory(profile, changed).host_bytes <= available
        except InputError:
            return False

    change = scenario.what_if
    if scenario.strategy != "allreduce":
        partitioned = replace(
            scenario, what_if=replace(change, partition_bytes=PARTITION_BYTES, said=())
        )
        whole = change.partition_bytes is None
        if whole and fits(partitioned):
            return ["<what_if> partition=1MiB"]
        if found := _least(scenario.ps + 1, _MOST_PS, lambda n: fits(replace(scenario, ps=n))):
            return [f"<ps> {found}"]
        if whole and (
            found := _least(scenario.ps + 1, _MOST_PS, lambda n: fits(replace(partitioned, ps=n)))
        ):
            return [f"<ps> {found} with <what_if> partition=1MiB"]
    fewest = 2 if scenario.strategy == "allreduce" else 1
    if found := _most(
        1, scenario.workers_on_a_host - 1, lambda n: fits(replace(scenario, workers_per_host=n))
    ):
        return [f"<workers_per_host> {found}"]
    if found := _most(fewest, scenario.workers - 1, lambda n: fits(replace(scenario, workers=n))):
        return [f"<{'max_workers' if curve else 'workers'}> {found}"]
    return []


def _least(low: int, high: int, fits: Callable[[int], bool]) -> int | None:
    """The smallest number that fits, by doubling and bisection: more of them hold no less."""
    tried = low
    while not fits(tried):
        low = tried + 1
        if tried == high:
            return None
        tried = min(high, 2 * tried)
    while low < tried:
        middle = (low + tried) // 2
        low, tried = (low, middle) if fits(middle) else (middle + 1, tried)
    return tried


def _most(low: int, high: int, fits: Callable[[int], bool]) -> int | None:
    """The largest number that fits, by bisection: fewer of them need no more."""
    if low > high or not fits(low):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _needs(scenario: Scenario, memory: TaskMemory) -> str:
    """What the fullest host needs, and which of its tasks need how much of it."""
    workers = scenario.workers_on(memory.fullest_host)
    there = [
        f"ps {k}: {_gb(memory.ps_bytes[k])}"
        for k, host in enumerate(scenario.ps_hosts)
        if host == memory.fullest_host
    ]
    if len(there) > 2:
        there = [f"{len(there)} ps: up to {_gb(max(memory.ps_bytes))} each"]
    if workers:
        each = "" if workers == 1 else " each"
        there.append(f"{workers} worker{'s' * (workers > 1)}: {_gb(memory.worker_bytes)}{each}")
    return f"{_gb(memory.host_bytes)} of tensors ({'; '.join(there)})"


def _gb(size_bytes: float) -> str:
    scale, unit = next(
        (known for known in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if size_bytes >= known[0]),
        (1.0, "B"),
    )
    scaled = size_bytes / scale
    return f"{scaled:.3g} {unit}" if scaled < 999.5 else f"{scaled:.0f} {unit}"
