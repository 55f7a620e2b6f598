"""Sweep jobs: what a sweep's files hold, read once, and the job of each of its scenarios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from nworkers.models.files.workload_toml import read_workload
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.profile import Profile
from nworkers.models.records.workload import Workload
from nworkers.simulator.study.hardware import Hardware, hardware_of, read_link, read_source
from nworkers.simulator.study.resolve import ResolvedJob, resolve
from nworkers.simulator.sweep.grid import (
    FIELDS,
    WORKERS,
    SweepAxis,
    SweepGrid,
    check_grid,
)

#: Hardware that is kept made. Scenarios come in an order in which it changes rarely.
_KEPT = 16


@dataclass(frozen=True)
class SweepSource:
    """A calibration without its samples: its profile, and the workload that it timed."""

    profile: Profile
    workload: Workload | None


def sweep_grid(source: str, stated: Sequence[SweepAxis], names: Mapping[str, str]) -> SweepGrid:
    """All scenarios of what is stated; every other field is as in a request that does not say.

    Args:
        source: where the axes are stated, for a message.
        names: what fields are called there, where not as in a `JobRequest`.

    Raises:
        InputError: there are no scenarios, one twice, or too many.
    """
    axes = {axis.field: axis for axis in stated}
    usual = JobRequest()
    for field in FIELDS:
        if field not in axes:
            value = getattr(usual, field)
            # A what-if is written as a list of words; the usual one has none.
            written = () if field == "what_if" else value
            name = names.get(field, field)
            axes[field] = SweepAxis(field, name, (written,), (held(field, value),))
    return check_grid(SweepGrid(tuple(axes[field] for field in FIELDS)), source)


def held(field: str, value: Any) -> Any:
    """A value of a `JobRequest`, or what the file holds that it names.

    Raises:
        InputError: the file cannot be read, or nothing has such a name.
    """
    if value is None:
        return None
    if field in ("profile", "device_of"):
        return SweepSource(*read_source("calibration" if field == "profile" else field, value))
    if field == "link":
        return read_link(value)
    return read_workload(value) if field == "workload" else value


class SweepJobs:
    """The jobs of a grid, each resolved when it is asked for."""

    def __init__(self, grid: SweepGrid) -> None:
        self._grid = grid
        self._hardware = lru_cache(_KEPT)(self._made)

    def job(self, index: int) -> ResolvedJob:
        """The job of one scenario.

        Raises:
            InputError: there can be no such job.
        """
        # Made once for all: it is much of the work, and it keeps what predictions drew from it.
        hardware = self._hardware(index // self._grid.on_one_hardware)
        request, workers = self._request(index)
        request = replace(request, workload=request.workload or hardware.workload)
        return resolve(request, [workers], hardware=hardware)

    def _made(self, number: int) -> Hardware:
        """The hardware of so many scenarios, counted in those that share one."""
        index = number * self._grid.on_one_hardware
        values = self._grid.values(index)
        source: SweepSource = values["device_of"] or values["profile"]
        return replace(hardware_of(self._request(index)[0]), workload=source.workload)

    def _request(self, index: int) -> tuple[JobRequest, int]:
        """What is asked, with profiles in the place of calibrations, and of how many workers."""
        values = self._grid.values(index)
        workers: int = values.pop(WORKERS)
        for field in ("profile", "device_of"):
            if values[field] is not None:
                values[field] = values[field].profile
        return JobRequest(**values), workers
