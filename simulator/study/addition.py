"""Addition: workers on another device, beside those that are owned."""

from __future__ import annotations

from dataclasses import replace

from nworkers.models.base.errors import InputError
from nworkers.models.costs.compute import compute_time
from nworkers.models.records.added_workers import AddedWorkers
from nworkers.models.records.job_request import Addition, JobRequest
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import MAX_WORKERS
from nworkers.models.records.workload import Workload
from nworkers.simulator.study.hardware import hardware_of, read_source

#: Devices that compute more times as fast or slow are a slip.
LEAST_FACTOR, MOST_FACTOR = 0.001, 1e6
#: Quantities below these are a device's own.
_OF_DEVICES = ("device.", "gpu.")


def added_workers(request: JobRequest, add: Addition, workload: Workload) -> AddedWorkers:
    """What a request adds to the workers that are its baseline.

    Another profile's device is in a host like the others, on the same link.

    Raises:
        InputError: no workers are owned, or none added; there is no such device, or nothing tells
            how fast it is.
    """
    name = f"{add.workers}:{_named(add)}"
    if not 1 <= add.workers <= MAX_WORKERS:
        raise InputError("add", name, f"1 to {MAX_WORKERS} workers")
    base = request.baseline
    owned = int(base) if base.isascii() and base.isdigit() and len(base) < 10 else 0
    if not 1 <= owned <= MAX_WORKERS:
        raise InputError("add", name, "with <baseline> W, the workers that are owned")
    if isinstance(add.device, int | float):
        if not LEAST_FACTOR <= add.device <= MOST_FACTOR:
            raise InputError("add", name, f"{LEAST_FACTOR:g} to {MOST_FACTOR:g} times as fast")
        return AddedWorkers(owned, add.workers, name, float(add.device))
    devices, _ = read_source("add", add.device, "a factor such as 10x")
    kept = tuple(of for of in request.settings if not of.path.startswith(_OF_DEVICES))
    asked = replace(request, device_of=devices, settings=kept, add=None)
    profile = hardware_of(asked).profile
    if not _tells(profile, workload):
        raise InputError(
            "add",
            name,
            "a factor such as 2x: a step of this workload is stated, whatever computes it",
        )
    return AddedWorkers(owned, add.workers, name, profile=profile)


def _named(add: Addition) -> str:
    if isinstance(add.device, int | float):
        return f"{add.device:g}x"
    return str(getattr(add.device, "name", add.device))


def _tells(profile: Profile, workload: Workload) -> bool:
    """Whether a device's own speed has a part in the workload's compute time."""
    source = compute_time(profile.drawn(None), workload, 1).source
    own = any(measured.workload == workload.name for measured in profile.device.workloads)
    return source == "gemm_rate" or (source == "step_table" and own)
