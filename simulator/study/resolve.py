"""Resolve: the training jobs that a request describes, on the hardware that it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from nworkers.models.base.choices import choice
from nworkers.models.base.defaults import DEFAULT_PROFILE, DEFAULT_WORKLOAD
from nworkers.models.base.errors import Contradiction, InputError
from nworkers.models.costs.task_memory import check_task_memory, overfull
from nworkers.models.files.shipped import shipped_profiles
from nworkers.models.files.workload_toml import read_workload
from nworkers.models.records.added_workers import AddedWorkers
from nworkers.models.records.job_request import (
    PLACEMENTS,
    JobRequest,
    Placement,
)
from nworkers.models.records.prediction import Overfull
from nworkers.models.records.profile import MEMORY, NOMINAL, DeviceKind, Profile
from nworkers.models.records.runtimes import RUNTIMES_OF, STRATEGIES
from nworkers.models.records.scenario import (
    MAX_WORKERS,
    PsPlacement,
    Scaling,
    Scenario,
    check_scenario,
)
from nworkers.models.records.setting import Changed
from nworkers.models.records.workload import Workload, check_steps
from nworkers.simulator.study.addition import added_workers
from nworkers.simulator.study.hardware import Hardware, hardware_of


@dataclass(frozen=True)
class ResolvedJob:
    """What is simulated: one scenario for each number of workers, on one profile.

    ``shipped`` names the profile if it is not the user's own; ``doubts`` say why its hardware may
    behave otherwise than was measured; ``changed`` is what was set of it.
    """

    profile: Profile
    scenarios: tuple[Scenario, ...]
    baseline: str
    seed: int
    shipped: str | None
    doubts: tuple[str, ...]
    changed: tuple[Changed, ...] = ()

    @property
    def overfull(self) -> Overfull | None:
        """What memory cannot hold the first of the jobs; None if it can, or is not known."""
        return overfull(self.profile, self.scenarios[0])

    def training(self, workload: Workload) -> ResolvedJob:
        """The same jobs with another workload."""
        if stated_step := self.scenarios[0].workload.stated_step:
            workload = replace(workload, stated_step=stated_step)
        scenarios = tuple(replace(scenario, workload=workload) for scenario in self.scenarios)
        return replace(self, scenarios=scenarios)


def resolve(
    request: JobRequest,
    workers: Sequence[int],
    *,
    curve: bool = False,
    hardware: Hardware | None = None,
) -> ResolvedJob:
    """Read what the request names, each file once, and put the jobs together.

    Args:
        workers: numbers of workers, one job for each.
        curve: the answer is a curve up to the one number in ``workers``; strong scaling ends it at
            one sample a worker.
        hardware: what `hardware_of` gives for the request, where it is known already.

    Raises:
        InputError: a field is wrong in itself, or contradicts another; a file cannot be read.
    """
    choice("strategy", request.strategy, STRATEGIES)
    choice("scaling", request.scaling, get_args(Scaling))
    if request.device is not None:
        choice("device", request.device, get_args(DeviceKind))
    if curve and request.scaling == "strong":
        workers = [min(most, request.batch) for most in workers]
    if hardware is None:
        hardware = hardware_of(request)
    profile = hardware.profile
    workload = workload_of(request, profile, hardware.workload)
    if request.step_time:
        workload = replace(workload, stated_step=check_steps("step_time", request.step_time))
    added = None if request.add is None else added_workers(request, request.add, workload)
    if curve and added is not None:
        most = added.owned + added.most
        workers = [min(most, request.batch) if request.scaling == "strong" else most]
    placed = [_placement(request, profile, number, curve=curve) for number in workers]
    scenarios = tuple(
        _checked(
            Scenario(
                workload=workload,
                workers=number,
                strategy=request.strategy,
                runtime=request.runtime or RUNTIMES_OF[request.strategy][0],
                scaling=request.scaling,
                batch=request.batch,
                ps=request.ps,
                workers_per_host=per_host,
                ps_placement=ps_placement,
                what_if=request.what_if,
                workers_per_gpu=_per_gpu(request, profile, min(number, per_host)),
                added=added and _placed(added, request, profile, min(number, per_host)),
            ),
            profile,
            request,
            curve=curve,
        )
        for number, (per_host, ps_placement) in zip(workers, placed, strict=True)
    )
    if workload.stated_step:
        for change in hardware.changed:
            if change.path.startswith(f"device.workloads[{workload.name}]."):
                raise InputError(
                    "settings", change.path, "without <step_time>, which takes its place"
                )
    named = request.profile if isinstance(request.profile, str) else None
    return ResolvedJob(
        profile=profile,
        scenarios=scenarios,
        baseline=request.baseline,
        seed=request.seed,
        shipped=named if named in shipped_profiles() else None,
        doubts=hardware.doubts,
        changed=hardware.changed,
    )


def _per_gpu(request: JobRequest, profile: Profile, on_a_host: int) -> int | None:
    """How many workers share a GPU; by default those of a host share all that it has.

    Raises:
        InputError: processors are what the workers compute on.
    """
    asked = request.workers_per_gpu
    if profile.device.kind == "cpu":
        if asked is not None:
            raise InputError("workers_per_gpu", asked, "with <device> gpu")
        return None
    count = profile.gpu.count if profile.gpu else 1
    return -(-on_a_host // count) if asked is None else asked


def _placed(
    added: AddedWorkers, request: JobRequest, profile: Profile, on_a_host: int
) -> AddedWorkers:
    """Added workers, as many on each GPU as those that are owned; none on processors."""
    of = added.profile or profile
    if of.device.kind == "cpu":
        return added
    return replace(added, workers_per_gpu=_per_gpu(request, of, on_a_host))


def workload_of(request: JobRequest, profile: Profile, calibrated: Workload | None) -> Workload:
    """What is trained: as the request names it, else as it was calibrated.

    Raises:
        InputError
    """
    if isinstance(request.workload, Workload):
        return request.workload
    if request.workload is not None:
        return read_workload(str(request.workload))
    if calibrated is not None:
        return calibrated
    try:
        return read_workload(profile.workload or DEFAULT_WORKLOAD)
    except InputError:
        raise InputError(
            "workload",
            f"none, and the profile was measured with {profile.workload!r}",
            "the TOML file of that workload, or another workload",
        ) from None


def _checked(scenario: Scenario, profile: Profile, request: JobRequest, *, curve: bool) -> Scenario:
    """Raises: InputError where it cannot be trained, or not over the link that was measured."""
    check_scenario(scenario)
    if MEMORY in profile.stated:
        check_task_memory(profile, scenario, curve=curve)
    reduced = scenario.strategy == "allreduce" and profile.collective.per_host is not None
    if profile.link.kind == "loopback" and scenario.hosts > 1 and not reduced:
        raise InputError(
            _spreads(request, curve=curve),
            f"tasks on {scenario.hosts} hosts, with a link that was measured inside one",
            "all tasks on one host, or add <link> NAME|FILE|RATE for the wire between hosts "
            f"(shipped: <link> {DEFAULT_PROFILE}; nominal: <link> 10gbit)",
        )
    if (
        scenario.strategy == "allreduce"
        and scenario.hosts > 1
        and not _outer_known(profile, request)
    ):
        raise InputError(
            _spreads(request, curve=curve),
            f"{scenario.workers} workers on {scenario.hosts} hosts, with all-reduces that were "
            "imported from one host",
            f"up to {scenario.workers_per_host}, which share one host, or a table of several hosts "
            "beside that of one, or <link> NAME|FILE|RATE for the wire between hosts (nominal: "
            "<link> 100gbit)",
        )
    return scenario


def _spreads(request: JobRequest, *, curve: bool) -> str:
    """Which field puts tasks on several hosts: one of those that were given, else their number."""
    for field in ("placement", "hosts", "workers_per_host", "ps_placement"):
        if getattr(request, field) is not None:
            return field
    return "max_workers" if curve else "workers"


def _outer_known(profile: Profile, request: JobRequest) -> bool:
    """Whether anything tells what an all-reduce takes between hosts.

    The wire of a base does not, which a table of one host was put into.
    """
    known = profile.collective
    if known.measured or known.inner is None or request.link is not None:
        return True
    return profile.link.evidence == NOMINAL


def _placement(
    request: JobRequest, profile: Profile, workers: int, *, curve: bool
) -> tuple[int, PsPlacement]:
    """Workers a host and where the ps are; by default all tasks as they were calibrated."""
    per_host_by_name = {"shared": MAX_WORKERS, "separate": 1}
    ps_by_name: dict[Placement, PsPlacement] = {"shared": "shared", "separate": "own"}
    if request.placement is not None:
        for field in ("hosts", "workers_per_host", "ps_placement"):
            if (value := getattr(request, field)) is not None:
                raise Contradiction(field, value, "placement")
        name = choice("placement", request.placement, PLACEMENTS)
        return per_host_by_name[name], ps_by_name[name]
    usual: Placement = "shared" if profile.link.kind == "loopback" else "separate"
    each = per_host_by_name[usual]
    if request.strategy == "allreduce" and profile.collective.inner is not None:
        each = profile.collective.inner.workers[1]
    ps_placement = request.ps_placement or ps_by_name[usual]
    choice("ps_placement", ps_placement, get_args(PsPlacement))
    if request.hosts is not None and request.workers_per_host is not None:
        raise Contradiction("hosts", request.hosts, "workers_per_host")
    if request.workers_per_host is not None:
        return request.workers_per_host, ps_placement
    if request.hosts is not None:
        return _per_host(request.hosts, workers, curve=curve), ps_placement
    return each, ps_placement


def _per_host(hosts: int, workers: int, *, curve: bool) -> int:
    if curve:
        raise InputError(
            "hosts", hosts, "<workers_per_host> here, since the number of workers varies"
        )
    if not 1 <= hosts <= workers:
        raise InputError("hosts", hosts, f"an integer from 1 to {workers}")
    per_host = -(-workers // hosts)
    used = -(-workers // per_host)
    if used != hosts:
        raise InputError(
            "hosts",
            f"{hosts} for {workers} workers",
            f"a number that they fill: {used} hosts with {per_host} on each",
        )
    return per_host
