"""Quantities: what of a job may be solved for, from its worst to its best, and its unit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from nworkers.models.base.errors import InputError
from nworkers.models.costs.laws import sustained
from nworkers.models.costs.step import step_costs
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.nominal_link import MAX_BITS_PER_S, MIN_BITS_PER_S, PAYLOAD_SHARE
from nworkers.models.records.on_device import through_host_memory, with_device
from nworkers.models.records.profile import MEMORY, Profile, parameters, value_at, with_link
from nworkers.models.records.scaled_link import with_dispatch, with_latency
from nworkers.models.records.solved import Sought
from nworkers.models.records.what_if import InnerLink
from nworkers.simulator.decide.search import Axis, first_rung, rungs
from nworkers.simulator.engine.engines import IS_COMPILED
from nworkers.simulator.study.hardware import Hardware, hardware_of, read_link, read_source
from nworkers.simulator.study.resolve import ResolvedJob, resolve, workload_of
from nworkers.simulator.study.settings import settables

#: No batch beyond is looked at, and no more workers or ps; of ps, which cost most to simulate,
#: fewer where nothing is compiled.
MOST_BATCH, MOST_WORKERS, MOST_PS = 2**24, 256, 64 if IS_COMPILED else 8
#: How many times today's a latency or a dispatch is looked at; the last counts as none.
MOST_FACTOR, LEAST_FACTOR, NO_FACTOR = 1e3, 1e-4, 1e-7
#: No transport takes longer (`nworkers.models.records.what_if`).
_MOST_RDMA_S = 1.0
#: Bytes a second inside a host.
_INNER = (1e6, 1e14)


@dataclass(frozen=True)
class Job:
    """A request whose files are read, and the hardware that it describes."""

    request: JobRequest
    hardware: Hardware

    def resolved(self, workers: int, **changes: object) -> ResolvedJob:
        """The job with fields of its request changed, none of which concerns the hardware."""
        request = replace(self.request, **changes)  # type: ignore[arg-type]
        return resolve(request, [workers], hardware=self.hardware)


@dataclass(frozen=True)
class Quantity:
    """One quantity of a job: the values to search, its value today, and how it is asked for.

    ``scale`` turns a value of the axis into one of the ``unit``; ``said`` is the field of a request
    and its text that ask for a value.
    """

    name: str
    unit: str
    axis: Axis
    today: float | None
    scale: float = 1.0
    said: Callable[[float], tuple[tuple[str, str], ...]] = lambda _: ()


def job_of(request: JobRequest) -> Job:
    """Read what the request names, once.

    Raises:
        InputError
    """
    profile, calibrated = read_source("calibration", request.profile)
    if request.device_of is not None:
        devices, calibrated = read_source("device_of", request.device_of)
        profile = with_device(profile, devices)
    link = None if request.link is None else read_link(request.link)
    if isinstance(link, Profile):
        profile, link = through_host_memory(with_link(profile, link)), None
    read = replace(request, profile=profile, device_of=None, link=link)
    hardware = replace(hardware_of(read), workload=calibrated)
    # The workload is read here, and not anew for each value.
    workload = workload_of(read, hardware.profile, calibrated)
    return Job(replace(read, workload=workload), hardware)


def quantity_of(job: Job, what: Sought | str, workers: int) -> Quantity:
    """Raises: InputError, where the job has no such quantity."""
    return _QUANTITIES[what](job, workers)


def _held(job: Job, axis: Callable[[Job], Axis]) -> Axis:
    """An axis on which a value is none whose job memory cannot hold, and the last that it can.

    What memory was stated to be ends the search, and is no contradiction.
    """
    hardware = job.hardware
    if hardware.profile.host.memory_bytes is None and hardware.profile.gpu is None:
        return axis(job)
    stated = tuple(path for path in hardware.profile.stated if path != MEMORY)
    profile = replace(hardware.profile, stated=stated)
    found = replace(axis(replace(job, hardware=replace(hardware, profile=profile))), held=True)

    def over(value: float) -> bool:
        try:
            return found.overfull(found.at(value))
        except InputError:
            return False

    grid = [*found.grid]
    place = next((k for k, value in enumerate(grid) if over(value)), 0)
    if place == 0:
        return found
    count, at = rungs(found, grid[place - 1], grid[place])
    last = first_rung(count, lambda k: float(over(at(k))), 0.5) - 1
    return replace(found, grid=[*grid[:place], *([at(last)] if last else []), *grid[place:]])


def _batch(job: Job, workers: int) -> Quantity:
    """Batches that the workers share evenly: of others, samples count that nobody trains."""
    each = workers if job.request.scaling == "strong" else 1
    most = max(MOST_BATCH, 8 * each)
    return Quantity(
        "batch",
        "samples",
        _held(
            job,
            lambda of: Axis(
                lambda value: of.resolved(workers, batch=round(value)),
                [each * k for k in _whole(most // each, math.sqrt(2.0))],
                step=each,
            ),
        ),
        float(job.request.batch),
        said=lambda value: (("batch", str(round(value))),),
    )


def _ps(job: Job, workers: int) -> Quantity:
    if job.request.strategy == "allreduce":
        raise InputError("strategy", "allreduce", "ps-async or ps-sync, which have ps to solve for")
    return Quantity(
        "ps",
        "parameter servers",
        _held(
            job,
            lambda of: Axis(
                lambda value: of.resolved(workers, ps=round(value)), _whole(MOST_PS, 1.2), step=1
            ),
        ),
        float(job.request.ps),
        said=lambda value: (("ps", str(round(value))),),
    )


def _workers(job: Job, workers: int) -> Quantity:
    """From the fewest that the strategy has; strong scaling ends at one sample each."""
    request = job.request
    least = max(2 if request.strategy == "allreduce" else 1, request.what_if.least_workers)
    most = min(MOST_WORKERS, request.batch) if request.scaling == "strong" else MOST_WORKERS
    grid = [n for n in _whole(max(least, most), 1.25) if n >= least]
    return Quantity(
        "workers",
        "workers",
        _held(job, lambda of: Axis(lambda value: of.resolved(round(value)), grid, step=1)),
        float(workers),
        said=lambda value: (("workers", str(round(value))),),
    )


def _latency(job: Job, workers: int) -> Quantity:
    """Of requests to a ps, or of an all-reduce's hops; with another transport, of that one."""
    now = job.resolved(workers)
    rdma = job.request.what_if.rdma
    if rdma is None:
        return _scaled(job, now, "latency", with_latency, _latency_s(now))

    def at(factor: float) -> ResolvedJob:
        latency_s = min(_MOST_RDMA_S, factor * rdma.latency_s)
        change = replace(job.request.what_if, rdma=replace(rdma, latency_s=latency_s), said=())
        return job.resolved(workers, what_if=change)

    return _of_time("latency", at, rdma.latency_s, min(MOST_FACTOR, _MOST_RDMA_S / rdma.latency_s))


def _dispatch(job: Job, workers: int) -> Quantity:
    now = job.resolved(workers)
    today_s = step_costs(now.profile, now.scenarios[0]).dispatch.wall_s
    return _scaled(job, now, "dispatch", with_dispatch, today_s)


def _scaled(
    job: Job,
    now: ResolvedJob,
    name: str,
    change: Callable[[Profile, float], Profile],
    today_s: float,
) -> Quantity:
    """A time of the profile."""

    def at(factor: float) -> ResolvedJob:
        return replace(now, profile=change(now.profile, factor))

    paths = _set_paths(job, now, change)

    def said(factor: float) -> tuple[tuple[str, str], ...]:
        # Rounded down: what is asked for is enough.
        size = 10.0 ** (math.floor(math.log10(factor)) - 3)
        text = f"{math.floor(factor / size + 1e-9) * size:.4g}x"
        return tuple(("settings", f"{path}={text}") for path in paths)

    return replace(_of_time(name, at, today_s), said=said)


def _set_paths(
    job: Job, now: ResolvedJob, change: Callable[[Profile, float], Profile]
) -> tuple[str, ...]:
    """Quantities that are set to ask for a change of a profile; none where those are not all of it.

    A factor is of what was measured: of what the request has set, it would be another.
    """
    profile = now.profile
    reduces = now.scenarios[0].strategy == "allreduce"
    # An all-reduce that nobody measured has the latency of the link.
    unread: tuple[str, ...] = ("link.", "host.") if profile.collective.measured else ("host.",)
    if not reduces:
        unread = ("collective.",)
    if not now.scenarios[0].scheduled:
        unread += ("host.coordinator.",)
    was = dict(parameters(profile))
    moved = [
        path
        for path, value in parameters(change(profile, 2.0))
        if value != was.get(path) and not path.startswith(unread)
    ]
    settable = {one.path for one in settables(profile)}
    known = [path for path in moved if path in was]
    stated = {setting.path for setting in job.request.settings}
    if len(known) < len(moved) or stated & set(moved):
        return ()
    return tuple(path for path in moved if path in settable)


def _of_time(
    name: str, at: Callable[[float], ResolvedJob], today_s: float, most: float = MOST_FACTOR
) -> Quantity:
    """A time by factors of today's, from the longest to none."""
    grid = [*_falling(most, LEAST_FACTOR), NO_FACTOR]
    return Quantity(name, "s", Axis(at, grid, rises=True), today_s, today_s)


def _latency_s(job: ResolvedJob) -> float:
    """The latency of a worker's whole fetch, or of a hop of its all-reduce."""
    (scenario,) = job.scenarios
    known = job.profile.drawn(None)
    if scenario.strategy == "allreduce":
        return known.collective.latency_s or known.link.fetch.segments[-1].latency_s
    costs = step_costs(job.profile, scenario)
    return max(
        (sum(phase.wall_s for phase in chain if phase.cause == "fetch_latency"))
        for chain in costs.fetch
    )


def _bandwidth(job: Job, workers: int) -> Quantity:
    """The wire's nominal rate between hosts; inside one host, what carries tensors there."""
    now = job.resolved(workers)
    link = now.profile.link
    if now.scenarios[0].hosts == 1:
        today = value_at(sustained(link.fetch), None)

        def inside(value: float) -> ResolvedJob:
            change = replace(job.request.what_if, inner_link=InnerLink(value))
            return job.resolved(workers, what_if=change)

        axis = Axis(inside, _rising(*_INNER), rises=True)
        return Quantity(
            "bandwidth",
            "bytes/s",
            axis,
            today,
            said=lambda value: (("what_if", f"inner-link={_digits(value / 1e9)}GB/s"),),
        )

    def over(value: float) -> ResolvedJob:
        request = replace(job.request, link=f"{_digits(value / 1e9)}gbit")
        hardware = replace(hardware_of(request), workload=job.hardware.workload)
        return resolve(request, [workers], hardware=hardware)

    rate = link.shared_bandwidth_bytes_per_s or sustained(link.fetch)
    return Quantity(
        "bandwidth",
        "bit/s",
        Axis(over, _rising(MIN_BITS_PER_S, MAX_BITS_PER_S), rises=True),
        8.0 * value_at(rate, None) / PAYLOAD_SHARE,
        said=lambda value: (("link", f"{_digits(value / 1e9)}gbit"),),
    )


_QUANTITIES: dict[str, Callable[[Job, int], Quantity]] = {
    "batch": _batch,
    "ps": _ps,
    "workers": _workers,
    "latency": _latency,
    "dispatch": _dispatch,
    "bandwidth": _bandwidth,
}


def _whole(most: int, ratio: float) -> list[int]:
    """All whole numbers up to 8, then by a ratio, and the last."""
    found = list(range(1, min(8, most) + 1))
    while found[-1] < most:
        found.append(min(most, max(found[-1] + 1, round(found[-1] * ratio))))
    return found


def _rising(low: float, high: float) -> list[float]:
    """From low to high, each at most twice the one before."""
    steps = math.ceil(math.log2(high / low))
    return [low * (high / low) ** (k / steps) for k in range(steps + 1)]


def _falling(high: float, low: float) -> Iterable[float]:
    return reversed(_rising(low, high))


def _digits(value: float) -> str:
    """Four significant digits, without an exponent, rounded up: what is asked for is enough."""
    size = 10.0 ** (math.floor(math.log10(value)) - 3)
    return f"{math.ceil(value / size - 1e-9) * size:.9f}".rstrip("0").rstrip(".")
